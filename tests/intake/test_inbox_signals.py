"""Signals into the inbox and out of it: once, in order, never lost, never silently dropped."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from domain.signals import RawSignal
from intake import signals
from store.db import Database
from store.tables import InboxRow
from tests.intake.hand import START, Hand
from tests.support.eventually import eventually
from tests.support.plant import ABORTED, RUNNING, machine_state
from tests.support.servers import Postgres


def raw(event_id: str, body: Any = None, kind: str = "mqtt.uns", source: str = "uns") -> RawSignal:
    return RawSignal(source=source, event_id=event_id, kind=kind, body=body)


async def test_the_same_event_is_taken_once_also_in_parallel(database: Database) -> None:
    news = await asyncio.gather(*(signals.receive(database, [raw("a"), raw("b")], START) for _ in range(8)))
    assert sum(new[0] for new in news) == sum(new[1] for new in news) == 1
    assert await signals.receive(database, [raw("a"), raw("c"), raw("a", source="other")], START) == [False, True, True]


async def test_an_event_twice_in_one_batch_is_one_row(hand: Hand) -> None:
    await hand.receive(raw("a"), raw("a"))
    assert len(await hand.rows(select(InboxRow))) == 1


@pytest.mark.parametrize(
    "body",
    [{"text": "a\x00b"}, {"a\x00": 1}, {"text": "\ud800"}, {"x": float("nan")}, {"x": [float("inf")]}, {"x": 10**400},
     "\x00", None, [], {"text": "\\u0000"}],
)  # fmt: skip
async def test_whatever_json_a_source_sends_is_kept(hand: Hand, body: Any) -> None:
    assert await hand.receive(raw("a", body), raw("b", {"fine": True})) == [True, True]
    await hand.turn()
    assert (await hand.row("a")).status == "quarantined"


def bad(**payload: Any) -> RawSignal:
    good = machine_state("lathe-1", ABORTED, 1, START)
    return good.model_copy(
        update={"event_id": "bad", "body": {**good.body, "payload": {**good.body["payload"], **payload}}}
    )


@pytest.mark.parametrize(
    "signal, says",
    [
        (machine_state("robot-9", ABORTED, 1, START), "unknown equipment 'robot-9'"),
        (machine_state("lathe-1", ABORTED, 1, START + timedelta(minutes=6)), "in the future"),
        (machine_state("lathe-1", 42, 1, START), "no PackML state"),
        (bad(timestamp="2026-11-22T08:00:00"), "no time with a zone"),
        (bad(timestamp=None), "'timestamp' is missing"),
        (raw("x", {"payload": {"unreadable": "!"}}), "no JSON object"),
        (raw("x", {}, kind="opc.unknown"), "nothing reads 'opc.unknown'"),
        (raw("x", {"type": "com.x.inspection.failed.v1", "time": "2026-11-22T08:00:00Z", "data": {}}, "cloudevent"),
         "'lot' is missing"),
    ],
)  # fmt: skip
async def test_quarantine_says_why(hand: Hand, signal: RawSignal, says: str) -> None:
    await hand.receive(signal)
    await hand.turn()
    row = await hand.row(signal.event_id)
    assert row.status == "quarantined"
    assert says in (row.error or "")
    assert row.body == signal.body
    assert not await hand.exceptions()


async def test_an_unreadable_signal_does_not_hold_up_the_others(hand: Hand) -> None:
    """Even one that its reader was never prepared for."""
    await hand.receive(raw("poison", {"payload": {"state": 9, "timestamp": "2026-11-22T08:00:00Z"}}))  # no equipment
    event = await hand.state("lathe-1", ABORTED)
    await hand.turn()
    assert (await hand.row(event)).status == "delivered"
    assert (await hand.row("poison")).status == "quarantined"


async def test_a_small_step_of_the_clock_is_no_future(hand: Hand) -> None:
    event = await hand.state("lathe-1", ABORTED, at=START + timedelta(minutes=4))
    await hand.turn()
    assert (await hand.row(event)).status == "delivered"


async def test_the_repeat_of_a_standing_state_is_no_news(hand: Hand) -> None:
    await hand.state("lathe-1", ABORTED)
    await hand.turn()
    hand.later(minutes=1)
    repeat = await hand.state("lathe-1", ABORTED)
    await hand.turn()
    assert ((await hand.row(repeat)).status, (await hand.row(repeat)).error) == ("ignored", "the state is as it was")
    assert len(await hand.exceptions()) == 1
    assert hand.temporal.joined == []


async def test_what_is_older_than_the_last_word_opens_nothing(hand: Hand) -> None:
    await hand.state("lathe-1", RUNNING)
    await hand.turn()
    hand.later(minutes=1)
    await hand.state("lathe-1", RUNNING)  # a repeat: no news, but it says that it runs now
    await hand.turn()
    late = await hand.state("lathe-1", ABORTED, at=START + timedelta(seconds=30))
    await hand.turn()
    assert (await hand.row(late)).status == "ignored"
    assert not await hand.exceptions()


async def test_later_signals_join_in_one_batch(hand: Hand) -> None:
    await hand.state("lathe-1", ABORTED)
    await hand.turn()
    for state in (8, RUNNING, ABORTED):
        hand.later(seconds=1)
        await hand.state("lathe-1", state)
    await hand.turn()
    assert len(await hand.exceptions()) == 1
    assert [len(batch) for batch in hand.temporal.joined] == [3]


async def test_a_planned_stop_opens_nothing(hand: Hand) -> None:
    good = machine_state("lathe-1", ABORTED, 1, START)
    planned = good.model_copy(update={"body": {**good.body, "planned_reason": True}})
    await hand.receive(planned)
    await hand.turn()
    assert (await hand.row(planned.event_id)).status == "ignored"


async def test_two_pumps_do_not_double(hand: Hand) -> None:
    units = ["lathe-1", "lathe-2", "mill-1", "mill-2", "press-1", "furnace-1"]
    for unit in units:
        await hand.state(unit, 8)
        hand.later(milliseconds=10)
        await hand.state(unit, ABORTED)
    await asyncio.gather(hand.pump.step(), hand.another_pump().step())
    await hand.turn()
    assert sorted(row.key for row in await hand.exceptions()) == sorted(units)
    assert {row.status for row in await hand.rows(select(InboxRow))} == {"delivered"}
    assert len(hand.temporal.started) == len(units)


async def test_the_inbox_outlives_a_restart_of_the_database(hand: Hand, postgres: Postgres) -> None:
    event = await hand.state("lathe-1", ABORTED)
    postgres.restart()

    async def back() -> bool:  # connections that had died are found out one by one
        with contextlib.suppress(OperationalError):
            return await hand.receive(raw("after")) == [True]
        return False

    await eventually(back, "signals are taken again")
    await hand.turn()
    assert (await hand.row(event)).status == "delivered"
