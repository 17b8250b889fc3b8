"""Counting is exact, shared by all copies of the product, and forgets in time."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from domain.rosters.people import ChannelName, ContactMethod, Person
from store.db import Database
from store.read.access.limits import INBOUND, PASSWORD, PRESSES, crowd, hits, spent, subject
from store.tables import AuditRow, LimitRow, OutboxRow, PersonRow
from store.write.access.limits import Pace, clear, count, inbound, locked, presses, sweep, wrong_code

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PHONE = "+420777000111"


async def guess(database: Database, now: datetime, address: str = PHONE) -> bool:
    async with database.transaction() as session:
        return await wrong_code(session, "sms", address, "anna", now)


async def is_locked(database: Database, now: datetime, address: str = PHONE) -> bool:
    async with database.transaction() as session:
        return await locked(session, "sms", address, "anna", now)


async def add_anna(database: Database) -> None:
    contacts = [
        ContactMethod(channel=ChannelName.SMS, address=PHONE),
        ContactMethod(channel=ChannelName.SLACK, address="UANNA"),
    ]
    anna = Person(id="anna", name="Anna", roles=["technician"], contacts=contacts)
    async with database.transaction() as session:
        session.add(PersonRow(id="anna", data=anna.model_dump(mode="json")))


async def test_c15_five_wrong_codes_lock_person_and_number_and_tell_the_person_elsewhere(database: Database) -> None:
    await add_anna(database)
    assert [await guess(database, NOW) for _ in range(5)] == [False, False, False, False, True]
    assert await is_locked(database, NOW + timedelta(minutes=14))
    assert not await is_locked(database, NOW + timedelta(minutes=15)), "it ends"
    assert not await is_locked(database, NOW, "+420777000222"), "another number of hers is not locked"
    async with database.transaction() as session:
        (told,) = (await session.scalars(select(OutboxRow))).all()
        (fact,) = (await session.scalars(select(AuditRow))).all()
    assert (told.channel, told.address, told.payload["reply_code"]) == ("slack", "UANNA", "guarded")
    assert fact.kind == "codes_locked"


async def test_c15_guessing_slowly_is_not_forgiven_before_a_quiet_quarter_of_an_hour(database: Database) -> None:
    moments = [NOW + timedelta(minutes=14 * n) for n in range(5)]
    assert [await guess(database, now) for now in moments] == [False] * 4 + [True]
    later = moments[-1] + timedelta(minutes=15)
    assert not await guess(database, later)


async def test_c15_one_number_has_five_tries_on_all_its_channels_together(database: Database) -> None:
    """Else WhatsApp and SMS of one phone would give ten."""
    await add_anna(database)
    async with database.transaction() as session:
        found = [await wrong_code(session, ("sms", "whatsapp")[n % 2], PHONE, "anna", NOW) for n in range(5)]
        assert found == [False] * 4 + [True]
        assert await locked(session, "whatsapp", PHONE, "anna", NOW)
    assert await is_locked(database, NOW)


async def test_copies_of_the_product_count_together(database: Database) -> None:
    async def one() -> int:
        async with database.transaction() as session:
            return await count(session, INBOUND, "x", NOW)

    assert sorted(await asyncio.gather(*(one() for _ in range(20)))) == list(range(1, 21))


async def test_a_flood_is_answered_once_and_ends_with_its_minute(database: Database) -> None:
    async with database.transaction() as session:
        paces = [await inbound(session, "sms", PHONE, NOW) for _ in range(INBOUND.most + 3)]
        assert paces == [Pace.FINE] * INBOUND.most + [Pace.TELL, Pace.SILENT, Pace.SILENT]
        assert await inbound(session, "sms", PHONE, NOW + timedelta(seconds=61)) is Pace.FINE
        assert [await presses(session, "anna", NOW) for _ in range(PRESSES.most + 1)][-1] is Pace.TELL


async def test_what_went_well_forgives_and_what_is_over_is_forgotten(database: Database) -> None:
    async with database.transaction() as session:
        for _ in range(5):
            await count(session, PASSWORD, "x", NOW)
        assert await spent(session, PASSWORD, "x", NOW)
        await clear(session, PASSWORD, "x")
        assert await hits(session, PASSWORD, "x", NOW) == 0
        await count(session, PASSWORD, "x", NOW)
        await sweep(session, NOW + timedelta(hours=1))
        assert await session.scalar(select(func.count()).select_from(LimitRow)) == 0


def test_invented_names_fill_no_table_and_no_address_is_kept_readable() -> None:
    assert len({crowd(f"name-{n}") for n in range(1000)} | {crowd("x" * 10_000)}) <= 65_536
    assert len(crowd("x" * 10_000)) == 4
    assert PHONE not in subject("sms", PHONE)
