"""The whole way of a posting, its worker process killed with kill -9 again and again: decision, transaction workflow,
ledger, a wire that breaks, the real Tryton whose processes are killed too. In Tryton's own tables each once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from temporalio.client import Client

from activities.contracts import calls
from activities.contracts.model import PostRequest
from admin.definitions import publish
from domain.books.ledger import BOOKED, ENDED, State
from domain.books.outcomes import OutcomeTransaction
from domain.values import Json
from infra.standins.fault_proxy import FaultProxy
from infra.standins.faults import DRAWN, EVERY, HALVING, Fault, Script
from intake.deliver import TASK_QUEUE
from store.db import Database
from store.tables import AuditRow, LedgerRow, ReconciliationRow
from store.write.books import ledger
from store.write.books import reconciliation as runs
from tests.chaos.killed_worker import DeadlyWire, Kill, WorkerProcess, worker_process
from tests.chaos.test_chaos_postings import MANY, SEED
from tests.chaos.tryton_postings import counted, expected, kill_one, random_postings
from tests.connectors.tryton.conftest import Erp
from tests.support.eventually import eventually
from tests.support.fixtures import postgres, published, published_template
from tests.support.plant import utcnow
from tests.support.servers import Temporal, temporal_server

__all__ = ["postgres", "published", "published_template"]
IN_TEST, MOST = 15, 300
UNDER_WAY = 8
POSTINGS_A_KILL = 5
_SILENCE_S = 240.0  # green runs never wait it
_LOOK_S = 0.3
_PATIENCE_S = 5.0  # of the connector with a silent ERP
_SOON = timedelta(seconds=2)


@dataclass(frozen=True)
class Stack:
    """The servers, and where the worker writes."""

    erp: Erp
    database: Database
    temporal: Temporal
    folder: Path


@pytest.fixture
def temporal() -> Iterator[Temporal]:
    """One that nobody else uses: its workflows end with it."""
    with temporal_server() as server:
        yield server


@pytest.fixture
def stack(erp: Erp, published: Database, temporal: Temporal, tmp_path: Path) -> Stack:
    return Stack(erp, published, temporal, tmp_path)


@dataclass
class Run:
    """What runs, and how many processes of the ERP were killed."""

    erp: Erp
    database: Database
    client: Client
    proxy: FaultProxy
    worker: WorkerProcess
    erp_kills: int = 0
    begun: list[OutcomeTransaction] = field(default_factory=list)

    async def statuses(self) -> dict[str, str]:
        async with self.database.transaction() as session:
            rows = await session.execute(select(col(LedgerRow.id), col(LedgerRow.status)))
            return {str(name): str(status) for name, status in rows}

    async def begin(self, one: OutcomeTransaction) -> None:
        """Somebody has decided; the transaction's own workflow does the rest."""
        row = {"id": one.decision, "exception_id": one.exception_id, "step": "post", "task_id": "", "person": "lena"}
        said = {"channel": "console", "verdict": "approved", "authority": "reschedule", "shown_hash": "h"}
        async with self.database.transaction() as session:
            await ledger.add_decision(session, row | said | {"at": utcnow()})
        request = PostRequest(transaction=one, step="post")
        await self.client.start_workflow(
            calls.TRANSACTION_WORKFLOW, request, id=one.id, task_queue=TASK_QUEUE, task_timeout=_SOON
        )
        self.begun.append(one)

    async def reconciled(self) -> ReconciliationRow:
        """One run over everything, by the worker, on a wire that is whole again."""
        async with self.database.transaction() as session:
            number = await runs.ask(session, "erp", utcnow() - timedelta(days=1), "test", utcnow())

        async def done() -> ReconciliationRow | None:
            async with self.database.transaction() as session:
                row = await session.get_one(ReconciliationRow, number)
                return row if row.status not in ("waiting", "running") else None

        found = await eventually(done, "the reconciliation ends")
        assert found is not None
        return found


@asynccontextmanager
async def running(stack: Stack, wire: DeadlyWire) -> AsyncIterator[Run]:
    """The worker, connected with the ERP by the document that is published."""
    erp, database, client = stack.erp, stack.database, await stack.temporal.client()
    host, _, port = erp.url.removeprefix("http://").strip("/").rpartition(":")
    proxy = FaultProxy(host, int(port), wire)
    async with proxy.serving() as url:
        config: Json = {"url": url, "database": "erp", "user": "mos_product", "timezone": "Europe/Prague"}
        config |= {"timeout": _PATIENCE_S}
        entry: Json = {"name": "erp", "kind": "tryton", "role": "erp", "config": config}
        entry |= {"secrets": {"password": "env:ERP_PASSWORD"}}
        await publish.publish_connectors(database, [entry], author="eng", now=utcnow())
        told = {"MOS_DATABASE_URL": database.url, "MOS_TEMPORAL_ADDRESS": stack.temporal.address}
        told |= {"MOS_TEMPORAL_NAMESPACE": client.namespace, "ERP_PASSWORD": erp.passwords["mos_product"]}
        async with worker_process(stack.folder, told) as wire.worker:
            yield Run(erp, database, client, proxy, wire.worker)


async def drive(run: Run, transactions: Sequence[OutcomeTransaction]) -> None:
    """Some at a time, until each is at its end or waits for a person; a process of the ERP dies now and then."""
    waiting, ended, heard = list(transactions), 0, time.monotonic()
    while ended < len(transactions):
        statuses = await run.statuses()
        now_ended = sum(status in (*ENDED, State.SENT_BACK) for status in statuses.values())
        for number in range(ended, now_ended):
            if number % POSTINGS_A_KILL == POSTINGS_A_KILL // 2:
                kill_one(run.erp.server)
                run.erp_kills += 1
        if now_ended > ended:
            ended, heard = now_ended, time.monotonic()
        while waiting and len(run.begun) - ended < UNDER_WAY:
            await run.begin(waiting.pop(0))
        stuck = f"seed {SEED}: nothing moves: {statuses}\n"
        assert time.monotonic() - heard < _SILENCE_S, stuck + run.worker.log()[-5000:]
        await asyncio.sleep(_LOOK_S)


async def check(run: Run) -> None:
    """The ledger, the audit and Tryton's own tables tell the same."""
    transactions, posted = run.begun, Counter({one.id: 1 for one in run.begun})
    run.proxy.plan = Script()
    await run.proxy.settled()
    statuses = await run.statuses()
    astray = {name: status for name, status in statuses.items() if status not in BOOKED}
    assert not astray, f"seed {SEED}"
    assert set(statuses) == set(posted)
    assert counted(run.erp.server) == expected(transactions), f"seed {SEED}"
    booked = Counter(posting.key for posting in run.erp.reader.postings())
    assert booked == Counter({one.key: 1 for one in transactions}), f"seed {SEED}"
    found = await run.reconciled()
    told = (found.status, found.compared, found.booked, found.found, found.unread, found.error)
    assert told == ("done", len(transactions), len(transactions), {}, 0, ""), f"seed {SEED}"
    assert set((await run.statuses()).values()) == {State.RECONCILED}
    async with run.database.transaction() as session:
        kind, subject = col(AuditRow.kind), col(AuditRow.subject)
        rows = await session.execute(
            select(subject, func.count()).where(kind == "transaction.posted").group_by(subject)
        )
        assert Counter({str(name): int(number) for name, number in rows}) == posted, f"seed {SEED}"


async def post_through_deaths(stack: Stack, number: int, kinds: Sequence[Fault]) -> None:
    chance = random.Random(SEED)
    drafted = random_postings(number, chance, stack.erp.anchor)
    transactions = [one.model_copy(update={"decision": f"dec_{one.id}"}) for one in drafted]
    dying = chance.sample(transactions, number // POSTINGS_A_KILL)
    wire = DeadlyWire(SEED, kinds, [Kill.drawn(one.key, chance) for one in dying])
    began = time.monotonic()
    async with running(stack, wire) as run:
        await drive(run, transactions)
        await wire.dead()
        await check(run)
        ends = run.worker.ends()
        assert ends == ["worker ended (-9)"] * len(dying), run.worker.log()
        faults = ", ".join(f"{fault} {count}" for fault, count in sorted(run.proxy.counts().items()))
        print(
            f"\n{number} postings, seed {SEED}, each in the ERP once: {len(dying)} workers and {run.erp_kills} "
            f"processes of the ERP killed, exchanges {faults}, {time.monotonic() - began:.0f} s"
        )


async def test_each_posting_is_in_the_erp_once_though_its_worker_dies(stack: Stack) -> None:
    await post_through_deaths(stack, IN_TEST, (*DRAWN, *HALVING))


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not MANY, reason="only with MOS_CHAOS_POSTINGS=<number>, as `make chaos` sets it")
async def test_each_of_many_postings_is_in_the_erp_once_though_its_worker_dies(stack: Stack) -> None:
    await post_through_deaths(stack, min(MANY, MOST), EVERY)
