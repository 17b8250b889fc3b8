"""`mos agent`: which agents there are, and their switches."""

import asyncio
from typing import Annotated

import typer

from admin import agents as admin
from admin.actors import Actor
from domain.errors import NotFoundError
from infra.run import database_url, now
from infra.settings import Settings, load_settings
from store.db import Database
from store.read.definitions import agents as read

app = typer.Typer(no_args_is_help=True, help="Agents: who proposes.")
Name = Annotated[str, typer.Argument(help="Its name in the connectors document.")]


@app.callback()
def _root() -> None:
    """Agent commands."""


@app.command(name="list")
def list_() -> None:
    """Each with its kind, its switch, and what came of its questions in 30 days."""
    for line in asyncio.run(_list(load_settings(running=True))):
        typer.echo(line)


@app.command()
def stop(name: Name, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Ask it no more, from now on and everywhere."""
    asyncio.run(_switch(load_settings(running=True), name, reason, stop=True))
    typer.echo(f"{name} is stopped: what its questions' authors provided for holds.")


@app.command()
def start(name: Name) -> None:
    """Ask it again."""
    asyncio.run(_switch(load_settings(running=True), name, "", stop=False))
    typer.echo(f"{name} is asked again.")


async def _list(settings: Settings) -> list[str]:
    database = Database(database_url(settings), pool_size=1)
    try:
        found = await read.agents(database, now())
    finally:
        await database.close()
    return [_line(one) for one in found]


def _line(one: read.Agent) -> str:
    stands = f"stopped by {one.changed_by}: {one.control.reason}" if one.control.stopped else "on"
    counts = ", ".join(f"{number} {why}" for why, number in one.counts.items()) or "not asked"
    return f"{one.name}  {one.kind or 'not connected'}  {stands}  {counts}"


async def _switch(settings: Settings, name: str, reason: str, *, stop: bool) -> None:
    database = Database(database_url(settings), pool_size=1)
    try:
        known = [one.name for one in await read.agents(database, now())]
        if name not in known:  # a slip of the pen must not look like a stopped agent
            raise NotFoundError(f"There is no agent '{name}'. There is: {', '.join(known)}.")
        by = Actor("operator", signed_in=False)
        await admin.switch(database, name, stop=stop, reason=reason, by=by, now=now())
    finally:
        await database.close()
