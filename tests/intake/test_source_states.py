"""A source that goes silent says so itself."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.roles import SourceState
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal, SignalType
from intake.sources import raw_state, read_state
from store.tables import SourceStateRow
from tests.intake.hand import START, Hand


def test_lost_and_back_are_two_events_and_two_states() -> None:
    lost = raw_state(SourceState("opcua", connected=False, detail="refused"), START)
    back = raw_state(SourceState("opcua", connected=True), START)
    assert lost.event_id != back.event_id
    read = read_state(lost)
    assert (read.type, read.subject, read.state, read.facts["detail"]) == (
        SignalType.SOURCE_LOST, "opcua", "lost", "refused",
    )  # fmt: skip
    assert read_state(back).state == "connected"
    assert read.state_key == read_state(back).state_key


async def test_the_last_word_of_a_source_is_kept(hand: Hand) -> None:
    for minute, connected in enumerate((True, False, True)):
        at = START + timedelta(minutes=minute - 3)
        await hand.receive(raw_state(SourceState("opcua", connected=connected), at))
    await hand.turn()
    (state,) = await hand.rows(select(SourceStateRow))
    assert (state.key, state.state) == ("source:opcua", "connected")


@pytest.mark.parametrize("body", [{}, None, {"source": "x", "connected": True, "at": "yesterday"}, []])
def test_anything_else_is_no_source_state(body: object) -> None:
    with pytest.raises(InvalidPayloadError):
        read_state(RawSignal(source="s", event_id="e", kind="source.state", body=body))
