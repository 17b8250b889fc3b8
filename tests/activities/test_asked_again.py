"""A task that is handed back is everybody's again: who had not heard of it hears of it now, the others may press."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from sqlmodel import col

from store.db import Database
from store.tables import OutboxRow
from tests.support.eventually import eventually
from tests.support.fixtures import temporal
from tests.support.plant import Plant, address_of, run_plant
from tests.support.servers import Temporal

__all__ = ["temporal"]


@pytest.fixture
async def plant(published: Database, temporal: Temporal) -> AsyncIterator[Plant]:
    async with run_plant(published, await temporal.client()) as running:
        yield running


async def prompts(plant: Plant, person: str) -> list[str]:
    """What became of each message that asked this person to repair."""
    mine = select(OutboxRow).where(col(OutboxRow.person) == person, col(OutboxRow.purpose) == "task")
    return [row.state for row in await plant.rows(mine.order_by(col(OutboxRow.created_at)))]


async def until(plant: Plant, person: str, *states: str) -> None:
    async def so() -> bool:
        return await prompts(plant, person) == list(states)

    await eventually(so, f"{person}'s messages are {', '.join(states)}")


async def test_who_was_not_reached_is_asked_when_it_is_handed_back(plant: Plant) -> None:
    plant.slack.away = True
    await plant.break_machine()
    code = (await plant.task("repair")).code
    await until(plant, "jonas", "pending")
    assert (await plant.text("amira", "accept", code))["code"] == "yours"
    await until(plant, "jonas", "withdrawn")
    assert (await plant.text("amira", "decline", code))["code"] == "declined"
    await until(plant, "jonas", "withdrawn", "pending")
    assert (await plant.text("amira", "accept", code))["code"] == "yours"
    await until(plant, "jonas", "withdrawn", "withdrawn")
    assert (await plant.text("amira", "decline", code))["code"] == "declined"
    await until(plant, "jonas", "withdrawn", "withdrawn", "pending")

    plant.slack.away = False
    await plant.quiet()

    (shown,) = [message for message in plant.slack.sent if message.address == address_of("jonas")]
    assert '"accept"' in str(shown.payload).replace("'", '"')
    assert plant.sms.addresses().count(address_of("amira")) == len(set(map(str, plant.sms.sent)))
    assert (await plant.press("jonas", "repair", "accept"))["code"] == "yours"


async def test_who_read_that_it_was_taken_may_press_again(plant: Plant) -> None:
    await plant.break_machine()
    await until(plant, "jonas", "sent")
    code = (await plant.task("repair")).code
    assert (await plant.text("amira", "accept", code))["code"] == "yours"
    await plant.quiet()
    (edits,) = plant.slack.edits.values()
    assert "accept" not in buttons(edits[-1])
    assert (await plant.text("amira", "decline", code))["code"] == "declined"
    await plant.quiet()
    assert {"accept", "form:decline"} <= buttons(edits[-1])
    await until(plant, "jonas", "sent", "sent")  # and asked again by a message: an edit rings nowhere
    assert (await plant.press("jonas", "repair", "accept"))["code"] == "yours"


def buttons(shown: dict[str, object]) -> set[str]:
    """The verbs that a Slack message lets one press."""
    blocks = shown["blocks"]
    assert isinstance(blocks, list)
    return {
        str(button["action_id"]) for block in blocks for button in block.get("elements", []) if "action_id" in button
    }
