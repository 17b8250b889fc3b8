"""Which version opens: the trial in its areas and share, else the live one; whatever runs is joined in any case."""

import pytest
from sqlalchemy import select

from admin.actors import Actor
from admin.definitions import publish, rollout
from admin.definitions.rollout import Move
from intake.choosing import percentile
from store.read.definitions import versions as read
from store.tables import ShadowSignalRow
from tests.intake.hand import START, Hand
from tests.support.plant import ABORTED, DEFINITIONS, RUNNING

MOVE = Move(Actor("operator", signed_in=False), START, "trying")
BREAKDOWN = (DEFINITIONS / "breakdown.yaml").read_text()
NEXT = BREAKDOWN.replace("repair_within: 24h", "repair_within: 12h")
BY_CENTER = NEXT.replace("one_per: [signal.equipment]", "one_per: [equipment.work_center]")
LATHES, MILLS = ("lathe-1", "lathe-2"), ("mill-1", "mill-2")


async def publish_next(hand: Hand, text: str = NEXT) -> str:
    """v2 of breakdown, with v1 live."""
    assert text != BREAKDOWN
    version = await publish.publish_definition(
        hand.database, text, "breakdown.yaml", author="eng", signed_off_by="sofia", now=START
    )
    await rollout.go_live(hand.database, "breakdown", "v1", MOVE)
    return version


async def stop(hand: Hand, *units: str) -> None:
    for unit in units:
        await hand.state(unit, ABORTED)
    await hand.turn()


async def opened(hand: Hand) -> dict[str, str]:
    """Key -> the version that opened it."""
    async with hand.database.transaction() as session:
        numbers = {row.version: f"v{row.number}" for row in await read.versions(session, "breakdown")}
    return {row.key: numbers[row.version] for row in await hand.exceptions()}


@pytest.mark.parametrize("area, units", [("turning", LATHES), ("machining", LATHES + MILLS), ("mill-2", ("mill-2",))])
async def test_a_trial_by_area(hand: Hand, area: str, units: tuple[str, ...]) -> None:
    await publish_next(hand)
    await rollout.try_out(hand.database, "breakdown", "v2", MOVE, areas=[area])
    await stop(hand, *LATHES, *MILLS, "press-1")
    assert {key for key, version in (await opened(hand)).items() if version == "v2"} == set(units)
    assert len(await opened(hand)) == 5


@pytest.mark.parametrize("share", [0, 40, 99])
async def test_a_trial_by_share(hand: Hand, share: int) -> None:
    await publish_next(hand)
    await rollout.try_out(hand.database, "breakdown", "v2", MOVE, share=share)
    await stop(hand, *LATHES, *MILLS, "press-1", "furnace-1")
    for key, version in (await opened(hand)).items():
        assert version == ("v2" if percentile("breakdown", key) < share else "v1")


def test_a_share_is_a_share_and_only_grows() -> None:
    keys = [f"unit-{n}" for n in range(4000)]
    for share in (5, 30, 80):
        inside = sum(percentile("breakdown", key) < share for key in keys)
        assert abs(inside / len(keys) - share / 100) < 0.03
    assert [percentile("breakdown", key) for key in keys] != [percentile("quality_hold", key) for key in keys]


async def test_what_runs_is_joined_whatever_is_live(hand: Hand) -> None:
    await stop(hand, "lathe-1")
    await publish_next(hand)
    await rollout.go_live(hand.database, "breakdown", "v2", MOVE)
    await hand.state("lathe-1", RUNNING)
    await stop(hand, "lathe-1", "lathe-2")
    assert await opened(hand) == {"lathe-1": "v1", "lathe-2": "v2"}


async def test_it_is_joined_under_the_key_of_its_own_version(hand: Hand) -> None:
    """v2 counts by work center: the lathe that runs under v1 goes on under its own name."""
    await stop(hand, "lathe-1")
    await publish_next(hand, BY_CENTER)
    await rollout.go_live(hand.database, "breakdown", "v2", MOVE)
    again = await hand.state("lathe-1", RUNNING)
    await stop(hand, *LATHES)
    assert await opened(hand) == {"lathe-1": "v1", "turning": "v2"}
    first = next(row for row in await hand.exceptions() if row.key == "lathe-1")
    assert (await hand.row(again)).exception_id == first.id


async def test_retired_opens_nothing_and_lets_run_what_runs(hand: Hand) -> None:
    await stop(hand, "lathe-1")
    assert await rollout.retire(hand.database, "breakdown", MOVE) == 1
    joins = await hand.state("lathe-1", RUNNING)
    alone = await hand.state("lathe-2", ABORTED)
    await hand.turn()
    (running,) = await hand.exceptions()
    assert (await hand.row(joins)).exception_id == running.id
    assert ((await hand.row(alone)).status, (await hand.row(alone)).error) == ("ignored", "no definition opens on it")


async def test_a_trial_alone_opens_only_in_its_area(hand: Hand) -> None:
    await publish_next(hand)
    await rollout.retire(hand.database, "breakdown", MOVE)
    await rollout.try_out(hand.database, "breakdown", "v2", MOVE, areas=["turning"])
    await stop(hand, *LATHES, *MILLS)
    assert await opened(hand) == {"lathe-1": "v2", "lathe-2": "v2"}


async def test_a_safety_signal_is_offered_to_both(hand: Hand) -> None:
    """The trial hears no aborts any more; the live version, which is about safety, still opens on them."""
    safe = BREAKDOWN.replace("opens:\n", "opens:\n  safety: true\n")
    deaf = NEXT.replace("when: signal.state in ['aborting', 'aborted']", "when: signal.state in ['held']")
    assert safe != BREAKDOWN
    assert deaf != NEXT
    await publish_next(hand, deaf)
    await publish.publish_definition(
        hand.database, safe, "breakdown.yaml", author="eng", signed_off_by="sofia", now=START
    )
    await rollout.try_out(hand.database, "breakdown", "v2", MOVE, areas=["machining"])
    await stop(hand, "lathe-1")
    assert await opened(hand) == {"lathe-1": "v3"}


async def shadows(hand: Hand) -> list[ShadowSignalRow]:
    return await hand.rows(select(ShadowSignalRow).order_by(ShadowSignalRow.seq))  # type: ignore[arg-type]


async def test_the_shadow_sees_and_opens_nothing(hand: Hand) -> None:
    version = await publish_next(hand, BY_CENTER)
    await rollout.watch(hand.database, "breakdown", "v2", MOVE)
    first = await hand.state("lathe-1", ABORTED)
    await hand.state("lathe-1", RUNNING)
    await hand.turn()
    assert await opened(hand) == {"lathe-1": "v1"}
    seen = await shadows(hand)
    assert [(row.version, row.key, row.held) for row in seen] == [
        (version, "turning", True),
        (version, "turning", False),
    ]
    async with hand.database.transaction() as session:
        (saw, signal), _ = await read.shadow_signals(session, version)
        assert (saw.seq, signal.event_id) == ((await hand.row(first)).seq, first)
        assert len(await read.shadow_signals(session, version, after=saw.seq)) == 1
    await rollout.stop_watching(hand.database, "breakdown", MOVE)
    await stop(hand, "mill-1")
    assert len(await shadows(hand)) == 2


async def test_a_shadow_that_breaks_harms_nobody(hand: Hand) -> None:
    breaks = "one_per: [signal.equipment, string(1 / (signal.packml - 9))]"
    await publish_next(hand, NEXT.replace("one_per: [signal.equipment]", breaks))
    await rollout.watch(hand.database, "breakdown", "v2", MOVE)
    await stop(hand, "lathe-1")
    assert await opened(hand) == {"lathe-1": "v1"}
    (row,) = await shadows(hand)
    assert (row.key, row.held) == (None, False)
    assert "zero" in (row.error or "")


async def test_a_signal_that_waits_is_seen_once(slow_hand: Hand) -> None:
    """The end of its on-delay places it again."""
    await publish_next(slow_hand)
    await rollout.watch(slow_hand.database, "breakdown", "v2", MOVE)
    await stop(slow_hand, "lathe-1")
    slow_hand.later(seconds=90)
    await slow_hand.turn()
    assert len(await slow_hand.exceptions()) == 1
    assert len(await shadows(slow_hand)) == 1
