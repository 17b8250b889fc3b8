"""`mos versions` and `mos diff`: what is published, and what changed between two versions."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from admin.definitions.versions import bundle, read_definition
from authoring.diff import diff as differences
from authoring.diff import to_data, to_text
from domain.errors import ConfigError, NotFoundError
from domain.language.definition import Definition
from infra.run import database_url
from infra.settings import load_settings
from store.db import Database
from store.read.definitions import versions as read
from store.tables import DefinitionRow, RolloutRow

Found = TypeVar("Found")


def versions(
    definition: Annotated[str, typer.Argument(help="One definition; all of them when left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Every published version: who wrote it, who signed it off, why, where it is in force, how many exceptions run."""
    rows, slots, running = reading(lambda session: _listed(session, definition))
    if not rows:
        raise NotFoundError(f"no version of '{definition}' is published" if definition else "nothing is published")
    if as_json:
        typer.echo(json.dumps([_data(row, slots, running) for row in rows], indent=1))
        return
    for row in rows:
        typer.echo(_line(row, slots, running))


async def _listed(
    session: AsyncSession, definition: str
) -> tuple[list[DefinitionRow], list[RolloutRow], dict[str, int]]:
    rows = await read.versions(session, definition or None)
    return rows, await read.rollouts(session, definition or None), await read.running(session)


def _line(row: DefinitionRow, slots: Sequence[RolloutRow], running: Mapping[str, int]) -> str:
    where = ", ".join(place(slot) for slot in slots if slot.version == row.version)
    parts = [
        f"{row.definition} v{row.number}",
        row.version[:12],
        f"{row.published_at:%Y-%m-%d %H:%M} UTC",
        f"by {row.author}, signed off by {row.signed_off_by}",
        where,
        f"{running[row.version]} running" if row.version in running else "",
        row.reason,
    ]
    return "  ".join(part for part in parts if part)


def place(slot: RolloutRow) -> str:
    """`live`, `trial in turning, 20 %`, `shadow`."""
    parts = [f" in {', '.join(slot.areas)}" if slot.areas else "", f" {slot.share} %" if slot.share < 100 else ""]
    return slot.slot + ",".join(part for part in parts if part)


def _data(row: DefinitionRow, slots: Sequence[RolloutRow], running: Mapping[str, int]) -> dict[str, object]:
    told = row.model_dump(mode="json", exclude={"source_text", "content"})
    mine = [
        slot.model_dump(mode="json", include={"slot", "areas", "share"})
        for slot in slots
        if slot.version == row.version
    ]
    return told | {"rollout": mine, "running": running.get(row.version, 0)}


def diff(
    definition: Annotated[str, typer.Argument()],
    old: Annotated[str, typer.Option("--from", help="v3, the start of a hash, live, newest; or a file.")] = "live",
    new: Annotated[str, typer.Option("--to", help="The same.")] = "newest",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What changed, in the plant's words. Exit code 0 whether or not something did."""
    texts = {wanted: _text_of(Path(wanted)) for wanted in (old, new) if Path(wanted).suffix in (".yaml", ".yml")}
    before, after = reading(lambda session: _both(session, definition, (old, new), texts))
    changes = differences(before, after)
    typer.echo(json.dumps(to_data(changes), indent=1) if as_json else to_text(changes))


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None


async def _both(
    session: AsyncSession, definition: str, wanted: tuple[str, str], texts: Mapping[str, str]
) -> tuple[Definition, Definition]:
    return await _side(session, definition, wanted[0], texts), await _side(session, definition, wanted[1], texts)


async def _side(session: AsyncSession, definition: str, wanted: str, texts: Mapping[str, str]) -> Definition:
    if wanted in texts:
        return await bundle(session, read_definition(texts[wanted], wanted))
    return Definition.model_validate((await read.find(session, definition, wanted)).content)


def reading(ask: Callable[[AsyncSession], Awaitable[Found]]) -> Found:
    """Ask the database one thing."""

    async def run() -> Found:
        database = Database(database_url(load_settings(running=True)), pool_size=1)
        try:
            async with database.transaction() as session:
                return await ask(session)
        finally:
            await database.close()

    return asyncio.run(run())
