"""The floor as the MES sees it: job orders moving over work units in plant time. Pure: no clock, no storage.

Names are those of ISA-95 (IEC 62264): job order, operations segment, work unit. All times are plant time, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

SegmentState = Literal["planned", "released", "running", "done", "held"]
Status = Literal["planned", "released", "running", "done", "held"]
PriorityClass = Literal["key", "standard", "stock", "rush"]
Cause = Literal["hold", "release", "progress", "download", "cancel"]


class Alternative(BaseModel):
    """A work unit that can do a segment; preference 0 is the first choice."""

    equipment_id: str
    run_min: float
    setup_min: float = 0
    preference: int = 0


class Progress(BaseModel):
    """What has happened to a segment; `remaining_min` is its run time still to come."""

    state: SegmentState
    equipment_id: str | None = None
    actual_start: datetime | None = None
    actual_end: datetime | None = None
    remaining_min: float


class Planned(BaseModel):
    """The plan for a segment; `sequence` counts from 1 on its work unit."""

    equipment_id: str
    start: datetime
    end: datetime
    sequence: int = 0


class Predecessor(BaseModel):
    """Finish-to-start, with a lag in minutes."""

    segment_id: str
    type: Literal["FS"] = "FS"
    lag_min: float = 0


class Segment(BaseModel):
    """An operations segment of a job order; `id` is `<job order>/<seq>`."""

    id: str
    job_order_id: str
    seq: int
    name: str
    predecessors: list[Predecessor]
    setup_family: str
    alternatives: list[Alternative]
    splittable: bool = False
    interruptible: Literal["resume"] = "resume"
    progress: Progress
    planned: Planned

    @property
    def unit(self) -> str:
        """Where it runs or ran; where it is planned while it has not started."""
        return self.progress.equipment_id or self.planned.equipment_id


class CustomerRef(BaseModel):
    """The customer of a sale; `class` on the wire."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    title: str
    customer_class: Literal["key", "standard"] = Field(alias="class")


class Hold(BaseModel):
    """Why a job order is held, since when, and what it was before."""

    reason: str
    since: datetime
    previous: Status


class JobOrder(BaseModel):
    """A job order with its segments in order; `operations_request_id` is the ERP production's reference."""

    id: str
    operations_request_id: str
    material_definition_id: str
    quantity: float
    uom: str
    release: datetime
    due: datetime
    customer: CustomerRef | None = None
    priority_class: PriorityClass
    weight: int
    promised: datetime | None = None
    sale_id: str | None = None
    lot_ids: list[str]
    status: Status
    hold: Hold | None = None
    version: int = 1  # of what the outside may change: its plan and its hold, not its progress
    segments: list[Segment]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def customer_id(self) -> str | None:
        """The customer's id, or None for a stock order."""
        return self.customer.id if self.customer else None


class StatusChange(BaseModel):
    """A job order has changed its status."""

    job_order: str
    status: Status | Literal["cancelled"]
    previous_status: Status | None
    cause: Cause


class UnitState(BaseModel):
    """What the MES has been told about a work unit; `since` is real UTC, as the machine said it."""

    id: str
    state: Literal["up", "down"] = "up"
    since: datetime | None = None
    reason: str | None = None


class Floor(BaseModel):
    """All job orders and work units at one plant time."""

    advanced_to: datetime
    version: int
    job_orders: dict[str, JobOrder]
    units: dict[str, UnitState]

    def segments(self) -> Iterator[Segment]:
        """Every segment of every job order."""
        for order in self.job_orders.values():
            yield from order.segments

    def segment(self, segment_id: str) -> Segment | None:
        """The segment of this id, or None."""
        return next((segment for segment in self.segments() if segment.id == segment_id), None)

    def renumber(self) -> None:
        """Count the sequence on each work unit by planned start; the old sequence breaks ties."""
        ordered = sorted(self.segments(), key=lambda s: (s.planned.start, s.planned.sequence, s.id))
        counts: dict[str, int] = {}
        for segment in ordered:
            unit = segment.planned.equipment_id
            counts[unit] = counts.get(unit, 0) + 1
            segment.planned.sequence = counts[unit]

    def advance(self, to: datetime) -> list[StatusChange]:
        """Let the floor work until `to`: start what is due, run what can run, end what is finished."""
        before = {order.id: order.status for order in self.job_orders.values()}
        self._start_due()
        while self.advanced_to < to:
            self._run_until(min(to, self._next_event(to)))
            self._start_due()
        return [
            StatusChange(job_order=order.id, status=order.status, previous_status=before[order.id], cause="progress")
            for order in self.job_orders.values()
            if order.status != before[order.id]
        ]

    def _next_event(self, to: datetime) -> datetime:
        """The next end of a running segment or planned start of a waiting one, strictly after now."""
        ends = (self.advanced_to + timedelta(minutes=s.progress.remaining_min) for s in self._working())
        starts = (s.planned.start for s in self.segments() if s.progress.state in ("planned", "released"))
        return min((moment for moment in (*ends, *starts) if moment > self.advanced_to), default=to)

    def _run_until(self, moment: datetime) -> None:
        elapsed = (moment - self.advanced_to) / timedelta(minutes=1)
        for segment in self._working():
            segment.progress.remaining_min = max(0.0, segment.progress.remaining_min - elapsed)
            if segment.progress.remaining_min < 1e-6:
                self._finish(segment, moment)
        self.advanced_to = moment

    def _working(self) -> list[Segment]:
        """Running segments whose machine is up."""
        return [s for s in self.segments() if s.progress.state == "running" and self.units[s.unit].state == "up"]

    def _finish(self, segment: Segment, moment: datetime) -> None:
        segment.progress.state = "done"
        segment.progress.remaining_min = 0
        segment.progress.actual_end = moment
        order = self.job_orders[segment.job_order_id]
        if all(s.progress.state == "done" for s in order.segments):
            order.status = "done"

    def _start_due(self) -> None:
        busy = {s.unit for s in self.segments() if s.progress.state == "running"}
        waiting = [s for s in self.segments() if s.progress.state in ("planned", "released")]
        for segment in sorted(waiting, key=lambda s: (s.planned.start, s.planned.sequence)):
            unit = segment.planned.equipment_id
            if unit in busy or self.units[unit].state == "down" or not self._may_start(segment):
                continue
            busy.add(unit)
            self._start(segment, unit)

    def _may_start(self, segment: Segment) -> bool:
        order = self.job_orders[segment.job_order_id]
        before = {p.segment_id for p in segment.predecessors}
        done = {s.id for s in order.segments if s.progress.state == "done"}
        return order.status != "held" and segment.planned.start <= self.advanced_to and before <= done

    def _start(self, segment: Segment, unit: str) -> None:
        segment.progress.state = "running"
        segment.progress.equipment_id = unit
        segment.progress.actual_start = segment.progress.actual_start or self.advanced_to
        self.job_orders[segment.job_order_id].status = "running"
