"""Races, strangers and refusals: who wins is decided in the workflow, and the others are told by whom."""

import asyncio

from sqlalchemy import select
from sqlmodel import col

from connectors.roles import InboundMessage
from domain.rosters.people import ChannelName
from intake import answers
from store.tables import OutboxRow
from tests.support.plant import Plant, address_of, utcnow

NAMES = {"jonas": "Jonas Weber", "amira": "Amira Haddad"}


async def test_ten_parallel_accepts_have_one_winner(plant: Plant) -> None:
    await plant.break_machine()
    task = await plant.task("repair")
    presses = [
        InboundMessage(channel, f"{person}-{n}", address_of(person), verb="accept", task=f"{task.id}:{task.version}")
        for n in range(5)
        for person, channel in (("jonas", ChannelName.SLACK), ("amira", ChannelName.SMS))
    ]
    await asyncio.gather(*(answers.receive(plant.database, press, utcnow()) for press in presses))
    outcomes = {press.dedupe_key: await plant.outcome(press.dedupe_key) for press in presses}
    winners = {key.split("-")[0] for key, outcome in outcomes.items() if outcome["accepted"]}
    assert len(winners) == 1
    (winner,) = winners
    lost = [outcome for key, outcome in outcomes.items() if not key.startswith(winner)]
    assert [(outcome["code"], outcome["by"]) for outcome in lost] == [("taken", NAMES[winner])] * 5
    await plant.quiet()
    replies = await plant.rows(select(OutboxRow).where(col(OutboxRow.purpose) == "reply"))
    assert {(reply.person, reply.payload["by"]) for reply in replies} == {(*(NAMES.keys() - winners), NAMES[winner])}


async def test_the_same_press_twice_is_one_answer(plant: Plant) -> None:
    await plant.break_machine()
    task = await plant.task("repair")
    press = InboundMessage(ChannelName.SLACK, "once", address_of("jonas"), verb="decline", task=f"{task.id}:1")
    got = [await answers.receive(plant.database, press, utcnow()) for _ in range(2)]
    assert got == [True, False]
    assert (await plant.outcome("once"))["code"] == "declined"


async def test_only_who_was_asked_may_accept(plant: Plant) -> None:
    exception = await plant.break_machine()
    refused = await plant.press("mei", "repair", "accept")
    assert (refused["accepted"], refused["code"]) == (False, "not_allowed")
    line = await plant.told(exception, "answer_refused", verb="accept")
    assert line.person == "mei"


async def test_only_who_has_the_authority_may_decide(plant: Plant) -> None:
    await plant.break_machine()
    await plant.press("jonas", "repair", "answer:estimate:2h")
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "not_allowed"
    assert (await plant.press("sofia", "plan_decision", "approve:push_right"))["code"] == "approved"
    late = await plant.press("lena", "plan_decision", "approve:push_right")
    assert (late["code"], late["by"]) == ("decided", "Sofia Rossi")


async def test_when_all_decline_the_ladder_is_climbed_at_once(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.press("jonas", "repair", "decline")
    await plant.text("amira", "decline", (await plant.task("repair")).code)
    await plant.told(exception, "asked", rung=1, people=["Piotr Nowak"])
    await plant.press("piotr", "repair", "decline")
    await plant.told(exception, "asked", rung=2, people=["Sofia Rossi"])
    assert (await plant.press("sofia", "repair", "accept"))["code"] == "yours"


async def test_a_decline_keeps_the_prompts_of_the_others(plant: Plant) -> None:
    plant.slack.away = True
    await plant.break_machine()
    await plant.text("amira", "decline", (await plant.task("repair")).code)
    plant.slack.away = False
    await plant.quiet()
    assert address_of("jonas") in plant.slack.addresses()


async def test_answers_by_short_message(plant: Plant) -> None:
    await plant.break_machine()
    code = (await plant.task("repair")).code
    assert (await plant.text("amira", "accept", code))["code"] == "yours"
    assert (await plant.text("amira", "answer", code.lower(), estimate="2h"))["code"] == "recorded"
    assert (await plant.text("amira", "done", cause="belt"))["code"] == "done"
    late = await plant.press("jonas", "repair", "accept")
    assert (late["code"], late["by"]) == ("done", "Amira Haddad")
