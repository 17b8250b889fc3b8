"""`mos pull FOLDER` and `mos drift FOLDER`: a folder for git, beside the database that is read at run time."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import yaml

from domain.errors import ConfigError
from infra import site_folder
from infra.run import database_url
from infra.settings import load_settings
from infra.site_folder import Entry, Known, State
from store.db import Database

_Folder = Annotated[Path, typer.Argument(help="With site.yaml, connectors.yaml and definitions/.")]
_AT_STAKE = (State.EDITED, State.BOTH, State.DIFFERS)


def pull(
    folder: _Folder,
    force: Annotated[bool, typer.Option(help="Overwrite what was edited here.")] = False,
    people: Annotated[bool, typer.Option("--people", help="Write people.yaml too.")] = False,
) -> None:
    """Write what is published into the folder, definitions word for word. People stay in the database, unless they are
    asked for: a folder in git keeps personal data for ever."""
    database = asyncio.run(_there())
    entries = _entries(folder, database)
    at_stake = [entry for entry in entries if entry.state in _AT_STAKE]
    if at_stake and not force:
        raise ConfigError(
            "\n".join(
                [*map(_line, at_stake), "Nothing was written. Push or undo these, or overwrite them with --force."]
            )
        )
    for entry in entries:
        done = _write(folder, entry, database.get(entry.name))
        if done:
            typer.echo(f"{entry.name}: {done}")
    site_folder.write_record(folder, database)
    if people:
        _write_people(folder, force)
    typer.echo(f"{len(database)} documents in {folder}")


def _write_people(folder: Path, force: bool) -> None:
    file, text = folder / "people.yaml", asyncio.run(_people())
    if file.exists() and not force and site_folder.read_yaml(file) != yaml.safe_load(text):
        raise ConfigError("people.yaml: differs from the database. It was not written; overwrite it with --force.")
    site_folder.write(file, text)
    typer.echo("people.yaml: written")


async def _people() -> str:
    database = Database(database_url(load_settings(running=True)), pool_size=1)
    try:
        async with database.transaction() as session:
            return await site_folder.people(session)
    finally:
        await database.close()


def drift(folder: _Folder) -> None:
    """Compare the folder with the database. Exit code 0 only if they are the same."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder")
    entries = _entries(folder, asyncio.run(_there()))
    for entry in entries:
        typer.echo(_line(entry))
    raise typer.Exit(0 if all(entry.state == State.SAME for entry in entries) else 1)


async def _there() -> dict[str, Known]:
    database = Database(database_url(load_settings(running=True)), pool_size=1)
    try:
        async with database.transaction() as session:
            return await site_folder.there(session)
    finally:
        await database.close()


def _entries(folder: Path, database: dict[str, Known]) -> list[Entry]:
    return site_folder.drift(site_folder.here(folder), site_folder.read_record(folder), database)


def _line(entry: Entry) -> str:
    return f"{entry.name}: {entry.state}" + (f" ({entry.told})" if entry.told else "")


def _write(folder: Path, entry: Entry, known: Known | None) -> str:
    """Make one file as it is in the database; what means the same keeps its comments and layout."""
    file = site_folder.file_of(folder, entry.name)
    if entry.state in (State.SAME, State.ONLY_HERE):
        return ""
    if known is None:
        file.unlink(missing_ok=True)
        return "removed, it is retired"
    site_folder.write(file, known.text)
    return f"written, {known.told}" if known.told else "written"
