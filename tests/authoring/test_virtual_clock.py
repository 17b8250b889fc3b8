"""The simulator's loop: asyncio on a clock that jumps."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authoring.simulator.clock import EndlessError, VirtualLoop

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def _seconds(loop: VirtualLoop) -> float:
    return (loop.now() - START).total_seconds()


def test_a_year_passes_at_once_and_timers_come_in_order() -> None:
    loop, seen = VirtualLoop(START), []

    async def main() -> None:
        async def later(days: int) -> None:
            await loop.pause(timedelta(days=days))
            seen.append((days, loop.now()))

        async with asyncio.TaskGroup() as group:
            for days in (365, 1, 30):
                group.create_task(later(days))

    loop.run(main())
    assert seen == [(days, START + timedelta(days=days)) for days in (1, 30, 365)]


def test_a_condition_wakes_its_waiter_at_the_moment_it_holds() -> None:
    loop = VirtualLoop(START)
    box: list[int] = []

    async def main() -> tuple[bool, float, bool, float]:
        loop.at(START + timedelta(seconds=5), lambda: box.append(1))
        held = await loop.until(lambda: bool(box), timedelta(minutes=1))
        at = _seconds(loop)
        missed = await loop.until(lambda: len(box) > 1, timedelta(minutes=1))
        return held, at, missed, _seconds(loop)

    assert loop.run(main()) == (True, 5, False, 65)


def test_asyncio_timeouts_semaphores_and_gather_work_on_it() -> None:
    loop = VirtualLoop(START)

    async def main() -> float:
        gate = asyncio.Semaphore(1)

        async def one() -> None:
            async with gate:
                await loop.pause(timedelta(seconds=10))

        await asyncio.gather(one(), one())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await loop.pause(timedelta(hours=1))
        return _seconds(loop)

    assert loop.run(main()) == 27


def test_waiting_for_what_cannot_come_is_an_error_not_a_hang() -> None:
    loop = VirtualLoop(START)
    with pytest.raises(EndlessError, match="can't come"):
        loop.run(loop.until(lambda: False, None))


def test_a_run_that_spins_is_stopped() -> None:
    loop = VirtualLoop(START, most_turns=1000)

    async def spin() -> None:
        while True:
            await loop.pause(timedelta())

    with pytest.raises(EndlessError, match="too many turns"):
        loop.run(spin())


async def test_it_runs_inside_another_loop_and_leaves_it_in_place() -> None:
    outer = asyncio.get_running_loop()
    inner = VirtualLoop(START)
    inner.run(inner.pause(timedelta(days=1)))
    assert asyncio.get_running_loop() is outer
    await asyncio.sleep(0)


def test_what_is_still_running_at_the_end_is_cancelled() -> None:
    loop, seen = VirtualLoop(START), []

    async def forever() -> None:
        try:
            await loop.until(lambda: False, None)
        finally:
            seen.append("ended")

    async def main() -> None:
        loop.create_task(forever())
        await loop.pause(timedelta(seconds=1))

    loop.run(main())
    assert seen == ["ended"]
