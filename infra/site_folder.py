"""A site's folder beside the database: what it holds, what it was pulled from, and where the two have drifted apart."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from admin.authority import document_version
from domain.errors import ConfigError
from domain.language import misfits
from domain.language.definition_text import load
from domain.rosters.people import Roster
from domain.site import Site
from domain.values import Json, content_hash
from store.read import site as site_read
from store.read.definitions import versions as read
from store.tables import DefinitionRow

RECORD = ".mos-pulled.json"
DOCUMENTS = ("site", "connectors", "authority")
_Document = TypeVar("_Document", bound=BaseModel)


class State(StrEnum):
    """How one document stands here and in the database."""

    SAME = "as published"
    EDITED = "edited here"
    MOVED = "newer in the database"
    BOTH = "edited here, and newer in the database"
    DIFFERS = "differs from the database; never pulled"
    ONLY_HERE = "only here"
    ONLY_THERE = "only in the database"


@dataclass(frozen=True)
class Known:
    """One document in the database. `key` changes with its meaning, not with its layout; `newest` counts versions."""

    key: str
    text: str
    told: str
    newest: int = 0


@dataclass
class Record:
    """What the folder was pulled from: name -> key, and the newest version's number then."""

    keys: dict[str, str] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One line of `mos drift`."""

    name: str
    state: State
    told: str = ""


def file_of(folder: Path, name: str) -> Path:
    """`site` is site.yaml; `definitions/breakdown` is definitions/breakdown.yaml."""
    return folder / f"{name}.yaml"


def read_record(folder: Path) -> Record | None:
    """None when the folder was never pulled. Raises ConfigError when it can't be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(dict(found["keys"]), {name: int(number) for name, number in found["newest"].items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{folder / RECORD} can't be read: remove it and pull again") from None


def write_record(folder: Path, there: Mapping[str, Known]) -> None:
    """Remember what the database holds as what this folder stands on."""
    names = sorted(there)
    record = Record({name: there[name].key for name in names}, {name: there[name].newest for name in names})
    write(folder / RECORD, json.dumps(asdict(record), indent=1) + "\n")


def write(file: Path, text: str) -> None:
    """Raises ConfigError when the folder can't be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error.strerror}") from None


def read_yaml(file: Path) -> Any:
    """Raises ConfigError."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no valid YAML: {error}") from None


def read_roster(folder: Path) -> Roster:
    """The people and shifts of a site's folder. Raises ConfigError naming what is wrong in it."""
    return _fitting(Roster, folder / "people.yaml")


def read_site(folder: Path, **more: Any) -> Site:
    """The site of a site's folder, with `more` that stands elsewhere. Raises ConfigError naming what is wrong in it."""
    return _fitting(Site, folder / "site.yaml", more)


def _fitting(model: type[_Document], file: Path, more: Mapping[str, Any] = MappingProxyType({})) -> _Document:
    content = read_yaml(file)
    try:
        return model.model_validate({**content, **more} if isinstance(content, dict) else content)
    except ValidationError as error:
        raise ConfigError(f"{file}: {misfits.first(error, model)}") from None


def here(folder: Path) -> dict[str, str]:
    """Name -> key of what the folder holds."""
    found = {name: document_version(name, read_yaml(file_of(folder, name))) for name in DOCUMENTS if _has(folder, name)}
    for file in sorted((folder / "definitions").glob("*.yaml")):
        found[f"definitions/{file.stem}"] = key_of(file.read_text(encoding="utf-8"))
    return found


def _has(folder: Path, name: str) -> bool:
    return file_of(folder, name).exists()


def key_of(text: str) -> str:
    """The hash of what a definition says; of the text itself when it can't be read (as an older language, say)."""
    try:
        return load(text).version()
    except ConfigError:
        return content_hash(text)


async def there(session: AsyncSession) -> dict[str, Known]:
    """What is in force: the newest documents and the live definitions; of one that was never rolled out, the newest."""
    found = {}
    for name in DOCUMENTS:
        if await site_read.is_published(session, name):
            found[name] = _document(name, await site_read.document(session, name))
    history = await read.rollouts(session, ended=True)
    live = {row.definition: row.version for row in history if row.slot == "live" and row.ended_at is None}
    ever = {row.definition for row in history}
    versions: dict[str, list[DefinitionRow]] = {}
    for row in await read.versions(session):
        versions.setdefault(row.definition, []).append(row)
    for name, rows in versions.items():
        wanted = live.get(name) or (rows[0].version if name not in ever else None)
        found |= {f"definitions/{name}": _definition(row, rows[0]) for row in rows if row.version == wanted}
    return found


def _document(name: str, content: Json) -> Known:
    shown = Site.model_validate(content).model_dump(mode="json", exclude_defaults=True) if name == "site" else content
    text = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)
    return Known(document_version(name, content), text, "")


def _definition(row: DefinitionRow, newest: DefinitionRow) -> Known:
    told = f"v{row.number} by {row.author}, signed off by {row.signed_off_by}, {row.published_at:%Y-%m-%d %H:%M} UTC"
    if newest.number > row.number:
        told += f"; v{newest.number} by {newest.author} is published too"
    return Known(key_of(row.source_text), row.source_text, told, newest.number)


def drift(local: Mapping[str, str], record: Record | None, database: Mapping[str, Known]) -> list[Entry]:
    """Every document with its state, by name."""
    known = record or Record()
    names = sorted({*local, *database, *known.keys})
    return [_entry(name, local.get(name), known, database.get(name)) for name in names]


def _entry(name: str, mine: str | None, record: Record, known: Known | None) -> Entry:
    base, theirs = record.keys.get(name), known.key if known else None
    told = known.told if known else ("" if base is None else "retired")
    if mine == theirs:
        return Entry(name, State.SAME, told)
    if base is None:
        state = State.ONLY_HERE if theirs is None else State.ONLY_THERE if mine is None else State.DIFFERS
        return Entry(name, state, told)
    moved = theirs != base or (known is not None and known.newest > record.newest.get(name, 0))
    if mine != base and moved:
        return Entry(name, State.BOTH, told)
    return Entry(name, State.MOVED if moved else State.EDITED, told)


async def people(session: AsyncSession) -> str:
    """Shifts, people, schedules with their overrides, and absences, as people.yaml has them."""
    roster = await site_read.roster(session)
    ordered = roster.model_dump(mode="json", exclude_defaults=True)
    ordered["people"] = sorted(ordered.get("people", []), key=lambda person: str(person["id"]))
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=120)
