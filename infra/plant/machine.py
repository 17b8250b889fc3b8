"""How a machine of the plant behaves: PackML states, stop reasons, counters and one fault alarm. No protocol here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, RootModel

from infra.plant.catalogue import Catalogue, StopReason, WorkUnit
from infra.plant.clock import real_now
from infra.plant.files import replace_text

# PackML state numbers, ISA-TR88.00.02
CLEARING, STOPPED, STARTING, IDLE, EXECUTE, STOPPING, ABORTING, ABORTED, RESETTING = 1, 2, 3, 4, 6, 7, 8, 9, 15
STATE_NAMES = {
    CLEARING: "Clearing",
    STOPPED: "Stopped",
    STARTING: "Starting",
    IDLE: "Idle",
    EXECUTE: "Execute",
    STOPPING: "Stopping",
    ABORTING: "Aborting",
    ABORTED: "Aborted",
    RESETTING: "Resetting",
}
PRODUCTION, MAINTENANCE = 1, 2

_TO_RUN = {8: 9, 9: 1, 1: 2, 7: 2, 2: 15, 15: 4, 4: 3, 3: 6}
_TO_FAULT = dict.fromkeys(STATE_NAMES, ABORTING) | {ABORTING: ABORTED}
_TO_STOP = dict.fromkeys(STATE_NAMES, STOPPING) | {STOPPING: STOPPED}
_PATHS = {"run": (_TO_RUN, EXECUTE), "fault": (_TO_FAULT, ABORTED), "planned": (_TO_STOP, STOPPED)}


class AlarmRecord(BaseModel):
    """The machine's fault condition while it is retained."""

    message: str
    acked: bool = False
    raised_at: datetime


class MachineRecord(BaseModel):
    """Everything about one machine that must survive a restart. Times are real UTC."""

    state: int = EXECUTE
    state_since: datetime
    unit_mode: int = PRODUCTION
    mode_since: datetime
    reason: StopReason | None = None
    reason_since: datetime
    goal: Literal["run", "fault", "planned"] = "run"
    sequence: int = 1
    processed: int = 0
    defective: int = 0
    alarm: AlarmRecord | None = None


class Display(Protocol):
    """Where a machine shows itself: OPC UA nodes or MQTT topics."""

    async def show_state(self, machine: Machine) -> None:
        """State, unit mode or stop reason have changed."""

    async def show_counters(self, machine: Machine) -> None:
        """Counters have moved."""

    async def show_alarm(self, machine: Machine, alarm: AlarmRecord, *, active: bool) -> None:
        """The fault condition was raised, acknowledged or cleared."""


class AlreadyThere(RuntimeError):
    """The machine is down (or up) already."""


class Machine:
    """One machine. `break_down` and `clear` return when it has arrived in its final state."""

    def __init__(self, unit: WorkUnit, record: MachineRecord, *, pace_s: float, seed: int) -> None:
        self.unit = unit
        self.record = record
        self.display: Display | None = None
        self._pace_s = pace_s
        self._chance = random.Random(f"{seed}/{unit.id}")
        self.cycle_s = self._chance.randint(3, 6)
        self._until_next_piece = self.cycle_s
        self._lock = asyncio.Lock()

    @property
    def speed(self) -> float:
        """Pieces per hour; 0 unless in Execute."""
        return 3600 / self.cycle_s if self.record.state == EXECUTE else 0.0

    async def break_down(self, reason: StopReason) -> None:
        """Stop for this reason: a fault aborts and raises the alarm, a planned stop stops. Raises AlreadyThere."""
        async with self._lock:
            if self.record.goal != "run":
                raise AlreadyThere(f"{self.unit.id} is down already.")
            self.record.goal = reason.kind
            self._set_reason(reason)
            await self._settle()

    async def clear(self) -> None:
        """Acknowledge and clear at the panel, then start again. Raises AlreadyThere."""
        async with self._lock:
            if self.record.goal == "run":
                raise AlreadyThere(f"{self.unit.id} is up already.")
            self.record.goal = "run"
            await self._withdraw_alarm()
            await self._settle()

    async def resume(self) -> None:
        """After a start: show everything, and end a transition that a kill has interrupted."""
        async with self._lock:
            await self._show()
            if self.record.alarm is not None:
                await self._show_alarm(self.record.alarm, active=True)
            if self.record.goal == "run" and self.record.alarm is not None:
                await self._withdraw_alarm()
            await self._settle()

    async def acknowledge(self) -> bool:
        """Acknowledge the alarm; False when there is none to acknowledge."""
        alarm = self.record.alarm
        if alarm is None or alarm.acked:
            return False
        alarm.acked = True
        await self._show_alarm(alarm, active=True)
        return True

    async def tick(self) -> bool:
        """One second of work; True when a counter moved."""
        if self.record.state != EXECUTE:
            return False
        self._until_next_piece -= 1
        if self._until_next_piece > 0:
            return False
        self._until_next_piece = self.cycle_s
        self.record.processed += 1
        self.record.defective += self._chance.random() < 0.01
        if self.display is not None:
            await self.display.show_counters(self)
        return True

    async def _settle(self) -> None:
        path, final = _PATHS[self.record.goal]
        while self.record.state != final:
            self._enter(path[self.record.state])
            await self._show()
            if self.record.state != final:
                await asyncio.sleep(self._pace_s)
        if self.record.goal == "fault" and self.record.alarm is None and self.record.reason is not None:
            self.record.alarm = AlarmRecord(message=self.record.reason.text, raised_at=real_now())
            await self._show_alarm(self.record.alarm, active=True)

    def _enter(self, state: int) -> None:
        self.record.state, self.record.state_since = state, real_now()
        self.record.sequence += 1
        if state == RESETTING:
            self._set_reason(None)

    def _set_reason(self, reason: StopReason | None) -> None:
        self.record.reason, self.record.reason_since = reason, real_now()
        mode = MAINTENANCE if reason is not None and reason.kind == "planned" else PRODUCTION
        if mode != self.record.unit_mode:
            self.record.unit_mode, self.record.mode_since = mode, real_now()

    async def _withdraw_alarm(self) -> None:
        await self.acknowledge()
        alarm, self.record.alarm = self.record.alarm, None
        if alarm is not None:
            await self._show_alarm(alarm, active=False)

    async def _show(self) -> None:
        if self.display is not None:
            await self.display.show_state(self)

    async def _show_alarm(self, alarm: AlarmRecord, *, active: bool) -> None:
        if self.display is not None:
            await self.display.show_alarm(self, alarm, active=active)


class _Records(RootModel[dict[str, MachineRecord]]):
    pass


class MachinePark:
    """The machines of one process and the file in which they survive its restart."""

    def __init__(
        self, catalogue: Catalogue, units: Sequence[WorkUnit], path: Path, *, seed: int, pace_s: float
    ) -> None:
        self._catalogue = catalogue
        self._path = path
        self._chance = random.Random(f"{seed}/reasons")
        kept = _Records.model_validate_json(path.read_text(encoding="utf-8")).root if path.exists() else {}
        self.machines = {
            unit.id: Machine(unit, kept.get(unit.id) or _fresh_record(), pace_s=pace_s, seed=seed) for unit in units
        }

    def reason(self, code: int | None) -> StopReason:
        """The stop reason of this code, or a fault drawn by the seed. Raises KeyError for an unknown code."""
        if code is not None:
            return self._catalogue.stop_reason(code)
        return self._chance.choice([reason for reason in self._catalogue.stop_reasons if reason.kind == "fault"])

    def save(self) -> None:
        """Replace the file with what the machines are now."""
        records = _Records({unit_id: machine.record for unit_id, machine in self.machines.items()})
        replace_text(self._path, records.model_dump_json(indent=1))


def _fresh_record() -> MachineRecord:
    now = real_now()
    return MachineRecord(state_since=now, mode_since=now, reason_since=now)
