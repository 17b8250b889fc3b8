"""From the first word to the signature: nobody overwrites anybody, nobody signs their own, and what is signed stays."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from admin.actors import Actor, FourEyesError, NotAllowedError
from admin.definitions import drafts
from admin.definitions.drafts import Deed
from domain.errors import ConfigError, ConflictError, InvalidPayloadError, NotFoundError
from domain.language.definition_text import DefinitionError
from store.db import Database
from store.read.definitions import versions as read
from store.tables import AuditRow, DefinitionRow, DraftRow
from tests.admin.conftest import EVA, NOW, OTTO, SIGRID, TWIN

ROOT = Path(__file__).resolve().parents[2]
TEXT = """definition: demo
title: Demo
owner: maintenance
opens: {on: [machine.state], one_per: [signal.equipment]}
steps:
  - notify: told
    to: {role: planner}
"""
LATER = TEXT.replace("planner", "materials")


def deed(by: Actor, rev: int) -> Deed:
    return Deed(by, NOW, rev)


async def written(database: Database, text: str = TEXT, by: Actor = EVA) -> int:
    return await drafts.begin(database, "demo", by, NOW, text=text)


async def submitted(database: Database, text: str = TEXT, by: Actor = EVA) -> int:
    draft = await written(database, text, by)
    assert await drafts.submit(database, draft, "the first one", deed(by, 1)) == 2
    return draft


async def signed(database: Database, text: str = TEXT) -> DefinitionRow:
    draft = await submitted(database, text)
    return await drafts.approve(database, draft, deed(SIGRID, 2))


async def one(database: Database, draft: int) -> DraftRow:
    async with database.transaction() as session:
        return await read.draft(session, draft)


async def facts(database: Database) -> list[AuditRow]:
    async with database.transaction() as session:
        rows = await session.scalars(select(AuditRow).order_by(col(AuditRow.id)))
        return [row for row in rows if row.kind.startswith(("draft.", "definition."))]


async def test_the_whole_way(staffed: Database) -> None:
    draft = await written(staffed, TEXT)
    assert await drafts.save(staffed, draft, LATER, deed(OTTO, 1)) == 2
    await drafts.submit(staffed, draft, "materials have to know", deed(OTTO, 2))
    version = await drafts.approve(staffed, draft, deed(SIGRID, 3))
    assert (version.number, version.source_text, version.base) == (1, LATER, None)
    assert (version.author, version.authors, version.signed_off_by) == ("otto", ["eva", "otto"], "sigrid")
    assert (version.reason, version.published_at) == ("materials have to know", NOW)
    assert (await one(staffed, draft)).version == version.version
    told = [(fact.kind, fact.actor) for fact in await facts(staffed)]
    assert told == [
        ("draft.begun", "eva"),
        ("draft.saved", "otto"),
        ("draft.submitted", "otto"),
        ("definition.published", "sigrid"),
        ("draft.approved", "sigrid"),
    ]
    assert (await facts(staffed))[3].data["evidence"] == "signed in"
    async with staffed.transaction() as session:
        assert await read.rollouts(session) == []  # signed is not live
        assert await read.drafts(session) == []


async def test_numbers_count_for_each_definition(staffed: Database) -> None:
    assert [(await signed(staffed, text)).number for text in (TEXT, LATER)] == [1, 2]
    draft = await drafts.begin(staffed, "other", EVA, NOW, like="demo@v1")
    assert (await one(staffed, draft)).source_text == TEXT.replace("definition: demo", "definition: other")
    await drafts.submit(staffed, draft, "a copy", deed(EVA, 1))
    assert (await drafts.approve(staffed, draft, deed(SIGRID, 2), live=True)).number == 1
    async with staffed.transaction() as session:
        assert [(slot.definition, slot.slot) for slot in await read.rollouts(session)] == [("other", "live")]


async def test_of_two_who_save_at_once_the_second_is_told_who_was_first(staffed: Database) -> None:
    draft = await written(staffed)
    results = await asyncio.gather(
        drafts.save(staffed, draft, TEXT + "# eva\n", deed(EVA, 1)),
        drafts.save(staffed, draft, TEXT + "# otto\n", deed(OTTO, 1)),
        return_exceptions=True,
    )
    (lost,) = [result for result in results if isinstance(result, ConflictError)]
    row = await one(staffed, draft)
    winner = {"eva": "Eva Engel", "otto": "Otto Ohm"}[row.changed_by]
    assert winner in lost.message
    assert row.source_text == f"{TEXT}# {row.changed_by}\n"
    assert row.rev == 2


async def test_of_two_who_sign_at_once_one_publishes(staffed: Database) -> None:
    """Two drafts of the same definition, both made from nothing: the second has not seen the first."""
    first, second = await submitted(staffed, TEXT), await submitted(staffed, LATER, OTTO)
    results = await asyncio.gather(
        *(drafts.approve(staffed, draft, deed(SIGRID, 2)) for draft in (first, second)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ConflictError", "DefinitionRow"]
    async with staffed.transaction() as session:
        assert [row.number for row in await read.versions(session)] == [1]


async def test_two_signatures_on_one_draft_make_one_version(staffed: Database) -> None:
    draft = await submitted(staffed, by=OTTO)
    results = await asyncio.gather(
        *(drafts.approve(staffed, draft, deed(by, 2)) for by in (SIGRID, EVA)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ConflictError", "DefinitionRow"]


async def test_a_version_published_meanwhile_has_to_be_taken_into_account(staffed: Database) -> None:
    mine = await written(staffed, LATER, OTTO)
    await signed(staffed, TEXT)
    with pytest.raises(ConflictError, match="v1 by Eva Engel"):
        await drafts.submit(staffed, mine, "mine", deed(OTTO, 1))
    assert await drafts.rebase(staffed, mine, deed(OTTO, 1)) == 2
    await drafts.submit(staffed, mine, "mine", deed(OTTO, 2))
    assert (await drafts.approve(staffed, mine, deed(SIGRID, 3))).number == 2


@pytest.mark.parametrize(
    "by, why",
    [
        (EVA, FourEyesError),  # wrote it
        (Actor("Eva "), NotAllowedError),  # no such person
        (TWIN, FourEyesError),  # another log-in with Eva's phone
        (OTTO, NotAllowedError),  # may not publish
        (Actor("gone"), NotAllowedError),  # left
        (Actor("nobody"), NotAllowedError),
    ],
)
async def test_who_may_not_sign(staffed: Database, by: Actor, why: type[NotAllowedError]) -> None:
    draft = await submitted(staffed)
    with pytest.raises(why):
        await drafts.approve(staffed, draft, deed(by, 2))
    assert (await one(staffed, draft)).status == "submitted"
    last = (await facts(staffed))[-1]
    assert (last.kind.endswith("signature_refused"), last.actor) == (True, by.id)


async def test_everybody_who_touched_it_is_an_author(staffed: Database) -> None:
    """Sigrid corrected one word: she can't sign it any more."""
    draft = await written(staffed, by=OTTO)
    await drafts.save(staffed, draft, LATER, deed(SIGRID, 1))
    await drafts.save(staffed, draft, TEXT, deed(OTTO, 2))
    await drafts.submit(staffed, draft, "why", deed(OTTO, 3))
    with pytest.raises(FourEyesError):
        await drafts.approve(staffed, draft, deed(SIGRID, 4))
    assert (await drafts.approve(staffed, draft, deed(EVA, 4))).signed_off_by == "eva"


async def test_sent_back_changed_and_signed(staffed: Database) -> None:
    draft = await submitted(staffed)
    with pytest.raises(NotAllowedError):
        await drafts.send_back(staffed, draft, "no", deed(OTTO, 2))
    assert await drafts.send_back(staffed, draft, "tell materials", deed(SIGRID, 2)) == 3
    assert (await one(staffed, draft)).comment == "tell materials"
    with pytest.raises(ConflictError, match="sent back to its authors"):
        await drafts.approve(staffed, draft, deed(SIGRID, 2))
    await drafts.save(staffed, draft, LATER, deed(EVA, 3))
    await drafts.submit(staffed, draft, "as asked", deed(EVA, 4))
    with pytest.raises(ConflictError, match="you saw 2"):
        await drafts.approve(staffed, draft, deed(SIGRID, 2))  # that was another text
    assert (await drafts.approve(staffed, draft, deed(SIGRID, 5))).source_text == LATER


async def test_what_is_submitted_is_not_edited(staffed: Database) -> None:
    draft = await submitted(staffed)
    with pytest.raises(ConflictError, match="is submitted"):
        await drafts.save(staffed, draft, LATER, deed(EVA, 2))
    await drafts.send_back(staffed, draft, "one more thought", deed(EVA, 2))  # an author takes it back
    await drafts.discard(staffed, draft, deed(EVA, 3))
    with pytest.raises(ConflictError, match="was discarded"):
        await drafts.submit(staffed, draft, "why", deed(EVA, 4))


@pytest.mark.parametrize(
    "text, reason, why",
    [
        (TEXT, " ", InvalidPayloadError),
        (TEXT.replace("title: Demo\n", ""), "why", DefinitionError),
        ("definition: [", "why", DefinitionError),
        (TEXT.replace("definition: demo", "definition: another"), "why", InvalidPayloadError),
        (TEXT + "bundled: {a: {definition: a, title: A, owner: o, steps: [{notify: x, to: {role: r}}]}}\n", "why", DefinitionError),  # noqa: E501
        (TEXT + "  - call: part\n    definition: missing\n", "why", ConfigError),
        (TEXT + "  - call: part\n    definition: demo\n", "why", ConfigError),
    ],
)  # fmt: skip
async def test_what_can_not_be_submitted(staffed: Database, text: str, reason: str, why: type[Exception]) -> None:
    draft = await written(staffed, text)
    with pytest.raises(why):
        await drafts.submit(staffed, draft, reason, deed(EVA, 1))
    assert (await one(staffed, draft)).status == "draft"


async def test_nothing_new_is_not_published_again(staffed: Database) -> None:
    await signed(staffed)
    draft = await written(staffed, TEXT + "# only a comment\n", OTTO)
    with pytest.raises(ConflictError, match="this is v1 as it stands"):
        await drafts.submit(staffed, draft, "why", deed(OTTO, 1))


@pytest.mark.parametrize("name", ["", "Demo", "../demo", "a" * 62, "1demo"])
async def test_names_that_are_none(staffed: Database, name: str) -> None:
    with pytest.raises(InvalidPayloadError):
        await drafts.begin(staffed, name, EVA, NOW)


async def test_limits_and_unknown_drafts(staffed: Database) -> None:
    with pytest.raises(InvalidPayloadError):
        await written(staffed, "x" * 256_001)
    with pytest.raises(NotFoundError):
        await drafts.save(staffed, 99, TEXT, deed(EVA, 1))
    with pytest.raises(NotFoundError):
        await drafts.begin(staffed, "demo", EVA, NOW, like="missing")
    with pytest.raises(NotAllowedError):
        await drafts.begin(staffed, "demo", Actor("nobody"), NOW)


async def test_a_called_definition_is_pinned(staffed: Database) -> None:
    """The caller's version holds the called one as it was; a new version of that does not change it."""
    part = await drafts.begin(staffed, "part", EVA, NOW, text=TEXT.replace("demo", "part"))
    await drafts.submit(staffed, part, "why", deed(EVA, 1))
    await drafts.approve(staffed, part, deed(SIGRID, 2))
    caller = await signed(staffed, TEXT + "  - call: more\n    definition: part\n")
    assert caller.content["bundled"]["part"]["definition"] == "part"
    again = await drafts.begin(staffed, "part", EVA, NOW, text=TEXT.replace("demo", "part") + "  - call: x\n    definition: demo\n")  # noqa: E501  # fmt: skip
    with pytest.raises(ConfigError, match="calls it back"):
        await drafts.submit(staffed, again, "why", deed(EVA, 1))


@pytest.mark.parametrize("values", [{"author": "somebody"}, {"source_text": "x"}, {"number": 7}])
async def test_the_database_itself_refuses_to_change_a_version(staffed: Database, values: dict[str, Any]) -> None:
    await signed(staffed)
    with pytest.raises(DBAPIError, match="never changed"):
        async with staffed.transaction() as session:
            await session.execute(update(DefinitionRow).values(**values))
    with pytest.raises(DBAPIError, match="never changed"):
        async with staffed.transaction() as session:
            await session.delete((await session.scalars(select(DefinitionRow))).one())
