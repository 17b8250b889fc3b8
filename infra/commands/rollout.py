"""`mos rollout DEF ...`: which published version opens exceptions, where; forwards and back with one command."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from admin.definitions import rollout as admin
from admin.definitions.rollout import Move
from domain.errors import InvalidPayloadError, NotFoundError
from infra.commands.versions import place, reading
from infra.commands.who import By, acting, asked
from infra.run import database_url, now
from infra.settings import load_settings
from store.db import Database
from store.read.definitions import versions as read


class Action(StrEnum):
    """What to do with it."""

    SHOW = "show"
    LIVE = "live"
    TRY = "try"
    PROMOTE = "promote"
    BACK = "back"
    SHADOW = "shadow"
    UNSHADOW = "unshadow"
    RETIRE = "retire"


_NEED_VERSION = (Action.LIVE, Action.TRY, Action.SHADOW)
_Act = Callable[[Database, Move], Awaitable[object]]


def rollout(
    definition: Annotated[str, typer.Argument()],
    action: Annotated[Action, typer.Argument()] = Action.SHOW,
    version: Annotated[str, typer.Argument(help="v3, or the start of its hash: for live, try, shadow.")] = "",
    area: Annotated[list[str] | None, typer.Option(help="For try: area, work center or unit; can be repeated.")] = None,
    share: Annotated[int, typer.Option(help="For try: percent of the correlation keys.")] = 100,
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why; for the audit.")] = "",
) -> None:
    """Show or change what is in force. Exceptions that run keep the version that they began with."""
    if action != Action.SHOW:
        _check(action, version, by, reason)
        acts = _acts(definition, version, area or [], share)
        asyncio.run(_run(acts[action], by, reason))
    for line in reading(lambda session: _shown(session, definition)):
        typer.echo(line)


def _check(action: Action, version: str, by: str, reason: str) -> None:
    """What the console asks for as well."""
    asked(by)
    if not reason.strip():
        raise InvalidPayloadError("say why, others and the audit read it: --reason TEXT")
    if (action in _NEED_VERSION) != bool(version):
        raise InvalidPayloadError(f"'{action}' {'needs a' if action in _NEED_VERSION else 'takes no'} version")


def _acts(definition: str, version: str, areas: list[str], share: int) -> dict[Action, _Act]:
    return {
        Action.LIVE: lambda database, move: admin.go_live(database, definition, version, move),
        Action.TRY: lambda database, move: admin.try_out(database, definition, version, move, areas=areas, share=share),
        Action.PROMOTE: lambda database, move: admin.promote(database, definition, move),
        Action.BACK: lambda database, move: admin.roll_back(database, definition, move),
        Action.SHADOW: lambda database, move: admin.watch(database, definition, version, move),
        Action.UNSHADOW: lambda database, move: admin.stop_watching(database, definition, move),
        Action.RETIRE: lambda database, move: admin.retire(database, definition, move),
    }


async def _run(act: _Act, by: str, reason: str) -> None:
    database = Database(database_url(load_settings(running=True)), pool_size=1)
    try:
        await act(database, Move(await acting(database, by), now(), reason))
    finally:
        await database.close()


async def _shown(session: AsyncSession, definition: str) -> list[str]:
    versions = {row.version: row for row in await read.versions(session, definition)}
    if not versions:
        raise NotFoundError(f"no version of '{definition}' is published: 'mos versions' lists what is")
    slots = await read.rollouts(session, definition)
    running = await read.running(session)
    shown = [
        f"{definition} v{versions[slot.version].number}: {place(slot)} since "
        f"{slot.started_at:%Y-%m-%d %H:%M} UTC, by {slot.started_by}"
        for slot in sorted(slots, key=lambda slot: read.SLOTS.index(slot.slot))
    ]
    shown += [] if slots else [f"{definition} opens nothing: it is retired, or was never put live"]
    return shown + [
        f"{count} exceptions run with v{versions[version].number}"
        for version, count in running.items()
        if version in versions
    ]
