"""On-delay: what clears in time opens nothing; what lasts opens once the delay is over."""

from tests.intake.hand import Hand
from tests.support.plant import ABORTED, RUNNING


async def test_opens_when_the_delay_is_over(slow_hand: Hand) -> None:
    event = await slow_hand.state("lathe-1", ABORTED)
    await slow_hand.turn()
    assert (await slow_hand.row(event)).status == "settling"
    slow_hand.later(seconds=89)
    await slow_hand.turn()
    assert not await slow_hand.exceptions()
    slow_hand.later(seconds=1)
    await slow_hand.turn()
    (opened,) = await slow_hand.exceptions()
    assert (await slow_hand.row(event)).exception_id == opened.id


async def test_what_clears_before_opens_nothing(slow_hand: Hand) -> None:
    event = await slow_hand.state("lathe-1", ABORTED)
    await slow_hand.turn()
    slow_hand.later(seconds=60)
    await slow_hand.state("lathe-1", RUNNING)
    await slow_hand.turn()
    slow_hand.later(seconds=60)
    await slow_hand.turn()
    assert not await slow_hand.exceptions()
    row = await slow_hand.row(event)
    assert (row.status, row.error) == ("ignored", "it cleared while it waited")


async def test_another_machine_does_not_clear_it(slow_hand: Hand) -> None:
    await slow_hand.state("lathe-1", ABORTED)
    await slow_hand.state("lathe-2", RUNNING)
    await slow_hand.turn()
    slow_hand.later(seconds=90)
    await slow_hand.turn()
    assert [row.key for row in await slow_hand.exceptions()] == ["lathe-1"]


async def test_it_stops_again_the_delay_begins_again(slow_hand: Hand) -> None:
    for state in (ABORTED, RUNNING, ABORTED):
        await slow_hand.state("lathe-1", state)
        await slow_hand.turn()
        slow_hand.later(seconds=60)
    await slow_hand.turn()
    assert not await slow_hand.exceptions()
    slow_hand.later(seconds=30)
    await slow_hand.turn()
    assert len(await slow_hand.exceptions()) == 1
