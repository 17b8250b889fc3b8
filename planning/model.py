"""The plan as the MES reports it, for computing: operations on work units in minutes since `as_of`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from domain.values import Json, iso, parse_time

_MINUTE = timedelta(minutes=1)
_HAIR = timedelta(seconds=1)  # an MES counts what remains in fractions: a rounding must not cost a minute


@dataclass(frozen=True)
class Alternative:
    """A work unit that could do it, and how many minutes it takes there (set-up included)."""

    work_unit: str
    minutes: int


@dataclass(frozen=True)
class Operation:
    """One operations segment. `start` and `end` are the plan's, in minutes since `as_of` (negative: already begun).

    Of a running one, `remaining` minutes are left to do, and it ends at minute `finish` if it just goes on.
    """

    job_order: str
    seq: int
    work_unit: str
    start: int
    end: int
    running: bool = False
    remaining: int = 0
    finish: int = 0
    alternatives: tuple[Alternative, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        return self.job_order, self.seq


@dataclass(frozen=True)
class Plan:
    """What is still to be done. `as_of` is the first whole minute of the planning: plans are made in whole minutes, so
    that what does not move keeps its very times. `version` is the dispatch list's; `materials`: job order -> material,
    quantity; `begun`: job order -> minute at which the first of its finished operations was to start."""

    as_of: datetime
    version: str
    operations: tuple[Operation, ...]
    materials: dict[str, tuple[str, float]] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)

    def at(self, minute: int) -> datetime:
        return self.as_of + timedelta(minutes=minute)

    def minute(self, moment: datetime) -> int:
        """Minutes since `as_of`, rounded up: nothing is planned into the past."""
        return -int((self.as_of - moment).total_seconds() // 60)

    def text(self, minute: int) -> str:
        return iso(self.at(minute))


def read_plan(answer: Json) -> Plan:
    """The query `mes.plan` as a Plan; of finished operations only when their order began is kept."""
    asked_at = parse_time(answer["as_of"])
    as_of = asked_at.replace(second=0, microsecond=0)
    as_of += timedelta(minutes=asked_at > as_of)
    bare = Plan(as_of, str(answer["version"]), ())
    segments = [(order["id"], item) for order in answer["job_orders"] for item in order["segments"]]
    operations = [_operation(bare, asked_at, order, item) for order, item in segments if item["state"] != "done"]
    begun: dict[str, int] = {}
    for order, item in segments:
        if item["state"] == "done":
            start = bare.minute(parse_time(item["start"]))
            begun[order] = min(begun.get(order, start), start)
    materials = {order["id"]: (order["material"], float(order["quantity"])) for order in answer["job_orders"]}
    ordered = tuple(sorted(operations, key=lambda o: (o.start, o.job_order, o.seq)))
    return Plan(as_of, bare.version, ordered, materials, begun)


def _operation(plan: Plan, asked_at: datetime, job_order: str, item: dict[str, Any]) -> Operation:
    left = timedelta(minutes=item.get("remaining_min") or 0)
    return Operation(
        job_order=job_order,
        seq=int(item["seq"]),
        work_unit=item["equipment"],
        start=plan.minute(parse_time(item["start"])),
        end=plan.minute(parse_time(item["end"])),
        running=item["state"] == "running",
        remaining=ceil((left - _HAIR) / _MINUTE),
        finish=plan.minute(asked_at + left - _HAIR),
        alternatives=tuple(
            Alternative(choice["equipment"], ceil(choice["run_min"] + (choice.get("setup_min") or 0)))
            for choice in item["alternatives"]
        ),
    )
