"""`mos token`: programs' keys, from the machine: for the first ones, and when nobody can sign in."""

import asyncio
import os
from typing import Annotated

import typer

from admin.access.tokens import SCOPES, Tokens, Wanted
from admin.actors import Actor
from domain.errors import ConfigError
from infra.run import database_url, now
from infra.settings import Settings, load_settings
from store.db import Database

app = typer.Typer(no_args_is_help=True, help="Keys of programs.")


@app.callback()
def _root() -> None:
    """Token commands."""


@app.command()
def create(
    title: Annotated[str, typer.Argument(help="What it is for.")],
    person: Annotated[str, typer.Option(help="Who answers for it: a person's id on the roster.")],
    scope: Annotated[list[str], typer.Option(help=f"Can be repeated: {', '.join(SCOPES)}.")],
    days: Annotated[int, typer.Option(help="For how many days it is good.")] = 90,
) -> None:
    """Make one and print it, this once."""
    typer.echo(asyncio.run(_create(load_settings(running=True), person, Wanted(title, scope, days))))


@app.command(name="list")
def list_() -> None:
    """Those that nobody revoked: id, whose, until when, scopes, what for."""
    for line in asyncio.run(_list(load_settings(running=True))):
        typer.echo(line)


@app.command()
def revoke(number: Annotated[str, typer.Argument(help="Its id, as `mos token list` shows it.")]) -> None:
    """End one at once."""
    asyncio.run(_revoke(load_settings(running=True), number))
    typer.echo("revoked")


def _tokens(settings: Settings, database: Database) -> Tokens:
    if settings.session_secret is None:
        raise ConfigError("set MOS_SESSION_SECRET, or start the stack with `mos up`")
    return Tokens(database, settings.session_secret.get_secret_value().encode(), os.urandom)


async def _create(settings: Settings, person: str, wanted: Wanted) -> str:
    database = Database(database_url(settings), pool_size=1)
    try:
        return await _tokens(settings, database).create(wanted, Actor(person, signed_in=False), now())
    finally:
        await database.close()


async def _list(settings: Settings) -> list[str]:
    database = Database(database_url(settings), pool_size=1)
    try:
        rows = await _tokens(settings, database).of("")
    finally:
        await database.close()
    return [f"{row.id}  {row.person}  {row.expires_at:%Y-%m-%d}  {','.join(row.scopes)}  {row.title}" for row in rows]


async def _revoke(settings: Settings, number: str) -> None:
    database = Database(database_url(settings), pool_size=1)
    try:
        actor = Actor("operator", signed_in=False)
        await _tokens(settings, database).revoke(number, actor, now(), anybodys=True)
    finally:
        await database.close()
