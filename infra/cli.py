"""The command `mos`. Commands that belong to others are loaded from their own modules when first named."""

import importlib
import importlib.util
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from domain.errors import MosError
from infra.quick_imports import uncollected

# Sub-commands: name -> module with a typer app named `app`. Add a line to add one.
SUB_APPS = {
    "agent": "infra.commands.agents",
    "run": "infra.run",
    "audit": "infra.commands.audit",
    "connect": "infra.commands.connecting",
    "db": "infra.commands.db",
    "roster": "infra.commands.roster",
    "token": "infra.commands.token",
}
# Single commands: name -> module with a function of that name.
COMMANDS = {
    "check": "infra.commands.check",
    "schema": "infra.commands.schema",
    "test": "infra.commands.scenarios",
    "replay": "infra.commands.replay",
    "push": "infra.commands.push",
    "pull": "infra.commands.pull",
    "drift": "infra.commands.pull",
    "versions": "infra.commands.versions",
    "diff": "infra.commands.versions",
    "rollout": "infra.commands.rollout",
    "shelve": "infra.commands.shelving",
    "unshelve": "infra.commands.shelving",
    "demo": "infra.demo.command",
}
_OWN = ("up", "down", "status")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The exception router of one site.")


@app.callback()
def _root() -> None:
    """Settings come from the environment: MOS_DATA_DIR, MOS_API_PORT, MOS_DATABASE_URL, ..."""


@app.command()
def up(
    without: Annotated[list[str] | None, typer.Option(help="Leave a product part out; can be repeated.")] = None,
    bare: Annotated[bool, typer.Option(help="Only PostgreSQL, Temporal and the MQTT broker.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="When ready, print the addresses as one JSON line.")] = False,
) -> None:
    """Start everything, keep it running, stop it with Ctrl-C."""
    from infra.settings import load_settings
    from infra.stack.parts import PRODUCT
    from infra.stack.up import up as run

    left_out = PRODUCT if bare else without or ()
    raise typer.Exit(run(load_settings(), without=left_out, as_json=as_json))


@app.command()
def down() -> None:
    """Stop what `mos up` runs on this data folder."""
    from infra.settings import load_settings
    from infra.stack.up import request_down

    typer.echo(request_down(load_settings()))


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Parts, processes, addresses and health; exit code 0 only if all is well."""
    from infra.settings import load_settings
    from infra.stack.folder import DataFolder
    from infra.stack.status import lines
    from infra.stack.status import status as look

    found = look(DataFolder(load_settings().data_dir))
    typer.echo(json.dumps(asdict(found), indent=1) if as_json else "\n".join(lines(found)))
    raise typer.Exit(0 if found.healthy else 1)


def _add_sub_apps(command: str) -> None:
    """Import only what `command` needs: `mos up` starts fast and keeps no vendor client in memory."""
    known = (*_OWN, *SUB_APPS, *COMMANDS)
    for name, module in COMMANDS.items():
        if command == name or command not in known:
            app.command(name)(getattr(importlib.import_module(module), name))
    for name, module in SUB_APPS.items():
        wanted = command == name or command not in known
        if wanted and importlib.util.find_spec(module) is not None:
            app.add_typer(importlib.import_module(module).app, name=name)


def main() -> None:
    """Entry point: an error of ours is one line and exit code 1, not a traceback."""
    try:
        with uncollected():
            _add_sub_apps(sys.argv[1] if len(sys.argv) > 1 else "")
        app()
    except MosError as error:
        sys.exit(error.message)


if __name__ == "__main__":
    main()
