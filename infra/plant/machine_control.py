"""The control port of a process that holds machines: what a hand on the floor can do to them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette

from infra.plant.machine import STATE_NAMES, AlreadyThere, Machine, MachinePark
from infra.plant.problem import Problem
from infra.plant.web import ControlPort


class BreakRequest(BaseModel):
    """`reason` is a code of `stop_reasons`; absent = a fault drawn by the seed."""

    reason: int | None = None


def control_app(park: MachinePark, token: str) -> Starlette:
    """`GET /work-units`, `POST /work-units/{id}/break` and `/clear`, all behind the plant's token."""
    port = ControlPort(token)

    @port.get("/work-units")
    async def work_units() -> dict[str, Any]:
        return {"work_units": [_shown(machine) for machine in park.machines.values()]}

    @port.post("/work-units/{unit_id}/break", BreakRequest)
    async def break_down(unit_id: str, body: BreakRequest) -> dict[str, Any]:
        machine = _machine(park, unit_id)
        try:
            await machine.break_down(park.reason(body.reason))
        except KeyError as error:
            raise Problem(422, "invalid", f"The plant has no stop reason {body.reason}.") from error
        except AlreadyThere as error:
            raise Problem(409, "state-conflict", str(error), state=machine.record.state) from error
        return _shown(machine)

    @port.post("/work-units/{unit_id}/clear")
    async def clear(unit_id: str) -> dict[str, Any]:
        machine = _machine(park, unit_id)
        try:
            await machine.clear()
        except AlreadyThere as error:
            raise Problem(409, "state-conflict", str(error), state=machine.record.state) from error
        return _shown(machine)

    return port.app


def _machine(park: MachinePark, unit_id: str) -> Machine:
    if unit_id not in park.machines:
        raise Problem(404, "not-found", f"Work unit {unit_id} is not here.")
    return park.machines[unit_id]


def _shown(machine: Machine) -> dict[str, Any]:
    record = machine.record
    return {
        "id": machine.unit.id,
        "state": record.state,
        "state_name": STATE_NAMES[record.state],
        "since": record.state_since.isoformat(),
        "unit_mode": record.unit_mode,
        "stop_reason": record.reason.model_dump() if record.reason else None,
        "alarm": None if record.alarm is None else {"message": record.alarm.message, "acked": record.alarm.acked},
        "processed": record.processed,
        "defective": record.defective,
    }
