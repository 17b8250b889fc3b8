"""Whoever decides sees what the ERP says that it would change; an ERP that is away holds up nobody's decision."""

from collections.abc import Callable
from typing import Any

from connectors.roles import System
from domain.asking.messages import Message, OptionPreview
from domain.books.booking import FieldChange, Preview
from domain.books.outcomes import DisposeLot, OutcomeTransaction
from domain.errors import TransientError
from domain.rosters.people import ChannelName
from tests.support.plant import Plant
from tests.support.systems import FakeSystem


def previewing(system: FakeSystem, preview: Callable[[OutcomeTransaction], Preview]) -> System:
    """The same system, which says what it would change."""

    class Previewing(type(system)):  # type: ignore[misc]
        async def preview(self, transaction: OutcomeTransaction) -> Preview:
            return preview(transaction)

    system.__class__ = Previewing
    return system


def fate_of_the_lot(transaction: OutcomeTransaction) -> Preview:
    lots = [one for one in transaction.outcomes if isinstance(one, DisposeLot)]
    fields: dict[str, Any] = {"record": "stock.lot 4 (L-BAR-502)", "field": "hold", "before": True}
    changes = [FieldChange(**fields, after=one.disposition != "release") for one in lots]
    goes = [one for one in lots if one.disposition == "rework"]
    place = {"record": "new stock.move", "field": "to_location", "created": True}
    changes += [FieldChange(**place, after=11, after_name="Rework") for _ in goes]
    return Preview(changes=changes)


def away(transaction: OutcomeTransaction) -> Preview:
    raise TransientError("nobody answers")


async def cards(plant: Plant) -> dict[str, OptionPreview | None]:
    await plant.fail_inspection()
    message = Message.model_validate((await plant.task("disposition")).shown)
    return {option.id: option.preview for option in message.options}


async def test_each_option_shows_what_it_would_change_and_only_that(plant: Plant) -> None:
    previewing(plant.erp, fate_of_the_lot)
    found = await cards(plant)
    told = {name: [(one.field, one.before, one.after) for one in card.changes] for name, card in found.items() if card}
    assert told == {
        "release": [("hold", "true", "false")],
        "rework": [("to location", "", "Rework")],
        **{name: [] for name in ("scrap", "return")},
    }
    assert plant.erp.kinds().count("dispose_lot") == 0, "nothing was written"


async def test_an_erp_that_is_away_is_said_and_the_decision_stands(plant: Plant) -> None:
    previewing(plant.erp, away)
    found = await cards(plant)
    assert {name: card.away for name, card in found.items() if card} == {name: ["erp"] for name in found}
    plant.erp.__class__ = FakeSystem
    taken = await plant.press("grace", "disposition", "approve:release", ChannelName.CONSOLE)
    assert taken["code"] == "approved"
    await plant.posted("dispose_lot")
