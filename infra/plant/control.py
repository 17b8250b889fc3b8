"""The plant's control: `python -m infra.plant.control --endpoints FILE VERB ...`. Verbs: README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel, model_validator

from infra.plant.catalogue import CatalogueError, RushDraw
from infra.plant.files import PLANT_TOKEN, secret
from infra.plant.plant_control import ControlError, PlantControl, draw, read_endpoints
from infra.plant.problem import Problem, refuse_by_problem
from infra.plant.process import HOST, BearerToken, listen, port_of, ready, run, serving, until_told_to_stop


class _Break(BaseModel):
    reason: int | None = None


class _Inspection(BaseModel):
    value: float | None = None


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


def control_http(control: PlantControl, token: str) -> FastAPI:
    """The same verbs over HTTP, behind the plant's token; refusals are problem documents."""
    app = FastAPI(openapi_url=None, dependencies=[Depends(BearerToken(token))])
    refuse_by_problem(app)

    async def refused(_: Any, error: Exception) -> Any:
        status = error.status if isinstance(error, ControlError) else 502
        return Problem(status, "not-done", str(error)).response()

    app.add_exception_handler(ControlError, refused)

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return await control.status()

    @app.get("/draw")
    async def drawn(seed: int) -> dict[str, Any]:
        return draw(control.catalogue, seed)

    @app.post("/break/{unit_id}")
    async def break_down(unit_id: str, body: _Break) -> dict[str, Any]:
        return await control.break_down(unit_id, body.reason)

    @app.post("/clear/{unit_id}")
    async def clear(unit_id: str) -> dict[str, Any]:
        return await control.clear(unit_id)

    @app.post("/fail-inspection/{lot_id}")
    async def fail_inspection(lot_id: str, body: _Inspection) -> dict[str, Any]:
        return await control.fail_inspection(lot_id, body.value)

    @app.post("/rush")
    async def rush(body: _Rush) -> dict[str, Any]:
        return await control.rush(body.sale())

    return app


async def _serve(control: PlantControl, options: argparse.Namespace) -> None:
    bound = listen(options.port)
    app = control_http(control, secret(read_endpoints(options.endpoints).data, PLANT_TOKEN))
    async with serving(app, bound):
        ready("control", f"http://{HOST}:{port_of(bound)}")
        await until_told_to_stop()


async def _do(control: PlantControl, options: argparse.Namespace) -> dict[str, Any]:
    match options.verb:
        case "break":
            return await control.break_down(options.unit, options.reason)
        case "clear":
            return await control.clear(options.unit)
        case "fail-inspection":
            return await control.fail_inspection(options.lot, options.value)
        case "rush":
            return await control.rush(_sale(options.sale))
        case "draw":
            return draw(control.catalogue, options.seed)
        case _:
            return await control.status()


def _sale(given: list[str]) -> RushDraw | None:
    if not given:
        return None
    if len(given) != 4:
        raise ControlError("Give customer, material, quantity and wanted (minutes from now), or none of them.")
    return RushDraw.model_validate(dict(zip(("customer", "material", "quantity", "wanted"), given, strict=True)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.plant.control", description="Cause things in the plant.")
    parser.add_argument("--endpoints", type=Path, required=True, help="JSON file that says where the peers are")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("status", help="what every peer says of itself")
    stop = verbs.add_parser("break", help="stop a machine")
    stop.add_argument("unit")
    stop.add_argument("--reason", type=int, help="stop reason code; drawn by seed if absent")
    verbs.add_parser("clear", help="let a machine run again").add_argument("unit")
    fail = verbs.add_parser("fail-inspection", help="find a lot outside its tolerance")
    fail.add_argument("lot")
    fail.add_argument("--value", type=float)
    verbs.add_parser("rush", help="receive a rush sale").add_argument(
        "sale", nargs="*", help="CUSTOMER MATERIAL QUANTITY WANTED(min); drawn if absent"
    )
    verbs.add_parser("draw", help="what a seed picks").add_argument("--seed", type=int, required=True)
    verbs.add_parser("serve", help="offer the verbs over HTTP").add_argument("--port", type=int, required=True)
    return parser


def main() -> None:
    """Command line of the control."""
    options = _parser().parse_args()
    try:
        control = PlantControl(read_endpoints(options.endpoints))
        if options.verb == "serve":
            run(_serve(control, options))
        else:
            print(json.dumps(asyncio.run(_do(control, options)), indent=1))
    except (ControlError, CatalogueError, ValueError) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
