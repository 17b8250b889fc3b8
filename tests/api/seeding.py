"""Rows as intake and activities write them: three people, an open breakdown, a held lot, a closed rush order."""

from datetime import UTC, datetime, timedelta
from typing import Any

from admin.access.sessions import hash_password
from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, OptionCard, Standing
from domain.rosters.people import ChannelName, ContactMethod, Person, Shift
from domain.values import Json, iso
from store.db import Database
from store.tables import (
    ContactRow,
    DecisionRow,
    DocumentRow,
    ExceptionRow,
    InboxRow,
    LedgerRow,
    OutboxRow,
    PersonRow,
    RefusedCall,
    SourceStateRow,
    TaskRow,
    TimelineRow,
)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PASSWORD = "a good long password"
HASH = hash_password(PASSWORD)
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
BREAKDOWN, HOLD, RUSH = "exc_breakdown", "exc_hold", "exc_rush"
REPAIR, PLAN, DISPOSITION = "tsk_repair", "tsk_plan", "tsk_disposition"
TECHNICIAN, PLANNER, QUALITY = "anna", "petr", "quentin"


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def person(name: str, title: str, role: str, authorities: list[str]) -> Person:
    contacts = [ContactMethod(channel=ChannelName.SLACK, address=f"U{name.upper()}")]
    return Person(id=name, name=title, roles=[role], authorities=authorities, contacts=contacts, shifts=["day"])


PEOPLE = [
    person(TECHNICIAN, "Anna Nováková", "maintenance_technician", ["report_downtime"]),
    person(PLANNER, "Petr Dvořák", "planner", ["reschedule", "promise", "steer_exceptions"]),
    person(QUALITY, "Quentin Marsh", "quality_manager", ["disposition"]),
]
SITE: Json = {
    "enterprise": "havel",
    "site": "brno",
    "title": "Havel Drives, Brno works",
    "timezone": "Europe/Prague",
    "equipment": [{"id": "lathe-1", "title": "Lathe 1", "level": "work_unit"}],
}


def rows() -> list[Any]:
    shifts = [Shift.model_validate({"name": "day", "start": "06:00", "end": "18:00"}).model_dump(mode="json")]
    documents = [
        DocumentRow(kind=kind, version="1", content=content, author="anna", published_at=ago(600))
        for kind, content in (("site", SITE), ("shifts", shifts))
    ]
    people = [PersonRow(id=p.id, data=p.model_dump(mode="json"), password_hash=HASH) for p in PEOPLE]
    contacts = [ContactRow(channel="slack", address=p.contacts[0].address, person=p.id) for p in PEOPLE]
    return [*documents, *people, *contacts, *_exceptions(), *_tasks(), *_story(), *_messages(), *_posted(), *_inbox()]


def _exception(id_: str, definition: str, title: str, priority: str, **more: Any) -> ExceptionRow:
    values: dict[str, Any] = {
        "site": "brno",
        "version": "v" * 64,
        "key": id_,
        "workflow_id": f"brno/{id_}",
        "started": True,
    }
    values |= {"state": {"tasks": {}, "gaps": {}}, "milestones": {}, "opened_at": ago(14)}
    return ExceptionRow(id=id_, definition=definition, title=title, priority=priority, **(values | more))


def _exceptions() -> list[ExceptionRow]:
    names = ("signal", "received", "opened", "sent", "accepted")
    stones = {name: iso(ago(14.2 - index * 0.6)) for index, name in enumerate(names)}
    done = {name: iso(ago(200 - index * 9)) for index, name in enumerate((*names, "decided", "posted", "closed"))}
    return [
        _exception(
            BREAKDOWN,
            "breakdown",
            "Lathe 1 is down",
            "high",
            equipment="lathe-1",
            handling="acknowledged",
            milestones=stones,
            state={"tasks": {}, "gaps": {"demand": "the ERP did not answer within 5 s"}},
        ),
        _exception(HOLD, "quality_hold", "Lot L-BAR-502 is on hold", "critical", opened_at=ago(90)),
        _exception(
            RUSH, "rush_order", "Rush order SO-2107 for Vesta Rail", "medium", handling="closed", condition="returned",
            milestones=done, opened_at=ago(198), closed_at=ago(137),
        ),
    ]  # fmt: skip


def message(kind: MessageKind, task: str, exception: str, step: str, title: str, **more: Any) -> Message:
    values: dict[str, Any] = {"definition": "breakdown", "code": "K7QM", "task": f"{task}:1"}
    return Message(kind=kind, exception_id=exception, step=step, title=title, **(values | more))


def repair_shown() -> Message:
    return message(
        MessageKind.TASK,
        REPAIR,
        BREAKDOWN,
        "repair",
        "Repair Lathe 1",
        body=["Stopped at 10:15 CET: Spindle overload."],
        facts=[Fact(label="Where", value="machining / turning"), Fact(label="Orders waiting", value="3")],
        gaps=["demand"],
        standing=Standing.YOURS,
        choices=[
            Choice(verb="arrived"),
            *(Choice(verb=f"answer:estimate:{value}", label=value) for value in ("30m", "1h", "2h", "4h")),
            Choice(verb="done", style="primary"),
        ],
        inputs=[Input(name="cause", label="Cause")],
    )


def plan_shown() -> Message:
    figures = [Fact(label="Orders late", value="1"), Fact(label="Total delay", value="2 h 10 min")]
    return message(
        MessageKind.APPROVE,
        PLAN,
        BREAKDOWN,
        "plan_decision",
        "New plan for Lathe 1",
        body=["Down for about 2h. 3 job orders move, 1 becomes late."],
        facts=[Fact(label="Moved", value="JO-1001, JO-1003, JO-1008")],
        options=[
            OptionCard(id="push", title="Push everything right", summary="Same sequence, later", figures=figures),
            OptionCard(id="swap", title="Put JO-1003 first", summary="Keeps the key customer", figures=figures),
        ],
        choices=[
            Choice(verb="approve:push", label="Push everything right", style="primary"),
            Choice(verb="approve:swap", label="Put JO-1003 first", style="primary"),
            Choice(verb="reject", style="danger"),
        ],
    )


def disposition_shown() -> Message:
    names = ("release", "rework", "scrap", "return")
    return message(
        MessageKind.APPROVE,
        DISPOSITION,
        HOLD,
        "disposition",
        "Disposition of lot L-BAR-502",
        body=["Hardness 27.4 HRC, allowed 18 to 24. The lot is on hold."],
        facts=[Fact(label="Material", value="BAR-40")],
        options=[OptionCard(id=name, title=name.capitalize(), summary="What becomes of it") for name in names],
        values={"sign_in": True, "verbs": [{"verb": f"approve:{name}"} for name in names] + [{"verb": "reject"}]},
    )


def _tasks() -> list[TaskRow]:
    def task(shown: Message, kind: str, asked: list[str], **more: Any) -> TaskRow:
        values: dict[str, Any] = {
            "id": shown.task.split(":")[0],
            "exception_id": shown.exception_id,
            "step": shown.step,
        }
        values |= {"code": shown.step[:4].upper(), "shown": shown.model_dump(mode="json"), "shown_hash": "5" * 64}
        values |= {"asked": asked, "opened_at": ago(13), "deadline_at": NOW + timedelta(minutes=25), "kind": kind}
        return TaskRow(**(values | more))

    return [
        task(repair_shown(), "task", [TECHNICIAN], person=TECHNICIAN, standing="yours", authority="report_downtime"),
        task(plan_shown(), "approve", [PLANNER], authority="reschedule"),
        task(disposition_shown(), "approve", [QUALITY], authority="disposition", risk="high"),
    ]


def _story() -> list[TimelineRow]:
    cause, own = {"cause": HOSTILE}, {"channel": "slack", "fields": {}}
    plans = ["Push everything right", "Put JO-1003 first"]
    told: list[tuple[str, str | None, Json]] = [
        ("opened", None, {"key": "lathe-1", "signals": 1}),
        ("context", None, {"known": ["jobs"], "gaps": {"demand": "the ERP did not answer within 5 s"}}),
        ("asked", None, {"task": "repair", "people": ["Anna Nováková"], "rung": 0}),
        ("told", None, {"task": "affected", "people": ["Petr Dvořák"], "rung": 0}),
        ("answer", TECHNICIAN, {"task": "repair", "verb": "accept", "code": "yours", **own}),
        ("answer", TECHNICIAN, {"task": "repair", "verb": "", "code": "recorded", "channel": "sms", "fields": cause}),
        ("answer_refused", PLANNER, {"task": "repair", "verb": "accept", "code": "not_asked", **own}),
        ("waited", None, {"met": True}),
        ("proposed", None, {"options": plans, "orders": ["JO-1001", "JO-1003"]}),
        ("nobody", None, {"task": "staging", "people": [], "rung": 1}),
        ("overdue", None, {"task": "plan_decision"}),
        ("posting", None, {"transaction": "txn_1", "system": "erp"}),
        ("posted", None, {"transaction": "txn_1", "documents": ["production 9 (JO-1003)"], "detail": ""}),
        ("rejected", None, {"transaction": "txn_2", "documents": [], "detail": "The plan's version is stale."}),
        ("step_failed", None, {"code": "mos.config", "reason": "no planner"}),
        ("signal", None, {"type": "machine.state", "subject": "lathe-1", "facts": {"state": "aborted"}}),
        ("shelved", PLANNER, {"until": "later"}),
        ("closed", None, {"ending": "completed"}),
    ]  # fmt: skip
    return [
        TimelineRow(exception_id=BREAKDOWN, entry=n, at=ago(14 - n / 2), kind=kind, person=who, data=data)
        for n, (kind, who, data) in enumerate(told, start=1)
    ]


def _messages() -> list[OutboxRow]:
    def outbox(n: int, state: str, who: str, shown: Message, **more: Any) -> OutboxRow:
        values: dict[str, Any] = {
            "id": f"msg_{n}",
            "exception_id": shown.exception_id,
            "purpose": "task",
            "channel": "slack",
        }
        values |= {"person": who, "address": f"U{who.upper()}", "payload": shown.model_dump(mode="json")}
        return OutboxRow(**(values | {"state": state, "next_at": ago(13), "created_at": ago(13)} | more))

    return [
        outbox(1, "sent", TECHNICIAN, repair_shown(), sent_at=ago(12.9), delivered_at=ago(12.8)),
        outbox(2, "failed", PLANNER, plan_shown(), error="Slack refused: channel_not_found", attempts=4),
    ]


def _posted() -> list[Any]:
    decision = DecisionRow(
        id="dec_1", exception_id=RUSH, step="promise", task_id="tsk_promise", person=PLANNER, channel="console",
        verdict="approved", option="slot", comment=HOSTILE, authority="promise", shown_hash="a" * 64, at=ago(150),
        granted=[{"person": PLANNER, "channel": "console", "grant": "planner-promise", "limits": {}, "risk": "normal"}],
    )  # fmt: skip
    create: dict[str, Any] = {
        "kind": "create_order",
        "job_order": "RUSH-SO-2107",
        "material": "GS-40",
        "quantity": 20.0,
    }
    create |= {"sale": "SO-2107", "planned_start": iso(ago(-60)), "planned_end": iso(ago(-300)), "works": []}
    promise = {"kind": "change_promise", "sale": "SO-2107", "promised": iso(ago(-300)), "reason": "Rush order approved"}
    hold = {"kind": "hold_lot", "lot": "L-BAR-502", "reason": "Hardness 27.4 HRC is out of tolerance"}

    def ledger(id_: str, exception: str, outcomes: Json, **more: Any) -> LedgerRow:
        values: dict[str, Any] = {
            "key": f"{exception}:4:{id_}",
            "step": "4",
            "system": "erp",
            "drafted_at": ago(149),
            "attempts": 1,
        }
        return LedgerRow(id=id_, exception_id=exception, outcomes=outcomes, **(values | more))

    return [
        decision,
        ledger(
            "txn_1", RUSH, [create, promise], decision="dec_1", status="posted", posted_at=ago(148),
            documents=["production 19 (RUSH-SO-2107)", "sale.sale 7 (SO-2107)"],
        ),
        ledger("txn_2", HOLD, [hold], standing_version="b" * 64, standing_grantor=QUALITY, status="unknown",
               error="Tryton did not answer in time; the key is looked up before the next try."),
    ]  # fmt: skip


def _inbox() -> list[Any]:
    def inbox(event: str, status: str, body: Json, **more: Any) -> InboxRow:
        values: dict[str, Any] = {
            "category": "signal",
            "source": "opcua-1",
            "kind": "opcua.state",
            "received_at": ago(14),
        }
        return InboxRow(event_id=event, status=status, body=body, **(values | more))

    signal = {"type": "machine.state", "subject": "lathe-1", "equipment": "lathe-1", "facts": {"state": "aborted"}}
    return [
        inbox("e1", "delivered", {"state": 9}, signal=signal, exception_id=BREAKDOWN),
        inbox(
            "e2", "quarantined", {"text": HOSTILE}, error="unknown equipment 'lathe-77': add it to the site document"
        ),
        RefusedCall(at=ago(5), door="webhook", reason="The webhook's signature does not hold.", body=b"\xff\x00{"),
        SourceStateRow(key="source:opcua-1", state="lost", occurred_at=ago(3), facts={"detail": "connection refused"}),
    ]


async def seed(database: Database) -> None:
    """All of it, in one transaction."""
    async with database.transaction() as session:
        session.add_all(rows())
