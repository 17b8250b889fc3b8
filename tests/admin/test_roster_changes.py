"""The roster is right after every change, whoever makes it; imports are all or nothing; pulled people can be pushed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select, text
from sqlmodel import col

from admin.actors import Actor, NotAllowedError
from admin.definitions.publish import import_roster
from admin.roster import importing as roster_import
from admin.roster import people, schedules, time_off
from domain.errors import ConflictError, InvalidPayloadError
from domain.rosters.imported import Imported, PersonFields
from domain.rosters.model import Absence, Schedule, Swap
from domain.rosters.people import Person, Roster
from infra import site_folder
from store.db import Database
from store.read import site as site_read
from store.read.rosters import roster as roster_read
from store.tables import AuditRow
from tests.admin.conftest import EVA, NOW, PEOPLE, SIGRID

OPERATOR = Actor("operator", signed_in=False)
HALL = Schedule.model_validate(
    {
        "id": "hall",
        "title": "Hall",
        "layers": [{"turns": [["eva"], ["otto"]], "starts": "2026-11-02T00:00", "turn": "1d"}],
    }
)


async def roster(database: Database) -> Roster:
    async with database.transaction() as session:
        return await site_read.roster(session)


async def test_what_is_kept_is_right_after_every_change(staffed: Database) -> None:
    before = await roster(staffed)
    assert await roster(staffed) is before
    await schedules.put_schedule(staffed, HALL, people.NEW, by=OPERATOR, now=NOW)
    assert (await roster(staffed)).on_call("hall", NOW) == ("eva",)
    away = Absence(id="a", person="eva", begins=NOW - timedelta(hours=1), ends=NOW + timedelta(hours=1))
    await time_off.add_absence(staffed, away, by=EVA, now=NOW)
    assert (await roster(staffed)).on_call("hall", NOW) == ()
    async with staffed.transaction() as session:  # by whatever way a row is changed
        await session.execute(text("UPDATE person SET data = data || '{\"name\": \"Otto Two\"}' WHERE id = 'otto'"))
    assert (await roster(staffed)).by_id["otto"].name == "Otto Two"
    kept = await roster(staffed)
    async with staffed.transaction() as session:
        await session.execute(text("UPDATE person SET password_hash = 'x'"))
    assert await roster(staffed) is kept


async def test_what_is_rolled_back_is_never_kept(staffed: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with staffed.transaction() as session:
            await session.execute(text('UPDATE person SET data = data || \'{"name": "Nobody"}\''))
            assert {one.name for one in (await site_read.roster(session)).people} == {"Nobody"}
            raise ZeroDivisionError
    assert "Nobody" not in {one.name for one in (await roster(staffed)).people}


async def test_of_two_who_change_one_person_at_once_one_is_told(staffed: Database) -> None:
    async with staffed.transaction() as session:
        row = await roster_read.person_row(session, "otto")
        assert row is not None
        revision, data = roster_read.revision(row.data), row.data
    changes = [Person.model_validate(data | {"skills": [skill]}) for skill in ("milling", "turning")]
    done = await asyncio.gather(
        *(people.put_person(staffed, one, revision, by=OPERATOR, now=NOW) for one in changes), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["ConflictError", "str"]


async def test_only_who_may_changes_the_roster(staffed: Database) -> None:
    for by in (SIGRID, Actor("gone"), Actor("stranger")):
        with pytest.raises(NotAllowedError):
            await schedules.put_schedule(staffed, HALL, people.NEW, by=by, now=NOW)
    unknown = HALL.model_copy(update={"layers": [HALL.layers[0].model_copy(update={"turns": [["nobody"]]})]})
    with pytest.raises(InvalidPayloadError, match="nobody"):
        await schedules.put_schedule(staffed, unknown, people.NEW, by=OPERATOR, now=NOW)


async def test_an_address_of_somebody_else_is_refused(staffed: Database) -> None:
    told = PersonFields(
        "otto", {"contacts": [{"channel": "sms", "address": "+447700900201"}], "told_channels": ["sms"]}
    )
    with pytest.raises(ConflictError):
        await roster_import.take_over(staffed, Imported(people=[told]), by=OPERATOR, now=NOW, dry_run=False)


async def test_an_import_is_all_or_nothing_and_a_dry_run_nothing(staffed: Database) -> None:
    found = Imported([PersonFields("otto", {"name": "Otto O."}), PersonFields("zed", {"name": "Zed"})], [HALL])
    asked = await roster_import.take_over(staffed, found, by=OPERATOR, now=NOW, dry_run=True)
    assert asked.lines == [
        "~ otto: name: Otto Ohm -> Otto O.", "+ zed: Zed, no role", "+ schedule hall: Hall, 1 layers, 0 entries",
    ]  # fmt: skip
    found.problems.append("line 7: active is 'perhaps': write true or false")
    with pytest.raises(InvalidPayloadError, match="Nothing was imported"):
        await roster_import.take_over(staffed, found, by=OPERATOR, now=NOW, dry_run=False)
    assert "zed" not in (await roster(staffed)).by_id
    await roster_import.take_over(staffed, found, by=OPERATOR, now=NOW, dry_run=False, despite=True)
    again = await roster_import.take_over(staffed, found, by=OPERATOR, now=NOW, dry_run=True)
    assert ((await roster(staffed)).by_id["otto"].name, again.lines) == ("Otto O.", [])


async def test_a_lead_may_agree_to_a_swap_and_each_step_is_in_the_audit(staffed: Database) -> None:
    await schedules.put_schedule(staffed, HALL, people.NEW, by=OPERATOR, now=NOW)
    begins = datetime(2026, 11, 24, tzinfo=UTC)
    swap = Swap(id="w", schedule="hall", asker="eva", taker="otto", begins=begins, ends=begins + timedelta(days=1))
    await time_off.ask_swap(staffed, swap, by=EVA, now=NOW)
    with pytest.raises(NotAllowedError):
        await time_off.answer_swap(staffed, "w", True, by=SIGRID, now=NOW)
    assert (await roster(staffed)).on_call("hall", begins) == ("eva",)
    await time_off.answer_swap(staffed, "w", True, by=OPERATOR, now=NOW)
    assert (await roster(staffed)).on_call("hall", begins) == ("otto",)
    async with staffed.transaction() as session:
        kinds = (await session.scalars(select(col(AuditRow.kind)).order_by(col(AuditRow.id)))).all()
    assert kinds[-3:] == ["schedule.changed", "swap.asked", "swap.agreed"]


async def test_pulled_people_are_pushed_again_and_the_same_file_twice_changes_nothing(staffed: Database) -> None:
    await schedules.put_schedule(staffed, HALL, people.NEW, by=OPERATOR, now=NOW)
    async with staffed.transaction() as session:
        pulled = yaml.safe_load(await site_folder.people(session))
    await import_roster(staffed, pulled, {}, author="admin", now=NOW)
    assert (await roster(staffed)).model_dump() == Roster.model_validate(pulled).model_dump() | {
        "people": [one.model_dump() for one in (await roster(staffed)).people]
    }
    await import_roster(staffed, PEOPLE, {}, author="admin", now=NOW)
    async with staffed.transaction() as session:
        await session.execute(text("UPDATE person SET data = data || '{\"skills\": [\"welding\"]}' WHERE id = 'otto'"))
    await import_roster(staffed, PEOPLE, {}, author="admin", now=NOW)
    assert (await roster(staffed)).by_id["otto"].skills == ["welding"]
