"""`python -m infra.standins sap|odoo|erpnext|rest --port N`: one stand-in on loopback, until stopped.

The credentials are drawn for each start and printed once; those of the control interface too.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe

from starlette.types import ASGIApp

from infra.standins.serve import bind, server_of

USER = "MOS"
Make = Callable[[str, str, Path | None], ASGIApp]


def _sap(word: str, control: str, data: Path | None) -> ASGIApp:
    from infra.standins.sap.app import SapStandIn, build_app

    return build_app(SapStandIn({USER: word}, path=data), control)


def _odoo(word: str, control: str, _: Path | None) -> ASGIApp:
    from infra.standins.odoo.app import OdooStandIn, build_app

    return build_app(OdooStandIn(word, user=USER), control)


def _erpnext(word: str, control: str, _: Path | None) -> ASGIApp:
    from infra.standins.erpnext.app import ErpNextStandIn, build_app

    return build_app(ErpNextStandIn(USER, word), control)


def _rest(word: str, control: str, _: Path | None) -> ASGIApp:
    from infra.standins.rest.app import RestStandIn, build_app

    return build_app(RestStandIn(word), control)


KINDS: dict[str, Make] = {"sap": _sap, "odoo": _odoo, "erpnext": _erpnext, "rest": _rest}


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; 2 = the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.standins", description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--port", type=int, default=0, help="0 = a free one; the address is printed")
    parser.add_argument("--data", type=Path, help="sap only: the SQLite file that keeps its books")
    given = parser.parse_args(arguments)
    try:
        bound = bind(given.port)
    except OSError as problem:
        print(f"standin: port {given.port} cannot be used: {problem}", file=sys.stderr)
        return 2
    word, control = token_urlsafe(18), token_urlsafe(18)
    print(f"{given.kind} stand-in: http://127.0.0.1:{bound.getsockname()[1]}/", flush=True)
    print(f"user {USER}, password or key {word}, control token {control}", flush=True)
    asyncio.run(server_of(KINDS[given.kind](word, control, given.data)).serve(sockets=[bound]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
