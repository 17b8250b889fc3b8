"""Who comes in: no flood, no stranger, nobody by the name they give; a Slack account links itself by a code only."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from connectors.roles import InboundMessage
from domain.rosters.people import ChannelName, Person
from intake import answers
from store.read.access.limits import INBOUND
from store.tables import AuditRow, ContactRow, EnrolmentRow, OutboxRow, PersonRow, TaskRow, UnknownSenderRow
from store.write.access.enrolment import link_hash
from tests.intake.hand import Hand
from tests.intake.test_resolving_answers import AMIRA, add_task
from tests.support.plant import address_of

STRANGER, CODE = "+447700900999", "ABCD-EFGH-JKLM"


async def write(hand: Hand, key: str, address: str, text: str = "", **more: Any) -> Any:
    channel = more.pop("channel", ChannelName.SMS)
    message = InboundMessage(channel, key, address, text=text, **more)
    await answers.receive(hand.database, message, hand.now)
    await hand.turn()
    return await hand.row(key)


async def test_a_stranger_is_answered_once_a_day_and_kept_for_an_administrator(hand: Hand) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    fields = {"ProfileName": "Amira Haddad", "email": "amira@example.com"}
    for number in range(3):
        row = await write(hand, f"m{number}", STRANGER, "OK", verb="accept", task="ABCD", fields=fields)
        assert (row.status, row.outcome["code"]) == ("answered", "unknown_person")
    assert len(await hand.rows(select(OutboxRow))) == 1
    (kept,) = await hand.rows(select(UnknownSenderRow))
    assert (kept.channel, kept.address, kept.times, kept.text) == ("sms", STRANGER, 3, "OK")
    hand.now += timedelta(hours=25)
    await write(hand, "m9", STRANGER, "hello?")
    assert len(await hand.rows(select(OutboxRow))) == 2
    assert hand.temporal.answers == []


async def test_a_flood_from_a_number_is_refused_and_answered_once(hand: Hand) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    for number in range(INBOUND.most + 5):
        message = InboundMessage(ChannelName.SMS, f"m{number}", AMIRA, verb="help")
        await answers.receive(hand.database, message, hand.now)
    await hand.turn()
    codes = [row.payload["reply_code"] for row in await hand.rows(select(OutboxRow))]
    assert codes.count("too_many") == 1
    assert (await hand.row(f"m{INBOUND.most + 4}")).outcome == {"accepted": False, "code": "too_many", "silent": True}
    hand.now += timedelta(minutes=2)
    assert (await write(hand, "later", AMIRA, verb="help")).outcome["code"] == "help"


async def test_c9_a_changed_address_decides_nothing_above_low_risk_yet(hand: Hand) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    async with hand.database.transaction() as session:
        await session.execute(update(TaskRow).values(kind="approve", risk="normal"))
        mine = update(ContactRow).where(col(ContactRow.address) == AMIRA)
        await session.execute(mine.values(usable_from=hand.now + timedelta(hours=24)))
    row = await write(hand, "m1", AMIRA, verb="approve:push", task="ABCD")
    assert (row.status, row.outcome["code"]) == ("answered", "new_address")
    assert hand.temporal.answers == []
    hand.now += timedelta(hours=25)
    await write(hand, "m2", AMIRA, verb="approve:push", task="ABCD")
    assert [answer.verb for answer in hand.temporal.answers] == ["approve:push"]


async def add_link(hand: Hand, person: str = "amira") -> None:
    row = EnrolmentRow(
        id="enr_1", person=person, channel="slack", address="", code_hash=link_hash(CODE), begun_by=person,
        begun_at=hand.now, expires_at=hand.now + timedelta(minutes=10),
    )  # fmt: skip
    async with hand.database.transaction() as session:
        session.add(row)


async def link(hand: Hand, key: str, text: str, account: str = "U0NEW0001") -> Any:
    return await write(hand, key, account, text, channel=ChannelName.SLACK)


async def test_c8_a_slack_account_links_itself_with_the_code_of_the_console(hand: Hand) -> None:
    await add_link(hand)
    row = await link(hand, "m1", f"link {CODE.lower()}")
    assert row.outcome == {"accepted": True, "code": "linked"}
    assert CODE.lower() not in str(row.body), "C7: the code stays nowhere"
    (contact,) = await hand.rows(select(ContactRow).where(col(ContactRow.address) == "U0NEW0001"))
    assert (contact.person, contact.verified_at) == ("amira", hand.now)
    (data,) = await hand.rows(select(col(PersonRow.data)).where(col(PersonRow.id) == "amira"))
    assert ("slack", "U0NEW0001") in {(one.channel.value, one.address) for one in Person.model_validate(data).contacts}
    kinds = await hand.rows(select(col(AuditRow.kind)).where(col(AuditRow.kind) == "address_verified"))
    assert len(kinds) == 1
    again = await link(hand, "m2", f"link {CODE}", "U0EVIL001")
    assert again.outcome["code"] == "link_refused", "a code counts once"


async def test_link_codes_are_not_guessed_and_take_nobodys_account(hand: Hand) -> None:
    await add_link(hand)
    for number in range(5):
        assert (await link(hand, f"m{number}", "link AAAA-AAAA-AAAA")).outcome["code"] == "link_refused"
    assert (await link(hand, "m5", f"link {CODE}")).outcome["code"] == "locked"
    theirs = address_of("lena")
    assert (await link(hand, "m6", f"link {CODE}", theirs)).outcome["code"] == "link_refused"
    (owner,) = await hand.rows(select(col(ContactRow.person)).where(col(ContactRow.address) == theirs))
    assert owner == "lena"


async def test_a_link_code_is_over_after_ten_minutes(hand: Hand) -> None:
    await add_link(hand)
    hand.now += timedelta(minutes=10)
    assert (await link(hand, "m1", f"link {CODE}")).outcome["code"] == "link_refused"
