"""Codes and warnings about somebody's own addresses: the real sender takes them at once, to whatever address."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from admin.access.enrolment import Address, Enrolments
from admin.actors import Actor
from domain.rosters.people import Person
from store.db import Database
from store.read.access.limits import WRONG_CODE
from store.tables import OutboxRow
from store.write.access import limits
from store.write.messages import reach
from tests.support.reaching import PHONE, SMS, Ground

ASLEEP = {"notify": {"quiet": [{"start": "00:00", "end": "00:00"}]}}
NEW = "+420601000099"


@pytest.fixture
async def ground(published: Database) -> Ground:
    found = Ground(published)
    await found.enrol(**ASLEEP)
    return found


async def begin(ground: Ground, secret: bytes = b"s" * 32) -> str:
    ceremony = Enrolments(ground.database, secret, lambda count: b"\x07" * count)
    return await ceremony.begin("eva", Address(SMS.value, NEW), Actor("eva"), ground.now)


async def row_to(ground: Ground, address: str) -> OutboxRow:
    return next(row for row in await ground.rows() if row.address == address)


async def test_a_code_goes_to_an_address_that_is_nobodys_yet_at_night_too(ground: Ground) -> None:
    await told_something(ground)
    await begin(ground)
    await ground.turn()
    assert NEW in ground.sms.addresses()
    assert (await row_to(ground, NEW)).state == "sent"


async def test_a_code_is_not_bundled_and_not_held_behind_notifications(ground: Ground) -> None:
    await begin(ground)
    async with ground.database.transaction() as session:  # as if notifications had just gone there
        told: dict[str, Any] = {"purpose": "notify", "channel": "sms", "address": NEW, "person": "eva", "payload": {}}
        told |= {"exception_id": None, "state": "sent", "sent_at": ground.now, "created_at": ground.now}
        session.add(OutboxRow(id="msg_told", next_at=ground.now, **told))
    await ground.turn()
    assert (await row_to(ground, NEW)).bundle is None
    assert ground.sms.addresses() == [NEW]


async def test_a_code_that_is_over_is_not_sent_when_the_channel_is_back(ground: Ground) -> None:
    await begin(ground)
    await ground.turn(timedelta(minutes=11).total_seconds())
    assert ground.sms.addresses() == []
    assert (await row_to(ground, NEW)).state == "expired"


async def test_a_code_to_an_address_that_wants_no_more_ends(ground: Ground) -> None:
    async with ground.database.transaction() as session:
        await reach.stop(session, "sms", NEW, "lena", "asked", ground.now)  # whose number it was before
    await begin(ground)
    await ground.turn(rounds=2)
    assert NEW not in ground.sms.addresses()
    assert (await row_to(ground, NEW)).state == "failed"


async def test_a_warning_about_guessed_codes_goes_at_once(ground: Ground) -> None:
    async with ground.database.transaction() as session:
        for _ in range(WRONG_CODE.most):
            await limits.wrong_code(session, "sms", PHONE, "eva", ground.now)
    await ground.turn()
    assert ground.slack.addresses() == ["UEVA"]


async def told_something(ground: Ground) -> Person:
    """A prompt that its reader's quiet hours hold back."""
    person = await ground.enrol(**ASLEEP)
    await ground.ask(person, priority="low")
    async with ground.database.transaction() as session:
        later = ground.now + timedelta(hours=8)
        await session.execute(update(OutboxRow).where(col(OutboxRow.task_id) == "tsk_1").values(next_at=later))
    return person
