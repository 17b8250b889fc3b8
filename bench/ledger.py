"""The ledger on a real Tryton: what a posting costs beside the bare call, how many pass in a second, how long
reconciling takes.

    python -m bench ledger [--postings 200] [--rounds 3] [--reconcile 10000] [--write-docs]

Bare is the connector's own call with the same outcomes to the same Tryton: look-ups, the keyed posting, names of the
documents. Ours is the whole way: the transaction's workflow, its ledger row, preview, decision, gates, second look,
posting, receipt, each move committed with its audit record. Rounds alternate, so that the machine is the same for both.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.contracts import calls
from activities.contracts.model import PostRequest, PostResult
from activities.reconciling import Reconciliation
from activities.world import World
from bench.ground import ROOT, BenchError, Ground, ground, publish_job
from bench.kept import kept, load, percentile, put
from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import TrytonSystem, build
from domain.books.outcome_rules import objects_of
from domain.books.outcomes import Outcome, OutcomeTransaction, RecordDowntime, SetPriority
from domain.books.outcomes import System as Target
from infra.plant.erp.credentials import generate
from infra.plant.erp.server import ensure_template
from infra.plant.erp.server import run as run_erp
from infra.processes.worker import make_worker
from intake.deliver import TASK_QUEUE
from intake.nudging import Nudger
from store.db import Database
from store.tables import LedgerRow, ReconciliationRow
from store.write.books import ledger
from store.write.books import reconciliation as runs

_ORDERS = tuple(f"JO-10{number:02}" for number in range(1, 11))
_UNITS = ("lathe-1", "lathe-2", "mill-1", "mill-2", "furnace-1", "press-1")
_NUMBERS, _TURNS = itertools.count(), itertools.count()
WORKERS = 8


@dataclass
class Scene:
    """Everything that runs. `erp`: the connector; `rows`: of the ledger, for what was posted without it."""

    database: Database
    client: Client
    erp: TrytonSystem
    world: World
    rows: list[dict[str, Any]] = field(default_factory=list)

    async def bare(self, transaction: OutcomeTransaction) -> None:
        """The connector's own call."""
        receipt = await self.erp.post(transaction)
        self.rows.append(_row(transaction, receipt.model_dump(mode="json"), receipt.documents))

    async def enter(self) -> None:
        """What was posted without the ledger, as if it had been with it."""
        async with self.database.transaction() as session:
            for begin in range(0, len(self.rows), 500):
                await session.execute(insert(LedgerRow), self.rows[begin : begin + 500])
        self.rows.clear()


Post = Callable[[OutcomeTransaction], Awaitable[None]]


def drafted(*outcomes: Outcome) -> OutcomeTransaction:
    """A transaction of an exception of its own."""
    number = next(_NUMBERS)
    names = {"id": f"txn_bench_{number}", "key": f"exc_bench_{number}:post:1", "exception_id": f"exc_bench_{number}"}
    return OutcomeTransaction(**names, system=Target.ERP, outcomes=list(outcomes), decision=f"dec_bench_{number}")


def another() -> OutcomeTransaction:
    """Neighbours are of different orders, so that none waits for the one before."""
    number = next(_TURNS)
    order, priority = _ORDERS[number % len(_ORDERS)], 1 + number % 99
    return drafted(SetPriority(job_orders=[order], priority=priority))


async def through_the_ledger(scene: Scene, transaction: OutcomeTransaction) -> None:
    """The transaction's own workflow, to its end."""
    request = PostRequest(transaction=transaction, step="post")
    result: PostResult = await scene.client.execute_workflow(
        calls.TRANSACTION_WORKFLOW, request, id=transaction.id, task_queue=TASK_QUEUE, result_type=PostResult
    )
    if result.status != "posted":
        raise BenchError(f"{transaction.id} is {result.status}: {result.detail}")


async def decide(scene: Scene, transactions: Sequence[OutcomeTransaction]) -> None:
    """Somebody decided each, before the clock runs."""
    said: dict[str, Any] = {
        "step": "post",
        "task_id": "",
        "person": "lena",
        "channel": "console",
        "verdict": "approved",
    }
    said |= {"authority": "reschedule", "shown_hash": "", "at": datetime.now(UTC)}
    async with scene.database.transaction() as session:
        for one in transactions:
            await ledger.add_decision(session, {"id": one.decision, "exception_id": one.exception_id} | said)


async def one_by_one(post: Post, transactions: Sequence[OutcomeTransaction]) -> list[float]:
    """Milliseconds of each."""
    found = []
    for one in transactions:
        began = time.perf_counter()
        await post(one)
        found.append((time.perf_counter() - began) * 1000)
    return found


async def side_by_side(post: Post, transactions: Sequence[OutcomeTransaction], workers: int = WORKERS) -> float:
    """Postings a second of so many at a time."""
    waiting = iter(transactions)

    async def go() -> None:
        for one in waiting:
            await post(one)

    began = time.perf_counter()
    await asyncio.gather(*(go() for _ in range(workers)))
    return len(transactions) / (time.perf_counter() - began)


async def beside(scene: Scene, postings: int, rounds: int) -> dict[str, float]:
    """Both in turns; medians of the rounds' ratios."""

    async def ours(transaction: OutcomeTransaction) -> None:
        await through_the_ledger(scene, transaction)

    times: dict[str, list[list[float]]] = {"bare": [], "ours": []}
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    for number in range(rounds + 1):
        for name, post in (("bare", scene.bare), ("ours", ours)):
            single, many = ([another() for _ in range(postings)] for _ in range(2))
            await decide(scene, [*single, *many])
            milliseconds, rate = await one_by_one(post, single), await side_by_side(post, many)
            await scene.enter()
            print(f"round {number} {name}: {percentile(milliseconds, 50):.0f} ms, {rate:.1f}/s", flush=True)
            if number:  # the first only warms up
                times[name].append(milliseconds)
                rates[name].append(rate)
    ratios = [percentile(o, 50) / percentile(b, 50) for b, o in zip(times["bare"], times["ours"], strict=True)]
    shares = [o / b for b, o in zip(rates["bare"], rates["ours"], strict=True)]
    every = {name: list(itertools.chain.from_iterable(values)) for name, values in times.items()}
    found = {f"{name}_ms": percentile(values, 50) for name, values in every.items()}
    found |= {f"{name}_p99_ms": percentile(values, 99) for name, values in every.items()}
    found |= {f"{name}_per_s": statistics.median(rates[name]) for name in rates}
    return found | {"overhead": statistics.median(ratios), "share": statistics.median(shares)}


async def reconciled(scene: Scene, postings: int) -> dict[str, float]:
    """So many downtimes in Tryton and in the ledger, then one run over them and everything before."""
    now = datetime.now(UTC)
    await side_by_side(scene.bare, [drafted(_downtime(number, now)) for number in range(postings)])
    await scene.enter()
    async with scene.database.transaction() as session:
        run = await runs.ask(session, "erp", now - timedelta(hours=1), "bench", now)
    began, worked = time.perf_counter(), time.process_time()
    await Reconciliation(scene.world).next()
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    async with scene.database.transaction() as session:
        row = await session.get_one(ReconciliationRow, run)
    if row.status != "done" or row.found or row.compared < postings:
        raise BenchError(f"the run is {row.status}: {row.compared} compared, {row.found}, {row.error}")
    return {"reconciled": row.compared, "booked": row.booked, "reconcile_s": seconds, "reconcile_cpu_s": processor}


def _downtime(number: int, now: datetime) -> Outcome:
    start = now - timedelta(minutes=10 + number)
    return RecordDowntime(equipment=_UNITS[number % len(_UNITS)], start=start, end=start + timedelta(minutes=1))


def _row(one: OutcomeTransaction, receipt: Any, documents: list[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    texts = ("definition", "standing_version", "standing_grantor", "reverses", "reversed_by", "requested_by")
    empty: dict[str, Any] = dict.fromkeys((*texts, "approved_by", "reason", "trouble"), "")
    about: dict[str, Any] = {"id": one.id, "key": one.key, "exception_id": one.exception_id, "step": "post"}
    about["system"] = "erp"
    about |= {
        "outcomes": [outcome.model_dump(mode="json") for outcome in one.outcomes],
        "objects": objects_of(one.outcomes),
    }
    state = {"status": "reconciled", "decision": one.decision, "attempts": 1, "receipt": receipt}
    state["documents"] = documents
    return empty | about | state | {"drafted_at": now, "posted_at": now, "read_back_at": now, "troubles": 0}


@contextlib.contextmanager
def tryton() -> Iterator[TrytonSystem]:
    """A Tryton of its own with the demo's plant, durable as in use; its connector."""
    template = ensure_template(ROOT / ".cache", print)
    folder, passwords = Path(tempfile.mkdtemp(prefix="mos-bench-erp-")), generate()
    folder.chmod(0o711)
    try:
        with run_erp(template, folder, datetime.now(UTC).replace(second=0, microsecond=0), passwords) as server:
            url = server.url.removesuffix("erp/")
            config = TrytonConfig(url=url, database="erp", user="mos_product", timezone="Europe/Prague", timeout=60)
            yield build(config, {"password": passwords["mos_product"]})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def scene(stack: Ground, erp: TrytonSystem) -> AsyncIterator[Scene]:
    """The product's worker in this process, on the stack's servers."""
    database = Database(stack.env["MOS_DATABASE_URL"])
    try:
        await publish_job(database)
        client = await Client.connect(
            stack.env["MOS_TEMPORAL_ADDRESS"],
            namespace=stack.env["MOS_TEMPORAL_NAMESPACE"],
            data_converter=pydantic_data_converter,
        )
        world = World(database, {"erp": erp}, lambda: datetime.now(UTC), os.urandom, "", frozenset({"erp"}))
        async with make_worker(client, world):
            nudging = asyncio.create_task(Nudger(database, client, world.now).run())
            try:
                yield Scene(database, client, erp, world)
            finally:
                nudging.cancel()
                await asyncio.gather(nudging, return_exceptions=True)
    finally:
        await database.close()


async def run(stack: Ground, erp: TrytonSystem, options: argparse.Namespace) -> dict[str, float]:
    """All figures."""
    async with scene(stack, erp) as running:
        found = await beside(running, options.postings, options.rounds)
        return found | await reconciled(running, options.reconcile)


def table(found: dict[str, float], before: float, after: float, options: argparse.Namespace) -> str:
    """Markdown."""
    times = {name: f"{found[f'{name}_ms']:.0f} / {found[f'{name}_p99_ms']:.0f}" for name in ("bare", "ours")}
    rows = [
        ("one posting, p50 / p99 ms", times["bare"], times["ours"], f"{found['overhead']:.2f}"),
        (f"postings a second, {WORKERS} workers", f"{found['bare_per_s']:.1f}", f"{found['ours_per_s']:.1f}",
         f"{found['share']:.2f}"),
    ]  # fmt: skip
    lines = [
        f"{kept(before, after)} {options.rounds} rounds of {options.postings} postings in turns after a warm-up; ratios"
        " are medians of the rounds.",
        "",
        "| | bare Tryton | through the ledger | ratio |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"Reconciling {found['reconciled']:.0f} postings, both ways ({found['booked']:.0f} in Tryton's table):"
        f" **{found['reconcile_s']:.1f} s** ({found['reconciled'] / found['reconcile_s']:.0f} a second),"
        f" {found['reconcile_cpu_s']:.1f} s of it processor time of the worker; the rest is Tryton's.",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """0 when every posting was made and the run agrees."""
    parser = argparse.ArgumentParser(prog="python -m bench ledger", description=__doc__)
    parser.add_argument("--postings", type=int, default=200, help="of each kind in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reconcile", type=int, default=10_000)
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    before = load()
    try:
        with ground() as stack, tryton() as erp:
            found = asyncio.run(run(stack, erp, options))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    told = table(found, before, load(), options)
    print(told)
    if options.write_docs:
        put("ledger", told)
    return 0
