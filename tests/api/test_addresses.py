"""An address becomes somebody's by the code that went to it, and by nothing else; a changed one counts for less."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from admin.access.enrolment import Address, WrongCodeError
from admin.actors import Actor, FourEyesError, NotAllowedError
from admin.roster.people import put_person
from api.deps import ApiDeps
from domain.errors import InvalidPayloadError, NotFoundError, RateLimitedError, RejectedError
from domain.rosters.people import Person
from store.db import Database
from store.read.access import identity as identity_read
from store.read.rosters.roster import revision
from store.tables import AuditRow, ContactRow, EnrolmentRow, OutboxRow, PersonRow, UnknownSenderRow
from store.write.definitions import publishing
from tests.api.hand_totp import fill
from tests.api.seeding import HOSTILE, NOW, PASSWORD, PEOPLE, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import Browser, application, browser, dependencies

PHONE, OTHER = "+420777000111", "+420777000222"


@pytest.fixture
def now() -> list[Any]:
    return [NOW]


@pytest.fixture
def deps(database: Database, now: list[Any]) -> ApiDeps:
    return dependencies(database, now=lambda: now[0])


@pytest.fixture
async def somebody(deps: ApiDeps) -> AsyncIterator[Browser]:
    async with browser(application(deps)) as found:
        yield found


async def rows(database: Database, table: Any) -> list[Any]:
    async with database.transaction() as session:
        return list(await session.scalars(select(table)))


async def sent_code(database: Database, address: str = PHONE) -> str:
    """The code in the newest message to this address."""
    async with database.transaction() as session:
        mine = select(OutboxRow).where(col(OutboxRow.address) == address, col(OutboxRow.purpose) == "enrolment")
        row = await session.scalar(mine.order_by(col(OutboxRow.created_at).desc(), col(OutboxRow.id)).limit(1))
    assert row is not None
    return str(row.payload["code"])


async def enrolled(deps: ApiDeps, address: str, person: str = PLANNER, **more: str) -> str:
    number = await deps.enrolments.begin(person, Address("sms", address, **more), Actor(person), deps.now())
    await deps.enrolments.verify(number, await sent_code(deps.database, address), Actor(person), deps.now())
    return number


async def test_a_code_that_whatsapp_does_not_take_is_told_with_what_to_do(
    deps: ApiDeps, somebody: Browser, database: Database
) -> None:
    await deps.enrolments.begin(PLANNER, Address("whatsapp", PHONE), Actor(PLANNER), NOW)
    await somebody.sign_in(PLANNER)
    assert "code not sent" not in (await somebody.get("/account")).text
    async with database.transaction() as session:
        why = "Not sent on WhatsApp: this person has not written for 24 hours"
        await session.execute(update(OutboxRow).values(state="failed", error=why))
    page = (await somebody.get("/account")).text
    assert "code not sent" in page
    assert f"{why} Write any word from this phone to our WhatsApp number" in page


async def administrator(database: Database, person: str = QUALITY) -> None:
    known = next(one for one in PEOPLE if one.id == person).model_dump(mode="json") | {"authorities": ["manage_roster"]}
    async with database.transaction() as session:
        await session.execute(update(PersonRow).where(col(PersonRow.id) == person).values(data=known))


async def test_c9_a_number_is_mine_when_i_typed_the_code_that_went_there(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    asked = {"channel": "sms", "address": "+420 777 000-111", "password": PASSWORD}
    page = await fill(somebody, "/account", "/account/add-address", **asked)
    assert PHONE in page
    code = await sent_code(database)
    assert re.fullmatch(r"\d{6}", code)
    assert code not in page
    assert not [one for one in await rows(database, ContactRow) if one.address == PHONE]
    page = await fill(somebody, "/account", "/account/verify-address", typed=code)
    assert "The address is yours" in page
    (contact,) = [one for one in await rows(database, ContactRow) if one.address == PHONE]
    assert (contact.person, contact.verified_at, contact.verified_by, contact.usable_from) == (
        PLANNER,
        NOW,
        PLANNER,
        None,
    )
    (data,) = [one.data for one in await rows(database, PersonRow) if one.id == PLANNER]
    assert (PHONE, True) in {(one.address, one.verified) for one in Person.model_validate(data).contacts}


async def test_c7_the_code_is_nowhere_once_it_is_used(deps: ApiDeps, database: Database) -> None:
    number = await deps.enrolments.begin(PLANNER, Address("sms", PHONE), Actor(PLANNER), NOW)
    code = await sent_code(database)
    (row,) = await rows(database, EnrolmentRow)
    assert code not in row.code_hash
    await deps.enrolments.verify(number, code, Actor(PLANNER), NOW)
    for table in (OutboxRow, EnrolmentRow, AuditRow):
        assert code not in " ".join(
            str(one.model_dump(exclude={"id", "code_hash"})) for one in await rows(database, table)
        )


async def test_adding_an_address_needs_the_password_again(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    asked = {"channel": "sms", "address": PHONE, "password": "wrong"}
    assert "wrong" in await fill(somebody, "/account", "/account/add-address", **asked)
    assert await rows(database, EnrolmentRow) == []


async def test_c9_taking_the_old_number_away_first_is_a_change_too(deps: ApiDeps, database: Database) -> None:
    """Else whoever has the log-in would skip the pause of a changed number, and its owner would hear nothing."""
    await enrolled(deps, PHONE)
    await deps.enrolments.remove(PLANNER, "sms", PHONE, NOW)
    await enrolled(deps, OTHER)
    (contact,) = [one for one in await rows(database, ContactRow) if one.address == OTHER]
    assert contact.usable_from == NOW + timedelta(hours=24)
    told = [one for one in await rows(database, OutboxRow) if one.payload["reply_code"] == "changed"]
    assert [(one.channel, one.address) for one in told] == [("sms", PHONE)]


async def test_c9_an_administrator_who_takes_a_number_away_makes_no_first_one(
    deps: ApiDeps, database: Database
) -> None:
    await administrator(database)
    await enrolled(deps, PHONE)
    async with database.transaction() as session:
        (row,) = [one for one in await session.scalars(select(PersonRow)) if one.id == PLANNER]
        known = Person.model_validate(row.data)
    without = known.model_copy(update={"contacts": [one for one in known.contacts if one.address != PHONE]})
    await put_person(database, without, revision(row.data), by=Actor(QUALITY), now=NOW)
    await enrolled(deps, OTHER)
    (contact,) = [one for one in await rows(database, ContactRow) if one.address == OTHER]
    assert contact.usable_from == NOW + timedelta(hours=24)


async def test_five_wrong_codes_end_it_and_a_code_ends_after_ten_minutes(
    deps: ApiDeps, database: Database, now: list[Any]
) -> None:
    me = Actor(PLANNER)
    number = await deps.enrolments.begin(PLANNER, Address("sms", PHONE), me, NOW)
    code = await sent_code(database)
    for _ in range(5):
        with pytest.raises(WrongCodeError):
            await deps.enrolments.verify(number, "x" + code[1:], me, NOW)
    with pytest.raises(WrongCodeError, match="too old or was used"):
        await deps.enrolments.verify(number, code, me, NOW)
    number = await deps.enrolments.begin(PLANNER, Address("sms", PHONE), me, NOW + timedelta(minutes=1))
    code = await sent_code(database)
    with pytest.raises(NotFoundError):
        await deps.enrolments.verify(number, code, Actor(QUALITY), NOW + timedelta(minutes=1))
    with pytest.raises(WrongCodeError):
        await deps.enrolments.verify(number, code, me, NOW + timedelta(minutes=11))
    assert not [one for one in await rows(database, ContactRow) if one.address == PHONE]


async def test_a_code_counts_once_also_at_the_same_moment(deps: ApiDeps, database: Database) -> None:
    number = await deps.enrolments.begin(PLANNER, Address("sms", PHONE), Actor(PLANNER), NOW)
    code = await sent_code(database)
    both = [deps.enrolments.verify(number, code, Actor(PLANNER), NOW) for _ in range(2)]
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(one, WrongCodeError) for one in ended) == [False, True]


async def test_nobody_is_flooded_with_codes(deps: ApiDeps) -> None:
    for _ in range(3):
        await deps.enrolments.begin(PLANNER, Address("sms", PHONE), Actor(PLANNER), NOW)
    with pytest.raises(RateLimitedError):
        await deps.enrolments.begin(QUALITY, Address("sms", PHONE), Actor(QUALITY), NOW)
    for number in range(2):
        await deps.enrolments.begin(PLANNER, Address("sms", f"{OTHER}{number}"), Actor(PLANNER), NOW)
    with pytest.raises(RateLimitedError):
        await deps.enrolments.begin(PLANNER, Address("sms", OTHER), Actor(PLANNER), NOW)


async def test_what_is_no_address_or_somebodys_is_refused(deps: ApiDeps) -> None:
    bad = [
        ("sms", "777"),
        ("sms", "+0123456789"),
        ("email", "a@b"),
        ("email", "a@b.cz\nBcc: x@y.cz"),
        ("slack", "anna"),
    ]
    for channel, address in [*bad, ("console", "x"), ("carrier-pigeon", PHONE)]:
        with pytest.raises(InvalidPayloadError):
            await deps.enrolments.begin(PLANNER, Address(channel, address), Actor(PLANNER), NOW)
    await enrolled(deps, PHONE, TECHNICIAN)
    with pytest.raises(RejectedError):
        await deps.enrolments.begin(PLANNER, Address("sms", PHONE), Actor(PLANNER), NOW)


async def test_c9_a_changed_number_cools_down_until_a_second_person_vouches(
    deps: ApiDeps, database: Database, now: list[Any]
) -> None:
    await enrolled(deps, PHONE)
    await enrolled(deps, OTHER, replaces=PHONE)
    mine = {one.address: one for one in await rows(database, ContactRow) if one.person == PLANNER}
    assert PHONE not in mine
    assert mine[OTHER].usable_from == NOW + timedelta(hours=24)
    told = [one for one in await rows(database, OutboxRow) if one.payload["reply_code"] == "changed"]
    assert [one.address for one in told] == [PHONE], "the old number hears of it"

    async def cooling(at: Any) -> bool:
        async with database.transaction() as session:
            return await identity_read.cooling(session, "sms", OTHER, at)

    assert await cooling(NOW)
    assert not await cooling(NOW + timedelta(hours=24))
    with pytest.raises(NotAllowedError):
        await deps.enrolments.vouch("sms", OTHER, Actor(TECHNICIAN), NOW)
    await administrator(database, PLANNER)
    with pytest.raises(FourEyesError):
        await deps.enrolments.vouch("sms", OTHER, Actor(PLANNER), NOW)
    await administrator(database)
    await deps.enrolments.vouch("sms", OTHER, Actor(QUALITY), NOW)
    assert not await cooling(NOW)
    kinds = [one.kind for one in await rows(database, AuditRow)]
    assert kinds.count("address_verified") == 2
    assert "address_vouched" in kinds


async def test_the_same_number_on_whatsapp_is_no_change(deps: ApiDeps, database: Database) -> None:
    await enrolled(deps, PHONE)
    number = await deps.enrolments.begin(PLANNER, Address("whatsapp", PHONE), Actor(PLANNER), NOW)
    (code,) = [one.payload["code"] for one in await rows(database, OutboxRow) if one.channel == "whatsapp"]
    await deps.enrolments.verify(number, code, Actor(PLANNER), NOW)
    assert [one.usable_from for one in await rows(database, ContactRow) if one.channel == "whatsapp"] == [None]


async def test_an_import_of_the_roster_keeps_what_is_cooling(deps: ApiDeps, database: Database) -> None:
    await enrolled(deps, PHONE)
    await enrolled(deps, OTHER)
    (data,) = [one.data for one in await rows(database, PersonRow) if one.id == PLANNER]
    async with database.transaction() as session:
        await publishing.put_person(session, PLANNER, data, None, [("sms", OTHER), ("email", "petr@example.com")])
    kept = {one.address: one.usable_from for one in await rows(database, ContactRow) if one.person == PLANNER}
    assert kept == {OTHER: NOW + timedelta(hours=24), "petr@example.com": None}


async def test_a_stranger_is_enrolled_only_by_the_person_with_the_code(somebody: Browser, database: Database) -> None:
    await administrator(database)
    async with database.transaction() as session:
        stranger = UnknownSenderRow(channel="sms", address=PHONE, first_at=NOW, last_at=NOW, text=HOSTILE)
        session.add(stranger)
    await somebody.sign_in(QUALITY)
    page = (await somebody.get("/enrolments")).text
    assert PHONE in page
    assert "<img src=x" not in page
    await fill(somebody, "/enrolments", "/enrolments/this-is", person=PLANNER, password=PASSWORD)
    assert not [one for one in await rows(database, ContactRow) if one.address == PHONE], "nobody is bound by a button"
    somebody.client.cookies.clear()
    await somebody.sign_in(PLANNER)
    await fill(somebody, "/account", "/account/verify-address", typed=await sent_code(database))
    assert [one.person for one in await rows(database, ContactRow) if one.address == PHONE] == [PLANNER]
    assert await rows(database, UnknownSenderRow) == []


async def test_only_administrators_see_and_do_enrolments_of_others(somebody: Browser, deps: ApiDeps) -> None:
    await somebody.sign_in(PLANNER)
    assert (await somebody.get("/enrolments")).status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', (await somebody.get("/account")).text)
    assert csrf is not None
    for what in ("this-is", "vouch", "bind", "unbind", "reset-authenticator", "end-token"):
        answer = await somebody.post(f"/enrolments/{what}", {"csrf": csrf[1], "password": PASSWORD, "person": PLANNER})
        assert answer.status_code == 403
        assert (await somebody.post(f"/enrolments/{what}", {"password": PASSWORD})).status_code == 403
    with pytest.raises(NotAllowedError):
        await deps.enrolments.begin(TECHNICIAN, Address("sms", PHONE), Actor(PLANNER), NOW)


async def test_every_form_of_my_account_needs_our_token(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    page = (await somebody.get("/account")).text
    actions = set(re.findall(r'action="(/account/[a-z-]+)"', page))
    assert len(actions) >= 6
    for action in actions:
        assert (await somebody.post(action, {"password": PASSWORD})).status_code == 403
    assert not re.search(r"<script(?! src)|\sstyle=|\son[a-z]+=", page)
    somebody.client.cookies.clear()
    assert (await somebody.get("/account")).status_code == 303
    assert (await somebody.get("/account/code.svg")).status_code in (303, 401)
