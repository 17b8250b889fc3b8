"""Making a version: checked, numbered, never changed again. Inner parts of publishing: the caller commits and locks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor
from authoring.check import examine
from domain.errors import ConfigError
from domain.language.definition import CallStep, Definition, walk
from domain.language.definition_text import DefinitionError
from store.read.definitions import versions as read
from store.tables import DefinitionRow
from store.write.books import ledger
from store.write.definitions import publishing


@dataclass(frozen=True)
class Signed:
    """Who wrote a version, who signed it off, and why."""

    author: str
    signer: Actor
    now: datetime
    reason: str = ""
    authors: tuple[str, ...] = ()
    draft: int | None = field(default=None, kw_only=True)


@lru_cache(maxsize=32)
def read_definition(text: str, file: str) -> Definition:
    """The definition in this text. Raises DefinitionError with every finding at file:line:column.

    What only a site can tell (people, connected systems) is `mos check --site`'s: a roster changes every week.
    A text is examined once: a push looks at all of them before it publishes any.
    """
    definition, findings = examine(text, file)
    errors = [finding for finding in findings if finding.severity == "error"]
    if definition is None or errors:
        raise DefinitionError(file, errors)
    return definition


async def bundle(session: AsyncSession, definition: Definition) -> Definition:
    """With the definitions that it calls, as they are in force now: a version must not change when those do.

    Raises ConfigError when a called one is not published, or calls back.
    """
    called = {name: await _called(session, definition, name) for name in called_by(definition)}
    return definition.model_copy(update={"bundled": called}) if called else definition


def called_by(definition: Definition) -> list[str]:
    """The names of the definitions that its steps call."""
    calls = (step for _, step in walk(definition.steps) if isinstance(step, CallStep))
    return sorted({step.definition for step in calls})


async def _called(session: AsyncSession, caller: Definition, name: str) -> Definition:
    known = await read.versions(session, name)
    live = {slot.version for slot in await read.rollouts(session, name) if slot.slot == "live"}
    row = next((row for row in known if row.version in live), known[0] if known else None)
    if row is None:
        raise ConfigError(f"'{caller.definition}' calls '{name}', which is not published: publish that first")
    called = Definition.model_validate(row.content)
    if caller.definition in (name, *_inside(called)):
        raise ConfigError(f"'{caller.definition}' calls '{name}', which calls it back: no procedure may contain itself")
    return called


def _inside(definition: Definition) -> Iterator[str]:
    for name, inner in definition.bundled.items():
        yield name
        yield from _inside(inner)


async def add(session: AsyncSession, definition: Definition, text: str, signed: Signed) -> DefinitionRow:
    """Publish: the next number of this definition, and its audit record. In no slot yet: it opens nothing."""
    before = await read.newest(session, definition.definition)
    row = await publishing.add_version(
        session,
        {
            "version": definition.version(),
            "definition": definition.definition,
            "source_text": text,
            "content": definition.content(),
            "base": before.version if before else None,
            "draft": signed.draft,
            "author": signed.author,
            "authors": list(signed.authors) or [signed.author],
            "signed_off_by": signed.signer.id,
            "reason": signed.reason,
            "published_at": signed.now,
        },
    )
    await _audit(session, row, signed)
    return row


async def _audit(session: AsyncSession, row: DefinitionRow, signed: Signed) -> None:
    data = {
        "version": row.version,
        "number": row.number,
        "base": row.base,
        "draft": row.draft,
        "authors": row.authors,
        "signed_off_by": row.signed_off_by,
        "evidence": signed.signer.evidence,
        "reason": row.reason,
    }
    fact = {"at": signed.now, "kind": "definition.published", "actor": signed.signer.id, "subject": row.definition}
    await ledger.audit(session, fact | {"data": data})
