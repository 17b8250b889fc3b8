"""The plant's control over HTTP: the verbs of the command line, for the console. Routes: README.md."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, model_validator
from starlette.applications import Starlette

from infra.plant.catalogue import RushDraw
from infra.plant.files import PLANT_TOKEN, secret
from infra.plant.plant_control import ControlError, PlantControl, draw
from infra.plant.problem import Problem
from infra.plant.process import HOST, listen, port_of, ready, run, serving, until_told_to_stop
from infra.plant.web import ControlPort


class _Draw(BaseModel):
    seed: int


class _Break(BaseModel):
    reason: int | None = None


class _Inspection(BaseModel):
    value: float | None = None


class _Short(BaseModel):
    counted: float | None = None


class _Slow(BaseModel):
    minutes: float | None = None


class _Rush(BaseModel):
    """All four, or none: then the scenarios' rush sales are drawn from."""

    customer: str | None = None
    material: str | None = None
    quantity: float | None = None
    wanted: int | None = None

    def sale(self) -> RushDraw | None:
        given = self.model_dump(exclude_none=True)
        return RushDraw.model_validate(given) if given else None

    @model_validator(mode="after")
    def _all_or_none(self) -> _Rush:
        self.sale()
        return self


def control_http(control: PlantControl, token: str) -> Starlette:
    """The same verbs over HTTP, behind the plant's token; refusals are problem documents."""
    port = ControlPort(token)

    async def refused(_: Any, error: Exception) -> Any:
        status = error.status if isinstance(error, ControlError) else 502
        return Problem(status, "not-done", str(error)).response()

    port.app.add_exception_handler(ControlError, refused)

    @port.get("/status")
    async def status() -> dict[str, Any]:
        return await control.status()

    @port.get("/draw", _Draw)
    async def drawn(asked: _Draw) -> dict[str, Any]:
        return draw(control.catalogue, asked.seed)

    @port.post("/break/{unit_id}", _Break)
    async def break_down(unit_id: str, body: _Break) -> dict[str, Any]:
        return await control.break_down(unit_id, body.reason)

    @port.post("/clear/{unit_id}")
    async def clear(unit_id: str) -> dict[str, Any]:
        return await control.clear(unit_id)

    @port.post("/fail-inspection/{lot_id}", _Inspection)
    async def fail_inspection(lot_id: str, body: _Inspection) -> dict[str, Any]:
        return await control.fail_inspection(lot_id, body.value)

    @port.post("/short/{job_order}", _Short)
    async def short(job_order: str, body: _Short) -> dict[str, Any]:
        return await control.short(job_order, body.counted)

    @port.post("/slow/{job_order}", _Slow)
    async def slow(job_order: str, body: _Slow) -> dict[str, Any]:
        return await control.slow(job_order, body.minutes)

    @port.post("/rush", _Rush)
    async def rush(body: _Rush) -> dict[str, Any]:
        return await control.rush(body.sale())

    return port.app


def run_http(control: PlantControl, port: int) -> None:
    """Serve until told to stop."""
    run(_serve(control, port))


async def _serve(control: PlantControl, port: int) -> None:
    bound = listen(port)
    app = control_http(control, secret(control.endpoints.data, PLANT_TOKEN))
    async with serving(app, bound):
        ready("control", f"http://{HOST}:{port_of(bound)}")
        await until_told_to_stop()
