"""A person is reached by another contact when one fails: at once, never doubled, never after somebody has accepted."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlmodel import col

from connectors.roles import ChannelMessage
from domain.errors import OutcomeUnknownError, RateLimitedError, RejectedError, TransientError
from domain.rosters.people import Person
from store.db import Database
from store.read.messages import reach
from store.tables import ChannelHealthRow, OutboxRow, StoppedRow, TaskRow
from store.write.messages import outbox
from tests.support.reaching import (
    AT,
    PHONE,
    Ground,
)


@pytest.fixture
async def ground(published: Database) -> Ground:
    return Ground(published)


@pytest.mark.parametrize("code", ["21610", "63016", "30003", "21614", "30006"])
async def test_c34_a_refused_text_goes_by_the_next_contact_at_once(ground: Ground, code: str) -> None:
    contacts = [{"channel": "sms", "address": PHONE}, {"channel": "slack", "address": "UEVA"}]
    await ground.ask(await ground.enrol(contacts=contacts))
    ground.sms.says = RejectedError(f"Twilio refused the message: {code}.", code=f"twilio.{code}")
    await ground.turn(rounds=2)
    assert await ground.states() == {"sms": "failed", "slack": "sent"}
    assert ground.slack.addresses().count("UEVA") == 1


@pytest.mark.parametrize("priority", ["low", "high"])
@pytest.mark.parametrize("code", ["30003", "63016", "30007"])
async def test_c34_a_failing_report_brings_the_next_contact_at_once(ground: Ground, code: str, priority: str) -> None:
    """Also where the policy had no further step."""
    contacts = [{"channel": "sms", "address": PHONE}, {"channel": "slack", "address": "UEVA"}]
    await ground.ask(await ground.enrol(contacts=contacts), priority=priority)
    await ground.turn()
    (text,) = [row for row in await ground.rows() if row.channel == "sms"]
    await ground.report(text, code)
    await ground.report(text, code)
    await ground.turn(rounds=2)
    assert await ground.states() == {"sms": "failed", "slack": "sent"}
    page = await story(ground)
    assert ("not_delivered", "sms") in page


async def story(ground: Ground) -> list[tuple[str, str]]:
    from store.read.messages import delivery as told

    return [(line.kind, str(line.data.get("channel"))) for line in told.told({}, await ground.rows())]


async def test_c34_somebody_whom_nothing_reaches_is_told_apart(ground: Ground) -> None:
    await ground.ask(await ground.enrol())
    ground.slack.says = RejectedError("Slack refused.", code="slack.channel_not_found")
    ground.sms.says = RejectedError("Twilio refused.", code="twilio.21211")
    await ground.turn(rounds=4)
    assert await ground.states() == {"slack": "failed", "sms": "failed"}
    assert ("unreachable", "None") in await story(ground)


async def test_c35_stop_silences_the_number_at_once_and_tells_the_lead(ground: Ground) -> None:
    await ground.ask(await ground.enrol(contacts=[{"channel": "sms", "address": PHONE}]))
    ground.sms.says = RejectedError("Twilio refused.", code="twilio.21610")
    await ground.turn()
    ground.sms.says = None
    await ground.ask(await ground.enrol(), 2)
    async with ground.database.transaction() as session:
        assert (await session.get_one(StoppedRow, ("sms", PHONE))).person == "eva"
    await ground.turn(60, rounds=4)
    assert PHONE not in ground.sms.addresses()
    assert ground.slack.addresses().count("UEVA") == 1
    assert [row.payload["values"] for row in await ground.rows() if row.person == "piotr"] == [
        {"trouble": "stopped", "reason": "sms"}
    ]


async def test_c35_the_fallback_named_in_the_policy_is_first(ground: Ground) -> None:
    contacts = [{"channel": c, "address": a} for c, a in [("sms", PHONE), ("slack", "UEVA"), ("email", "e@x.org")]]
    steps = {"high": [{"channel": "sms"}]}
    await ground.ask(await ground.enrol(contacts=contacts, notify={"fallback": "slack", "steps": steps}))
    ground.sms.says = RejectedError("Twilio refused.", code="twilio.21610")
    await ground.turn(rounds=2)
    assert await ground.states() == {"sms": "failed", "slack": "sent"}


async def test_an_outage_is_seen_within_seconds_and_messages_take_another_way(ground: Ground) -> None:
    eva = await ground.enrol()
    ground.slack.says = TransientError("Slack is away")
    await ground.ask(eva, priority="medium")
    await ground.turn(1, rounds=5)
    assert await ground.down() == ["slack"]
    assert await ground.states() == {"slack": "moved", "sms": "sent"}
    await ground.ask(eva, 2, priority="low")
    await ground.turn(rounds=2)
    assert ground.sms.addresses() == [PHONE, PHONE]
    ground.slack.says = None
    await ground.turn(20, rounds=2)
    assert await ground.down() == [], "it comes back by itself"
    assert ground.slack.sent == []


async def test_who_has_no_other_contact_waits_for_the_channel(ground: Ground) -> None:
    eva = await ground.enrol(contacts=[{"channel": "slack", "address": "UEVA"}])
    ground.slack.says = TransientError("Slack is away")
    await ground.ask(eva)
    await ground.turn(5, rounds=30)
    assert (await ground.states(), await ground.down()) == ({"slack": "pending"}, ["slack"])
    ground.slack.says = None
    await ground.turn(20, rounds=3)
    assert (ground.slack.addresses(), await ground.down()) == (["UEVA"], [])


async def test_everything_is_gone_and_comes_back_too_late(ground: Ground) -> None:
    """Nothing is sent hours later: it expires, and says so."""
    eva = await ground.enrol()
    for channel in (ground.slack, ground.sms):
        channel.says = TransientError("no way out")
    await ground.ask(eva, expires_at=AT + timedelta(minutes=30))
    await ground.turn(10, rounds=20)
    assert await ground.down() == ["slack", "sms"]
    ground.now += timedelta(hours=3)
    for channel in (ground.slack, ground.sms):
        channel.says = None
    await ground.turn(20, rounds=3)
    assert (ground.slack.sent, ground.sms.sent) == ([], [])
    assert "expired" in (await ground.states()).values()
    assert not {"pending", "sending"} & set((await ground.states()).values())


async def test_c32_an_urgent_message_in_doubt_goes_the_other_way_too_and_once_only(ground: Ground) -> None:
    eva = await ground.enrol()
    await ground.ask(eva, priority="critical")
    ground.slack.trouble.append("swallow_answer")
    await ground.sender.step()
    ground.slack.says = OutcomeUnknownError("no answer")
    await ground.turn(3, rounds=6)
    assert await ground.down() == ["slack"]
    assert await ground.states() == {"slack": "sending", "sms": "sent"}
    ground.slack.says = None
    await ground.turn(20, rounds=4)
    assert await ground.states() == {"slack": "sent", "sms": "sent"}
    assert (ground.slack.addresses(), ground.sms.addresses()) == (["UEVA"], [PHONE])


async def test_c32_what_is_not_urgent_waits_in_doubt_until_the_vendor_can_be_asked(ground: Ground) -> None:
    eva = await ground.enrol()
    ground.slack.says = OutcomeUnknownError("no answer")
    await ground.ask(eva, priority="medium")
    await ground.turn(3, rounds=6)
    assert (await ground.states(), await ground.down()) == ({"slack": "sending"}, ["slack"])
    ground.slack.says = None
    await ground.turn(70, rounds=2)
    assert (ground.slack.addresses(), ground.sms.addresses()) == (["UEVA"], [])


async def test_e_mail_in_doubt_is_sent_again_under_the_same_key(ground: Ground) -> None:
    await ground.ask(await ground.enrol(contacts=[{"channel": "email", "address": "eva@example.org"}]), priority="low")
    ground.email.trouble.append("swallow_answer")
    await ground.turn(20, rounds=3)
    assert [message.key for message in ground.email.sent] == [(await ground.rows())[0].id] * 2
    assert (ground.email.looked_up, await ground.states()) == ([], {"email": "sent"})


async def test_c33_a_vendor_that_asks_to_wait_is_left_alone_and_the_urgent_are_first(ground: Ground) -> None:
    eva = await ground.enrol()
    ground.slack.says = RateLimitedError("slow down", retry_after=30)
    await ground.ask(eva, 1, priority="medium")
    await ground.turn()
    ground.slack.says = None
    amy = Person.model_validate(
        {"id": "amy", "name": "Amy", "roles": [], "contacts": [{"channel": "slack", "address": "UAMY"}]}
    )
    await ground.ask(amy, 2, priority="critical")
    await ground.turn(10, rounds=2)
    assert (ground.slack.sent, await ground.down()) == ([], [])
    await ground.turn(11)
    assert ground.slack.addresses() == ["UAMY", "UEVA"]


async def accept(ground: Ground, task: str) -> None:
    """As `settle` does."""
    async with ground.database.transaction() as session:
        await outbox.withdraw(session, task)
        await session.execute(update(TaskRow).where(col(TaskRow.id) == task).values(standing="taken", person="jonas"))


async def test_no_page_after_acceptance_by_a_late_failure(ground: Ground) -> None:
    contacts = [{"channel": "sms", "address": PHONE}, {"channel": "slack", "address": "UEVA"}]
    await ground.ask(await ground.enrol(contacts=contacts))
    await ground.turn()
    await accept(ground, "tsk_1")
    await ground.report(next(row for row in await ground.rows() if row.channel == "sms"), "30003")
    await ground.turn(60, rounds=5)
    assert (await ground.states(), ground.slack.sent) == ({"sms": "failed", "slack": "withdrawn"}, [])


async def test_no_page_after_acceptance_by_one_that_was_being_tried(ground: Ground) -> None:
    eva = await ground.enrol(contacts=[{"channel": "slack", "address": "UEVA"}])
    await ground.ask(eva)
    (claimed,) = await ground.sender._claim()
    await accept(ground, "tsk_1")
    ground.slack.trouble.append("away")
    await ground.sender._deliver(claimed)
    await ground.turn(60, rounds=3)
    assert (await ground.states(), ground.slack.sent) == ({"slack": "withdrawn"}, [])


_TROUBLE = st.sampled_from(
    [
        None,
        TransientError("away"),
        OutcomeUnknownError("no answer"),
        RejectedError("no", code="twilio.30003"),
        RejectedError("no", code="twilio.21610"),
        RateLimitedError("wait", retry_after=5),
    ]
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(_TROUBLE, _TROUBLE, st.sampled_from([1, 10, 130])), min_size=1, max_size=6),
    st.integers(0, 6),
    st.sampled_from(["low", "medium", "high", "critical"]),
)
async def test_no_page_after_withdraw_and_nobody_doubled(
    published: Database, turns: list[Any], accepted_at: int, priority: str
) -> None:
    """Whatever the vendors do: nothing leaves after the acceptance, and nothing twice by one channel."""
    ground = Ground(published)
    async with published.transaction() as session:
        for table in (OutboxRow, TaskRow, ChannelHealthRow, StoppedRow):
            await session.execute(delete(table))
    await ground.ask(await ground.enrol(), priority=priority)
    for number, (slack, sms, seconds) in enumerate(turns):
        if number == accepted_at:
            await accept(ground, "tsk_1")
        ground.slack.says, ground.sms.says = slack, sms
        before = len(_pages(ground))
        await ground.turn(seconds, rounds=2)
        if number >= accepted_at:
            assert len(_pages(ground)) == before
    ground.slack.says = ground.sms.says = None
    await ground.turn(130, rounds=6)
    mine = _pages(ground)
    assert len(mine) == len({message.address for message in mine})
    refused = any(isinstance(one, RejectedError) for slack, sms, _ in turns for one in (slack, sms))
    assert mine or refused or accepted_at < len(turns)


def _pages(ground: Ground) -> list[ChannelMessage]:
    """What Eva was sent; her leads hear of an address that was stopped at any time."""
    return [message for message in (*ground.slack.sent, *ground.sms.sent) if message.address in ("UEVA", PHONE)]


async def test_the_board_and_the_banner_tell(ground: Ground) -> None:
    ground.slack.says = TransientError("Slack is away")
    await ground.ask(await ground.enrol(contacts=[{"channel": "slack", "address": "UEVA"}]))
    await ground.turn(1, rounds=4)
    (down,) = (await reach.outage(ground.database)).down
    assert (down.channel, down.error) == ("slack", "Slack is away")
    assert down.down_since is not None
    assert down.down_since - AT < timedelta(seconds=5)
    assert not (await reach.outage(ground.database)).everything, "there are people with a phone"
