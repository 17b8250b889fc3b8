"""Several messages to one person come as one, where none of them is urgent and their order stays."""

from datetime import timedelta
from typing import Any

import pytest

from activities import reaching
from domain.asking.messages import Message, MessageKind
from domain.rosters.people import Person
from store.db import Database
from store.write.messages import outbox
from tests.support.reaching import (
    PHONE,
    PRAGUE,
    Ground,
)


@pytest.fixture
async def ground(published: Database) -> Ground:
    return Ground(published)


async def note(ground: Ground, number: int, person: Person, priority: str = "low") -> None:
    message = Message(
        kind=MessageKind.NOTIFY, definition="b", exception_id="exc_1", title=f"N{number}", priority=priority
    )
    terms: dict[str, Any] = {
        "task_id": f"n{number}",
        "purpose": "notify",
        "rung": "0",
        "now": ground.now,
        "zone": PRAGUE,
    }
    async with ground.database.transaction() as session:
        await outbox.add(session, reaching.rows(person, message, **terms))


@pytest.mark.parametrize("channel", ["slack", "sms"])
async def test_what_only_tells_goes_together(ground: Ground, channel: str) -> None:
    address = {"slack": "UEVA", "sms": PHONE}[channel]
    eva = await ground.enrol(contacts=[{"channel": channel, "address": address}])
    vendor = ground.slack if channel == "slack" else ground.sms
    await note(ground, 1, eva)
    await ground.turn()
    for number in (2, 3, 4):
        await note(ground, number, eva)
        await ground.turn(1)
    assert len(vendor.sent) == 1, "the others wait a moment"
    await note(ground, 5, eva, "high")
    await ground.turn(1)
    assert len(vendor.sent) == 2, "what is urgent does not"
    await ground.turn(20, rounds=2)
    assert len(vendor.sent) == 3
    text = str(vendor.sent[2].payload)
    assert [text.index(f"N{number}") for number in (2, 3, 4)] == sorted(text.index(f"N{n}") for n in (2, 3, 4))
    rows = {row.payload["title"]: row for row in await ground.rows()}
    assert {row.state for row in rows.values()} == {"sent"}
    assert len({rows[name].vendor_id for name in ("N2", "N3", "N4")}) == 1


async def test_a_lost_answer_to_several_as_one_is_looked_up_as_one(ground: Ground) -> None:
    eva = await ground.enrol(contacts=[{"channel": "sms", "address": PHONE}])
    for number in (1, 2, 3):
        await note(ground, number, eva)
    ground.sms.trouble.append("swallow_answer")
    await ground.turn()
    assert {row.state for row in await ground.rows()} == {"sending"}
    await ground.turn(20, rounds=2)
    assert (len(ground.sms.sent), len(ground.sms.looked_up)) == (1, 1)
    assert {row.state for row in await ground.rows()} == {"sent"}


async def test_several_as_one_that_fail_go_each_its_way(ground: Ground) -> None:
    contacts = [{"channel": "sms", "address": PHONE}, {"channel": "slack", "address": "UEVA"}]
    eva = await ground.enrol(contacts=contacts)
    for number in (1, 2):
        await note(ground, number, eva)
    await ground.turn()
    assert len(ground.sms.sent) == 1
    await ground.report(next(row for row in await ground.rows() if row.bundle == row.id), "30003")
    await ground.turn(rounds=2)
    assert len(ground.slack.sent) == 1
    assert sorted(row.state for row in await ground.rows()) == ["failed", "failed", "sent", "sent"]


async def test_prompts_waiting_for_one_phone_are_one_text_while_it_is_short(ground: Ground) -> None:
    eva = await ground.enrol(contacts=[{"channel": "sms", "address": PHONE}])
    for number in (1, 2, 3, 4, 5, 6):
        await ground.ask(eva, number, priority="medium")
        ground.now += timedelta(seconds=1)
    await ground.turn(rounds=6)
    texts = [str(message.payload["body"]) for message in ground.sms.sent]
    assert 1 < len(texts) < 6
    assert [f"ABC{n}" for text in texts for n in range(1, 7) if f"ABC{n}" in text] == [f"ABC{n}" for n in range(1, 7)]


async def test_prompts_on_slack_stay_single_and_urgent_ones_everywhere(ground: Ground) -> None:
    eva = await ground.enrol(contacts=[{"channel": "slack", "address": "UEVA"}])
    amy = Person.model_validate(
        {"id": "amy", "name": "Amy", "roles": [], "contacts": [{"channel": "sms", "address": "+1"}]}
    )
    for number in (1, 2):
        await ground.ask(eva, number, priority="medium")
        await ground.ask(amy, number + 2, priority="high")
    await ground.turn(rounds=3)
    assert (len(ground.slack.sent), len(ground.sms.sent)) == (2, 2)
