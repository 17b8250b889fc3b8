"""A synthetic month of a plant, from a seed: machine states, failed inspections, rush orders, and what people did.

Nothing of it was recorded anywhere. Written as the JSON Lines that `mos replay --from` reads (docs/how-to/replay.md).
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.rosters.people import ChannelName, ContactMethod, Person, Roster, Shift
from domain.site import Equipment, Level, Site
from domain.values import iso

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 30
_AREAS, _CENTERS = 4, 4  # of each area
_SHIFTS = {"early": "06:00", "late": "14:00", "night": "22:00"}
Line = dict[str, Any]


def site(machines: int) -> Site:
    """Areas with work centers with so many machines in all."""
    areas = [Equipment(id=f"area-{a}", title=f"Area {a}", level=Level.AREA) for a in range(_AREAS)]
    centers = [
        Equipment(id=f"center-{c}", title=f"Center {c}", level=Level.WORK_CENTER, parent=f"area-{c % _AREAS}")
        for c in range(_AREAS * _CENTERS)
    ]
    units = [
        Equipment(
            id=f"unit-{m}",
            title=f"Unit {m}",
            level=Level.WORK_UNIT,
            parent=f"center-{m % len(centers)}",
            skill=f"skill-{m % _CENTERS}",
        )
        for m in range(machines)
    ]
    return Site(enterprise="bench", site="month", title="A month", equipment=[*areas, *centers, *units])


def roster() -> Roster:
    """Two technicians for each area and shift, and one of each other role for each shift."""
    people = [
        _person(f"tech-{area}-{shift}-{n}", "maintenance_technician", shift, "report_downtime", area=f"area-{area}")
        for area in range(_AREAS)
        for shift in _SHIFTS
        for n in range(2)
    ]
    others = {
        "maintenance_lead": "report_downtime",
        "planner": "reschedule promise",
        "materials": "",
        "quality_manager": "disposition",
        "customer_service": "",
        "plant_manager": "reschedule promise disposition report_downtime",
    }
    people += [_person(f"{role}-{shift}", role, shift, may) for role, may in others.items() for shift in _SHIFTS]
    ends = dict(zip(_SHIFTS, [*list(_SHIFTS.values())[1:], "06:00"], strict=True))
    shifts = [Shift.model_validate({"name": name, "start": at, "end": ends[name]}) for name, at in _SHIFTS.items()]
    return Roster(shifts=shifts, people=people)


def _person(name: str, role: str, shift: str, authorities: str, area: str = "") -> Person:
    contact = ContactMethod(channel=ChannelName.SLACK, address=name)
    return Person(
        id=name,
        name=name.replace("-", " ").capitalize(),
        roles=[role],
        areas=[area] if area else [],
        shifts=[shift],
        authorities=authorities.split(),
        contacts=[contact],
    )


def write(file: Path, exceptions: int, machines: int = 200, seed: int = 1) -> None:
    """About so many exceptions of the three shipped definitions."""
    with file.open("w", encoding="utf-8") as out:
        for line in lines(exceptions, machines, seed):
            out.write(json.dumps(line) + "\n")


def lines(exceptions: int, machines: int = 200, seed: int = 1) -> Iterator[Line]:
    """In no particular order."""
    chance = random.Random(seed)
    for number in range(exceptions):
        at = BEGIN + timedelta(seconds=chance.uniform(0, DAYS * 86400))
        kind = chance.random()
        if kind < 0.7:
            yield from _breakdown(chance, number, at, f"unit-{chance.randrange(machines)}")
        elif kind < 0.85:
            yield from _inspection(chance, number, at)
        else:
            yield from _rush(chance, number, at)


def _signal(at: datetime, kind: str, exception: str, equipment: str | None, subject: str, **facts: Any) -> Line:
    line = {"at": iso(at), "type": kind, "subject": subject, "facts": facts, "exception": exception}
    return line | ({"equipment": equipment} if equipment else {})


def _breakdown(chance: random.Random, number: int, at: datetime, unit: str) -> Iterator[Line]:
    """Aborting, aborted, and running again when it is repaired; every fifth clears by itself within two minutes."""
    name = f"B-{number}"
    short = chance.random() < 0.2
    reason = chance.choice(["spindle overload", "coolant low", "axis fault", "door open", None])
    down = timedelta(seconds=chance.uniform(15, 120)) if short else timedelta(minutes=chance.lognormvariate(3.4, 0.6))
    back = at + timedelta(seconds=2) + down
    for moment, state in ((at, "aborting"), (at + timedelta(seconds=2), "aborted"), (back, "running")):
        yield _signal(moment, "machine.state", name, unit, unit, state=state, stop_reason=reason)
    if chance.random() < 0.3:
        alarm = {"condition": "servo", "severity": 700, "message": "Servo alarm"}
        yield _signal(at + timedelta(seconds=1), "machine.alarm", name, unit, unit, **alarm)
    orders = [{"id": f"JO-{number}-{n}"} for n in range(chance.randrange(4))]
    yield _fact(name, "mes.job_orders", orders)
    yield _fact(name, "erp.sales_demand", [{"sale": f"SO-{number}"}] if orders else [])
    if orders:
        yield _fact(name, "planning.push_right", _plan(at, unit, [order["id"] for order in orders]))
    shift = _shift(at)
    area = int(unit.removeprefix("unit-")) % (_AREAS * _CENTERS) % _AREAS
    reacts = at + timedelta(seconds=2 + chance.expovariate(1 / 240))
    if chance.random() < 0.85:
        person = f"tech-{area}-{shift}-{chance.randrange(2)}"
        told = [("accept", 0, {}), ("arrived", 6, {}), ("answer", 4, {"estimate": chance.choice(["30m", "1h", "2h"])})]
        yield from _answers(name, "repair", person, at, reacts, [*told, ("done", down / timedelta(minutes=1), {})])
    if orders and chance.random() < 0.9:
        asked = reacts + timedelta(minutes=10)
        late = asked + timedelta(minutes=chance.uniform(1, 20))
        yield from _answers(name, "plan_decision", f"planner-{shift}", asked, late, [("approve:push", 0, {})])


def _plan(at: datetime, unit: str, orders: list[str]) -> Line:
    times = {"planned_start": iso(at + timedelta(hours=2)), "planned_end": iso(at + timedelta(hours=4))}
    dispatch = [
        {"job_order": order, "seq": 10, "work_unit": unit, "sequence": place, **times}
        for place, order in enumerate(orders, 1)
    ]
    option = {"id": "push", "title": "Wait", "summary": "Orders wait", "figures": [], "dispatch": dispatch}
    option["orders"] = [{"job_order": order, **times} for order in orders]
    late = [{"job_order": orders[0], "sale": "SO", "customer": "C", "promised": iso(at), "expected": iso(at)}]
    return {
        "options": [option],
        "orders": orders,
        "late_orders": late if len(orders) > 2 else [],
        "staging": [],
        "version": "1",
        "down_for": "1h",
    } | times


def _inspection(chance: random.Random, number: int, at: datetime) -> Iterator[Line]:
    name, lot = f"Q-{number}", f"LOT-{number}"
    measured = {"characteristic": "diameter", "unit": "mm", "value": 10.2, "low": 9.9, "high": 10.1}
    facts = {"lot": lot, "material": "shaft", "inspection": f"I-{number}", "inspector": "gauge", **measured}
    yield _signal(at, "inspection.failed", name, None, lot, **facts)
    orders = [f"JO-{number}-{n}" for n in range(chance.randrange(3))]
    yield _fact(name, "erp.lot", {"job_orders": orders})
    yield _fact(name, "erp.sales_demand", [])
    if chance.random() < 0.9:
        verdict = chance.choice(["approve:release", "approve:rework", "approve:scrap", "reject"])
        late = at + timedelta(minutes=chance.expovariate(1 / 40))
        quality = f"quality_manager-{_shift(at)}"
        deed = (verdict, 0, {"comment": "as measured"})
        yield from _answers(name, "disposition", quality, at, late, [deed], "console")


def _rush(chance: random.Random, number: int, at: datetime) -> Iterator[Line]:
    name, sale, shift = f"R-{number}", f"SO-{number}", _shift(at)
    wanted = iso(at + timedelta(days=2))
    facts = {
        "sale": sale,
        "customer": "C-1",
        "customer_title": "Customer 1",
        "customer_class": "A",
        "material": "shaft",
    }
    yield _signal(at, "order.rush", name, None, sale, quantity=5.0, wanted=wanted, **facts)
    yield _fact(name, "erp.material", {"covered": True, "components": []})
    times = {"planned_start": iso(at + timedelta(hours=8)), "planned_end": iso(at + timedelta(hours=12))}
    option = {"id": "gap", "title": "In the gap", "summary": "", "figures": [], "works": [], **times}
    plan = {"options": [option], "orders": [], "late_orders": [], "staging": [], "version": "1", **times}
    yield _fact(name, "planning.rush_insert", plan)
    for task, who, said in (
        ("material_check", "materials", "cover:covered"),
        ("customer_check", "customer_service", "answer:accepts"),
    ):
        if chance.random() < 0.8:
            late = at + timedelta(minutes=chance.expovariate(1 / 6))
            yield from _answers(name, task, f"{who}-{shift}", at, late, [(f"answer:{said}", 0, {})])
    asked = at + timedelta(minutes=15)
    late = asked + timedelta(minutes=chance.uniform(2, 40))
    yield from _answers(name, "promise", f"planner-{shift}", asked, late, [("approve:gap", 0, {})])


def _fact(exception: str, source: str, value: Any) -> Line:
    return {"exception": exception, "fact": {"source": source, "value": value}}


def _answers(
    exception: str,
    task: str,
    person: str,
    asked: datetime,
    first: datetime,
    deeds: list[tuple[str, float, dict[str, Any]]],
    channel: str = "slack",
) -> Iterator[Line]:
    """A page, and what the person did about it: (verb, minutes after the one before, fields)."""
    yield {"exception": exception, "page": {"at": iso(asked), "person": person, "task": task}}
    at = first
    for verb, minutes, fields in deeds:
        at += timedelta(minutes=minutes)
        answer = {"task": task, "person": person, "verb": verb, "at": iso(at), "fields": fields, "channel": channel}
        yield {"exception": exception, "answer": answer}


def _shift(at: datetime) -> str:
    return "early" if 6 <= at.hour < 14 else "late" if 14 <= at.hour < 22 else "night"
