"""`mos push FOLDER`: publish a site's documents and definitions; the database alone is read at run time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from admin import authority
from admin.access.sessions import hash_password
from admin.definitions import publish, versions
from domain.errors import ConfigError
from domain.language.definition import Definition
from infra import site_folder
from infra.commands import push_told, who
from infra.commands.push_told import Standing, Told
from infra.connect import check_document
from infra.run import database_url, now
from infra.settings import Settings, load_settings
from infra.site_folder import State, read_yaml
from store.db import Database
from store.read import site as site_read
from store.read.access import sessions as sessions_read
from store.read.definitions import versions as read

SHIPPED = Path(__file__).resolve().parents[2] / "workflows" / "definitions"
_REFUSED = (State.MOVED, State.BOTH)


@dataclass(frozen=True)
class _Push:
    """What was asked for."""

    folder: Path
    author: str
    signed_off_by: str
    reason: str
    passwords: Mapping[str, str]
    force: bool

    @property
    def own(self) -> bool:
        """Does the folder bring definitions of its own? Otherwise the shipped ones are published with it."""
        return (self.folder / "definitions").is_dir()


def push(
    folder: Annotated[
        Path, typer.Argument(help="With site.yaml, connectors.yaml; more if any: people, authority, definitions/.")
    ],
    author: Annotated[str, typer.Option(help="Who wrote it.")] = "process_engineer",
    signed_off_by: Annotated[
        str, typer.Option(help="Who signs the definitions off; not the author.")
    ] = "plant_manager",
    reason: Annotated[str, typer.Option(help="Why it changes.")] = "",
    passwords: Annotated[Path | None, typer.Option(help="YAML: person id -> first console password.")] = None,
    force: Annotated[bool, typer.Option(help="Publish over what is newer in the database.")] = False,
) -> None:
    """Check everything first, then publish and tell what came of each definition, and what the check warns of.

    Nothing is published when something is wrong, or newer in the database.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder: give the one with site.yaml, people.yaml and connectors.yaml")
    given = read_yaml(passwords) if passwords else {}
    asked = _Push(folder, author, signed_off_by, reason, given, force)
    asyncio.run(_push(load_settings(running=True), asked)).show()


async def _push(settings: Settings, asked: _Push) -> Told:
    names = ("site", "people", "connectors", "authority")
    documents = {name: read_yaml(file) for name in names if (file := asked.folder / f"{name}.yaml").exists()}
    texts = {file.name: file.read_text(encoding="utf-8") for file in _definition_files(asked)}
    parsed = {name: versions.read_definition(text, name) for name, text in texts.items()}
    _check_names(asked, parsed)
    if "connectors" in documents:
        check_document(documents["connectors"])
    if "authority" in documents:
        authority.checked(documents["authority"])
    database = Database(database_url(settings))
    try:
        asked = await _known(database, asked)
        hashes = await _first_passwords(database, asked.passwords)
        left = await _look(database, asked, documents, parsed)
        await _publish_documents(database, asked, documents, hashes, left)
        asked = await _known(database, asked)  # the roster may have come with it
        async with database.transaction() as session:
            before = await push_told.standing(session)
        order = _in_order(parsed)
        made = {name: await _publish(database, asked, name, texts[name]) for name in order if name not in left}
        async with database.transaction() as session:
            if asked.own:
                site_folder.write_record(asked.folder, await site_folder.there(session))
            files = {parsed[name].definition: name for name in order}
            return await _told(session, asked, files, before, {n: (v, texts[n]) for n, v in made.items()})
    finally:
        await database.close()


async def _known(database: Database, asked: _Push) -> _Push:
    """With the ids of who is called as the two are: the record has them, and four eyes are counted by them."""
    async with database.transaction() as session:
        everybody = await who.people(session)
    author, signer = (who.known(everybody, name) for name in (asked.author, asked.signed_off_by))
    return replace(asked, author=author, signed_off_by=signer)


async def _told(
    session: AsyncSession, asked: _Push, files: Mapping[str, str], before: Standing, made: Mapping[str, tuple[str, str]]
) -> Told:
    """`files`: definition -> file, in the order of the push; `made`: file -> version and text of what was published."""
    versions_ = {definition: made[file][0] for definition, file in files.items() if file in made}
    came = await push_told.outcomes(session, before, versions_)
    done = [f"{name}: {came.get(name, f'left alone, {push_told.LEFT_ALONE}')}" for name in files]
    fresh = [name for name, version in versions_.items() if before.get(name, {}).get("live") != version]
    folder = asked.folder / "definitions" if asked.own else SHIPPED
    sheets = await push_told.looked_at(session, {str(folder / files[n]): made[files[n]][1] for n in fresh})
    return Told(done, sheets, await push_told.strangers(session, asked.author, asked.signed_off_by))


async def _first_passwords(database: Database, passwords: Mapping[str, str]) -> dict[str, str]:
    """Person id -> hash, of those who have none yet: what somebody has chosen since is theirs."""
    async with database.transaction() as session:
        has = await sessions_read.with_password(session)
    return {person: hash_password(password) for person, password in passwords.items() if person not in has}


def _definition_files(asked: _Push) -> list[Path]:
    return sorted((asked.folder / "definitions").glob("*.yaml")) or sorted(SHIPPED.glob("*.yaml"))


def _check_names(asked: _Push, parsed: Mapping[str, Definition]) -> None:
    """One definition, one file: otherwise a pull would write it a second time."""
    for name, definition in parsed.items():
        if asked.own and name != f"{definition.definition}.yaml":
            raise ConfigError(
                f"definitions/{name} holds '{definition.definition}': call it {definition.definition}.yaml"
            )


def _in_order(parsed: Mapping[str, Definition]) -> list[str]:
    """The files, those first that others call."""
    file_of = {definition.definition: name for name, definition in parsed.items()}
    calls = {
        name: [file_of[called] for called in versions.called_by(definition) if called in file_of]
        for name, definition in parsed.items()
    }
    try:
        return list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        raise ConfigError(f"these call each other: {' -> '.join(error.args[1])}") from None


async def _look(
    database: Database, asked: _Push, documents: Mapping[str, Any], parsed: Mapping[str, Definition]
) -> set[str]:
    """What is left as it is in the database. Raises ConfigError for what is newer there than in a pulled folder."""
    if asked.force:
        return set()
    record = site_folder.read_record(asked.folder)
    async with database.transaction() as session:
        if record is None:
            return await _superseded(session, documents, parsed)
        entries = site_folder.drift(site_folder.here(asked.folder), record, await site_folder.there(session))
    newer = [f"{entry.name}: {entry.state} ({entry.told})" for entry in entries if entry.state in _REFUSED]
    if newer:
        advice = f"Nothing was published. See `mos drift {asked.folder}`; pull first, or publish over it with --force."
        raise ConfigError("\n".join([*newer, advice]))
    return set()


async def _superseded(
    session: AsyncSession, documents: Mapping[str, Any], parsed: Mapping[str, Definition]
) -> set[str]:
    """A folder that was never pulled, pushed again: what it published once must not undo what people did since."""
    left = set()
    for kind in site_folder.DOCUMENTS:
        if kind in documents and await site_read.is_published(session, kind):
            version = authority.document_version(kind, documents[kind])
            history = await site_read.document_versions(session, kind)
            if version in history[1:] and version != history[0]:
                left.add(kind)
    live = {row.definition: row.version for row in await read.rollouts(session) if row.slot == "live"}
    for name, definition in parsed.items():
        same = [
            row
            for row in await read.versions(session, definition.definition)
            if site_folder.key_of(row.source_text) == definition.version()
        ]
        if same and live.get(definition.definition) not in [row.version for row in same]:
            left.add(name)
    return left


async def _publish_documents(
    database: Database, asked: _Push, documents: Mapping[str, Any], hashes: dict[str, str], left: set[str]
) -> None:
    author = asked.author
    if "site" in documents and "site" not in left:
        await publish.publish_site(database, documents["site"], author=author, now=now())
    if "people" in documents:
        await publish.import_roster(database, documents["people"], hashes, author=author, now=now())
    if "connectors" in documents and "connectors" not in left:
        await publish.publish_connectors(database, documents["connectors"], author=author, now=now())
    if "authority" in documents and "authority" not in left:
        await authority.publish_matrix(database, documents["authority"], author=author, now=now())


async def _publish(database: Database, asked: _Push, name: str, text: str) -> str:
    return await publish.publish_definition(
        database,
        text,
        name,
        author=asked.author,
        signed_off_by=asked.signed_off_by,
        reason=asked.reason,
        now=now(),
    )
