"""`mos shelve` and `mos unshelve`: silence a definition for a limited time, see what is silenced, end it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from admin import shelving
from domain.values import local_text
from infra.commands.who import By, acting, asked
from infra.run import database_url, now
from infra.settings import load_settings
from store.db import Database
from store.read.shelves import Shelves, Standing, shelved


def shelve(
    definition: Annotated[str, typer.Argument(help="Left out: show what is shelved.")] = "",
    key: Annotated[str, typer.Option(help="The correlation key, such as a machine or a lot.")] = "",
    equipment: Annotated[str, typer.Option(help="Instead of a key: a unit, work center or area, and all below.")] = "",
    until: Annotated[str, typer.Option(help="2h, '4h business', 06:00, shift.end, or an ISO time.")] = "1h",
    reason: Annotated[str, typer.Option(help="Why; people see it, and the audit keeps it.")] = "",
    by: By = "",
) -> None:
    """Silence a definition for a limited time: what comes meanwhile waits, and opens at the end if it still stands."""
    if definition:
        asked(by)
        target = shelving.Target(definition, key.strip(), equipment.strip())

        async def begin(database: Database) -> None:
            who = await acting(database, by)
            await shelving.shelve(database, target, until, reason=reason, by=who, now=now())

        _run(begin)
    _show()


def unshelve(
    shelf: Annotated[int, typer.Argument(help="Its number; 'mos shelve' shows it.")],
    by: By = "",
) -> None:
    """End a shelf before its time: what waits under it opens now."""
    asked(by)

    async def end(database: Database) -> None:
        await shelving.unshelve(database, shelf, by=await acting(database, by), now=now())

    _run(end)
    _show()


def _show() -> None:
    found: list[Shelves] = []

    async def ask(database: Database) -> None:
        found.append(await shelved(database, now()))

    _run(ask)
    for one in found[0].standing:
        typer.echo(_line(one, found[0]))
    if not found[0].standing:
        typer.echo("nothing is shelved")


def _line(one: Standing, shelves: Shelves) -> str:
    row, zone = one.row, shelves.site.timezone if shelves.site else "UTC"
    place = f"key {row.key}" if row.equipment is None else f"at {row.equipment}"
    who = shelves.names.get(row.shelved_by, row.shelved_by)
    until = local_text(row.until, ZoneInfo(zone))
    return f"{row.id}  {row.definition}, {place}, until {until} {zone}, by {who}: {row.reason}; {one.waiting} wait"


def _run(act: Callable[[Database], Awaitable[object]]) -> None:
    async def run() -> None:
        database = Database(database_url(load_settings(running=True)), pool_size=1)
        try:
            await act(database)
        finally:
            await database.close()

    asyncio.run(run())
