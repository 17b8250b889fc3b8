"""How fast a task is with its vendor, and an answer with its workflow. Prints p50 and p99; `--write-docs` keeps them.

The vendor is a channel that takes everything at once, so what is measured is ours: from the transaction that creates
the task to the vendor's acceptance, and from a press by HTTP to the committed decision.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import func, select

from activities import reaching
from activities.sender import Sender
from bench.contenders import Product
from bench.ground import BenchError, Ground, ground, product_worker, publish_job
from bench.machine import described
from bench.outside import Outside
from bench.product_worker import PlainChannel
from bench.tireless import tireless
from connectors.roles import ChannelMessage, SentMessage
from domain.asking.messages import Choice, Message, MessageKind
from domain.rosters.people import ChannelName, Person
from store.db import OUTGOING, Database
from store.listen import notifications
from store.tables import DecisionRow, TaskRow
from store.write.messages import outbox

DOCS = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bench:messages:begin -->", "<!-- bench:messages:end -->"
_PERSONS, _UTC = 100, ZoneInfo("UTC")


class _Vendor(PlainChannel):
    """Takes everything at once; notes when."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    async def send(self, message: ChannelMessage) -> SentMessage:
        """No call at all."""
        self.taken[message.key] = time.monotonic()
        return SentMessage(message.key, message.address)


def _now() -> datetime:
    return datetime.now(UTC)


def _rows(number: int) -> tuple[TaskRow, list[dict[str, object]]]:
    contact = {"channel": "slack", "address": f"U{number % _PERSONS:04}"}
    person = Person.model_validate({"id": contact["address"], "name": "P", "roles": [], "contacts": [contact]})
    message = Message(
        kind=MessageKind.TASK, definition="bench", exception_id="exc_bench", title=f"Look at lathe {number}",
        priority="high", task=f"tsk_{number}:1", choices=[Choice(verb="accept"), Choice(verb="decline")],
    )  # fmt: skip
    rows = reaching.rows(
        person, message, task_id=f"tsk_{number}", purpose="task", rung="0", now=_now(), zone=_UTC, expires_at=None
    )
    task = TaskRow(
        id=f"tsk_{number}", exception_id="exc_bench", step="look", kind="task", code=f"{number:06}",
        asked=[person.id], shown={}, opened_at=_now(),
    )  # fmt: skip
    return task, rows


async def _create(database: Database, number: int, begun: dict[str, float]) -> None:
    """As `tell` does: the task and its message in one transaction."""
    started = time.monotonic()
    task, rows = _rows(number)
    begun[str(rows[0]["id"])] = started
    async with database.transaction() as session:
        session.add(task)
        await outbox.add(session, rows)


async def _at_rate(database: Database, vendor: _Vendor, first: int, count: int, a_second: float) -> list[float]:
    """`count` tasks at this rate, each to the next of 100 persons; milliseconds until the vendor has each."""
    begun: dict[str, float] = {}
    start = time.monotonic()
    async with asyncio.TaskGroup() as creating:
        for place in range(count):
            await asyncio.sleep(max(0.0, start + place / a_second - time.monotonic()))
            creating.create_task(_create(database, first + place, begun))
    while not begun.keys() <= vendor.taken.keys():
        if time.monotonic() - start > count / a_second + 60:
            raise BenchError("the vendor did not get every message")
        await asyncio.sleep(0.05)
    return [(vendor.taken[key] - at) * 1000 for key, at in begun.items()]


async def _sent(stack: Ground, low: int, high: int) -> dict[str, list[float]]:
    database, vendor = Database(stack.env["MOS_DATABASE_URL"]), _Vendor()
    sender = Sender(database, {ChannelName.SLACK: vendor}, _now)

    async def wake() -> None:
        async for _ in notifications(database.url, (OUTGOING,)):
            sender.wake()

    running = [asyncio.create_task(sender.run()), asyncio.create_task(wake())]
    try:
        await _at_rate(database, vendor, 0, 20, 5)  # warms up
        quiet = await _at_rate(database, vendor, 1_000, low, 5)
        busy = await _at_rate(database, vendor, 10_000, high, 50)
        return {"5 tasks/s": quiet, "50 tasks/s over 100 persons": busy}
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await database.close()


async def _decided(stack: Ground, count: int) -> list[float]:
    """Milliseconds from the press to the committed decision, one exception after another."""
    database, outside = Database(stack.env["MOS_DATABASE_URL"]), Outside()
    await publish_job(database)
    await outside.start()
    found = list[float]()
    try:
        with product_worker(stack, outside.url):
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
                tireless(stack.env["MOS_DATABASE_URL"]),
                asyncio.timeout(300),
            ):
                product = Product(http, stack.env)
                for number in range(count + 3):
                    lot = f"LOT-{number}"
                    await product.signal(lot)
                    await outside.of(lot).asked.wait()
                    await asyncio.sleep(0.2)
                    found.append(await _press(database, product, lot, outside.of(lot).bodies[0], number))
                    await outside.of(lot).posted.wait()
    finally:
        await outside.stop()
        await database.close()
    return found[3:]


async def _press(database: Database, product: Product, lot: str, chat: bytes, before: int) -> float:
    began = time.monotonic()
    await product.answer(lot, chat)
    while True:
        async with database.transaction() as session:
            if (await session.scalar(select(func.count()).select_from(DecisionRow)) or 0) > before:
                return (time.monotonic() - began) * 1000
        await asyncio.sleep(0.002)


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _table(found: dict[str, list[float]], load: float) -> str:
    about = described()
    machine = f"{about['cpu']}, {about['cores']} cores, {about['memory']} ({about['versions']})"
    head = (
        f"Measured {_now():%Y-%m-%d} on {machine}; load average {load:.1f} when it began. The vendor is a channel that"
        " takes everything at once."
    )
    figures = {name: f"{_percentile(v, 50):.0f} / {_percentile(v, 99):.0f}" for name, v in found.items()}
    lines = [f"| {name} | {len(found[name])} | {figure} |" for name, figure in figures.items()]
    return "\n".join([head, "", "| | n | p50 / p99 ms |", "|---|---|---|", *lines])


def _keep(table: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    if BEGIN not in text:
        text = text.rstrip() + f"\n\n## Messages\n\n`python -m bench messages --write-docs`\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """0 when every message got out and every answer was decided."""
    parser = argparse.ArgumentParser(prog="python -m bench messages", description="Task to vendor, answer to decision.")
    parser.add_argument("--low", type=int, default=100, help="tasks at low load")
    parser.add_argument("--high", type=int, default=1_000, help="tasks at 50 a second")
    parser.add_argument("--answers", type=int, default=50, help="0: only what is sent")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    load = float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])
    found: dict[str, list[float]] = {}
    try:
        with ground() as stack:
            sent = asyncio.run(_sent(stack, options.low, options.high))
            found |= {f"task created -> accepted by the vendor, {name}": values for name, values in sent.items()}
            if options.answers:
                found["answer pressed -> decision committed"] = asyncio.run(_decided(stack, options.answers))
    except (BenchError, aiohttp.ClientError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    table = _table(found, load)
    print(table)
    if options.write_docs:
        _keep(table)
    return 0
