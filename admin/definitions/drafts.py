"""A definition from the first word to its signature: written by authors, submitted with a reason, signed by another.

One function, one transaction, one audit record. `rev` is the revision that the person saw: whoever was quicker is not
overwritten. Publishing opens nothing by itself: `admin.definitions.rollout` puts a version live.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, FourEyesError, NotAllowedError, may, name_of, on_roster, somebody_else
from admin.definitions import versions
from admin.definitions.rollout import Move, put_live
from admin.definitions.versions import Signed, bundle, read_definition
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.language.definition import Definition
from domain.language.parts import Identifier
from domain.values import Json, content_hash
from store.db import Database
from store.read.definitions import versions as read
from store.tables import DefinitionRow, DraftRow
from store.write.books import ledger
from store.write.definitions import publishing, rollouts

TEXT_LIMIT = 256_000  # as the language's own
_WORDS_LIMIT = 4000
_NAME = TypeAdapter(Identifier)
_NAMED = re.compile(r"^definition:.*$", re.M)
_STATES = {"submitted": "is submitted", "published": "is published", "discarded": "was discarded"}


@dataclass(frozen=True)
class Deed:
    """Who does it, when, and the revision that they saw."""

    by: Actor
    now: datetime
    rev: int = 0


async def begin(
    database: Database, definition: str, by: Actor, now: datetime, *, text: str = "", like: str = ""
) -> int:
    """A draft of `definition` with this text, or like a version (`breakdown@v3`, `breakdown@live`; by default the
    newest of its own). Gives its number. Raises InvalidPayloadError for a bad name or length, NotFoundError."""
    _check_name(definition)
    _check_length(text)
    async with database.transaction() as session:
        await on_roster(session, by)
        newest = await read.newest(session, definition)
        row = DraftRow(
            definition=definition,
            base=newest.version if newest else None,
            source_text=text or await _text_like(session, definition, like, newest),
            authors=[by.id],
            changed_by=by.id,
            changed_at=now,
            created_at=now,
        )
        session.add(row)
        await session.flush()
        await _audit(session, row, "begun", Deed(by, now), {"like": like})
    return row.id or 0


async def _text_like(session: AsyncSession, definition: str, like: str, newest: DefinitionRow | None) -> str:
    if not like:
        return newest.source_text if newest else f"definition: {definition}\n"
    name, _, wanted = like.partition("@")
    found = await read.find(session, name, wanted or "newest")
    return _NAMED.sub(f"definition: {definition}", found.source_text, count=1)


async def save(database: Database, draft: int, text: str, deed: Deed) -> int:
    """Keep this text; gives the new revision. What does not parse yet may be kept.

    Raises ConflictError naming who saved meanwhile, or when it is not being written any more.
    """
    _check_length(text)
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "draft")
        await on_roster(session, deed.by)
        row.source_text = text
        if deed.by.id not in row.authors:
            row.authors = [*row.authors, deed.by.id]
        await _step(session, row, "saved", deed, {"text": content_hash(text)})
        return row.rev


async def rebase(database: Database, draft: int, deed: Deed) -> int:
    """The author has taken the newest version into account; gives the new revision."""
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "draft")
        await on_roster(session, deed.by)
        newest = await read.newest(session, row.definition)
        row.base = newest.version if newest else None
        await _step(session, row, "rebased", deed, {"base": row.base})
        return row.rev


async def submit(database: Database, draft: int, reason: str, deed: Deed) -> int:
    """Ask for a signature; gives the new revision.

    Raises DefinitionError with every finding, InvalidPayloadError without a reason or under another name, and
    ConflictError when it would change nothing or a newer version was published meanwhile.
    """
    _check_words(reason, "say why it changes: the signer and the audit read it")
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "draft")
        await on_roster(session, deed.by)
        await _check_publishable(session, row)
        row.status, row.reason, row.comment = "submitted", reason.strip(), ""
        row.submitted_by, row.submitted_at = deed.by.id, deed.now
        if deed.by.id not in row.authors:
            row.authors = [*row.authors, deed.by.id]
        await _step(session, row, "submitted", deed, {"reason": row.reason, "text": content_hash(row.source_text)})
        return row.rev


async def send_back(database: Database, draft: int, comment: str, deed: Deed) -> int:
    """Back to its authors with a comment: by a signer, or by an author who wants it back. Gives the revision."""
    _check_words(comment, "say what to change")
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "submitted")
        if deed.by.id not in row.authors:
            await may(session, deed.by)
        row.status, row.comment = "draft", comment.strip()
        await _step(session, row, "sent_back", deed, {"comment": row.comment})
        return row.rev


async def approve(database: Database, draft: int, deed: Deed, *, live: bool = False) -> DefinitionRow:
    """Sign it off: it becomes an immutable version; `live` puts it live everywhere in the same transaction.

    Raises NotAllowedError without the authority, FourEyesError for one of its authors, ConflictError when somebody was
    quicker (with this draft, or with another one of the same definition), DefinitionError if it is wrong by now.
    """
    try:
        return await _approve(database, draft, deed, live)
    except NotAllowedError as error:
        await _note_refusal(database, draft, deed, error)
        raise


async def _approve(database: Database, draft: int, deed: Deed, live: bool) -> DefinitionRow:
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "submitted")
        await may(session, deed.by)
        await somebody_else(session, deed.by.id, row.authors)
        await publishing.lock_definition(session, row.definition)
        definition = await _check_publishable(session, row)
        author = row.submitted_by or row.changed_by
        signed = Signed(author, deed.by, deed.now, row.reason, tuple(row.authors), draft=row.id)
        version = await versions.add(session, definition, row.source_text, signed)
        row.status, row.version = "published", version.version
        await _step(session, row, "approved", deed, {"version": version.version, "number": version.number})
        if live:
            standing = await rollouts.standing(session, row.definition)
            await put_live(session, version, standing, Move(deed.by, deed.now, row.reason))
        return version


async def _note_refusal(database: Database, draft: int, deed: Deed, error: NotAllowedError) -> None:
    """Who tried to sign what they may not is a fact for the auditor, though nothing was changed."""
    kind = "own_signature_refused" if isinstance(error, FourEyesError) else "signature_refused"
    async with database.transaction() as session:
        row = await read.draft(session, draft)
        await _audit(session, row, kind, deed, {"why": error.code})


async def discard(database: Database, draft: int, deed: Deed) -> None:
    """Give a draft up, by one of its authors; the row stays. Raises NotAllowedError, ConflictError."""
    async with database.transaction() as session:
        row = await _open(session, draft, deed, "draft")
        if deed.by.id not in row.authors:
            await may(session, deed.by)
        row.status = "discarded"
        await _step(session, row, "discarded", deed, {})


async def _open(session: AsyncSession, draft: int, deed: Deed, status: str) -> DraftRow:
    """The draft, locked, in this state and at this revision."""
    row = await session.get(DraftRow, draft, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no draft {draft}")
    who = await name_of(session, row.changed_by)
    if row.status != status:
        state = _STATES.get(row.status, "was sent back to its authors")
        raise ConflictError(f"this draft of '{row.definition}' {state} ({who}): look at it again")
    if row.rev != deed.rev:
        raise ConflictError(
            f"{who} changed this draft meanwhile (revision {row.rev}, you saw {deed.rev}): look at it, then save again"
        )
    return row


async def _check_publishable(session: AsyncSession, row: DraftRow) -> Definition:
    definition = read_definition(row.source_text, f"{row.definition}.yaml")
    if definition.definition != row.definition:
        raise InvalidPayloadError(
            f"this is a draft of '{row.definition}', its text says '{definition.definition}': write the same name"
        )
    definition = await bundle(session, definition)
    known = await session.get(DefinitionRow, definition.version())
    newest = await read.newest(session, row.definition)
    if newest and newest.version != row.base:
        who = await name_of(session, newest.author)
        raise ConflictError(f"v{newest.number} by {who} was published meanwhile: compare with it, then rebase")
    if known is not None:
        raise ConflictError(f"this is v{known.number} as it stands: nothing to publish, roll that version out instead")
    return definition


async def _step(session: AsyncSession, row: DraftRow, what: str, deed: Deed, data: dict[str, Json]) -> None:
    row.rev, row.changed_by, row.changed_at = row.rev + 1, deed.by.id, deed.now
    await session.flush()
    await _audit(session, row, what, deed, data)


async def _audit(session: AsyncSession, row: DraftRow, what: str, deed: Deed, data: dict[str, Json]) -> None:
    fact = {"at": deed.now, "kind": f"draft.{what}", "actor": deed.by.id, "subject": row.definition}
    more = {"draft": row.id, "rev": row.rev, "evidence": deed.by.evidence}
    await ledger.audit(session, fact | {"data": data | more})


def _check_name(definition: str) -> None:
    try:
        _NAME.validate_python(definition)
    except ValidationError:
        raise InvalidPayloadError(
            f"'{definition[:60]}' is no name: small letters, digits and _, beginning with a letter"
        ) from None


def _check_length(text: str) -> None:
    if len(text) > TEXT_LIMIT:
        raise InvalidPayloadError(f"longer than {TEXT_LIMIT} characters: split the definition")


def _check_words(words: str, advice: str) -> None:
    if not words.strip() or len(words) > _WORDS_LIMIT:
        raise InvalidPayloadError(f"{advice} (at most {_WORDS_LIMIT} characters)")
