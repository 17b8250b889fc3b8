"""The plant's control: `python -m infra.plant.control --endpoints FILE VERB ...`. Verbs: README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.plant.catalogue import CatalogueError, RushDraw
from infra.plant.plant_control import ControlError, PlantControl, draw, read_endpoints


async def _do(control: PlantControl, options: argparse.Namespace) -> dict[str, Any]:
    match options.verb:
        case "break":
            return await control.break_down(options.unit, options.reason)
        case "clear":
            return await control.clear(options.unit)
        case "fail-inspection":
            return await control.fail_inspection(options.lot, options.value)
        case "short":
            return await control.short(options.job_order, options.counted)
        case "slow":
            return await control.slow(options.job_order, options.minutes)
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
    short = verbs.add_parser("short", help="count too little material for a job order at the machine")
    short.add_argument("job_order")
    short.add_argument("--counted", type=float, help="what is there; half of what is needed if absent")
    slow = verbs.add_parser("slow", help="let a running job order take longer")
    slow.add_argument("job_order")
    slow.add_argument("--minutes", type=float, help="240 if absent")
    verbs.add_parser("rush", help="receive a rush sale").add_argument(
        "sale", nargs="*", help="CUSTOMER MATERIAL QUANTITY WANTED(min); drawn if absent"
    )
    verbs.add_parser("draw", help="what a seed picks").add_argument("--seed", type=int, required=True)
    verbs.add_parser("serve", help="offer the verbs over HTTP").add_argument("--port", type=int, required=True)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of the control; ends the process with one line when something is not done."""
    options = _parser().parse_args(arguments)
    try:
        control = PlantControl(read_endpoints(options.endpoints))
        if options.verb == "serve":
            # A web server is much to load for a verb that only asks.
            from infra.plant.control_http import run_http

            run_http(control, options.port)
        else:
            print(json.dumps(asyncio.run(_do(control, options)), indent=1))
    except (ControlError, CatalogueError, ValueError) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
