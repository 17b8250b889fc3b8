"""Each posting is in the ERP's own tables exactly once, whatever the wire, the ERP's workers and the drivers suffer.

`make test` does it with 300 postings on the Tryton that the connector's tests have running
(tests/connectors/tryton/test_tryton_faults.py), `make chaos` with 10,000.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence

import pytest

from domain.books.outcomes import OutcomeTransaction
from infra.standins.fault_proxy import FaultProxy
from infra.standins.faults import DRAWN, Drawn, Fault, Plan
from tests.chaos.mortal import Mortal
from tests.chaos.postings import Story, drive
from tests.chaos.tryton_postings import counted, expected, kill_one, random_postings
from tests.connectors.tryton.conftest import Erp, erp, erp_running  # noqa: F401 (fixtures)

IN_TEST = 300
SEED = int(os.environ.get("MOS_CHAOS_SEED", "20261122"))
MANY = int(os.environ.get("MOS_CHAOS_POSTINGS", "0"))
KILL_EVERY = 25
TOLD_EVERY = 250
BATCH = 1000
WRITE, LOOKUP = b'"model.mfgos.posting.post"', b'"model.mfgos.posting.search_read"'


class Wire:
    """Half of the postings, and of the lookups of their keys, suffer a fault, of the other questions and
    the log-ins one in eight: what those lose costs time, and could not make a second posting."""

    def __init__(self, seed: int, kinds: Sequence[Fault] = DRAWN) -> None:
        self._ledger, self._other = Plan(seed, rate=0.5, kinds=kinds), Plan(seed + 1, rate=0.125, kinds=kinds)

    def draw(self, request: bytes) -> Drawn:
        plan = self._ledger if WRITE in request or LOOKUP in request else self._other
        return plan.draw(request)


async def post_through_faults(erp: Erp, number: int) -> None:  # noqa: F811
    """Drivers are killed, and every so many postings a worker process of the ERP. The ERP's tables are read after each
    thousand, when nothing is under way."""
    transactions, chance = random_postings(number, random.Random(SEED), erp.anchor), random.Random(SEED)
    plain, story, began = erp.url, Story(), time.monotonic()
    host, _, port = plain.removeprefix("http://").strip("/").rpartition(":")
    proxy = FaultProxy(host, int(port), Wire(SEED))

    async def harm(done: int) -> None:
        if done % KILL_EVERY == KILL_EVERY // 2:
            kill_one(erp.server)
        if done % TOLD_EVERY == 0:
            print(f"{done} of {number} after {time.monotonic() - began:.0f} s", flush=True)

    try:
        async with proxy.serving() as erp.url:
            systems = [erp.system(transport=Mortal(erp.url)) for _ in range(2)]
            for batch in batches(transactions):
                await drive(systems, batch, chance, harm, story=story)
                await proxy.settled()
                check(erp, transactions[: story.done], story, proxy)
            for system in systems:
                await system.close()
    finally:
        erp.url = plain


def batches(transactions: Sequence[OutcomeTransaction]) -> Iterator[Sequence[OutcomeTransaction]]:
    for first in range(0, len(transactions), BATCH):
        yield transactions[first : first + BATCH]


def check(erp: Erp, transactions: Sequence[OutcomeTransaction], story: Story, proxy: FaultProxy) -> None:  # noqa: F811
    assert counted(erp.server) == expected(transactions)
    assert {key for key, receipts in story.receipts.items() if all(receipts)} == {item.key for item in transactions}
    assert set(proxy.counts()) == {Fault.NONE, *DRAWN}
    assert story.killed
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(proxy.counts().items()))
    print(
        f"{len(transactions)} postings, seed {SEED}, each in the ERP once: {story.attempts} sent, {story.lookups} "
        f"lookups, {story.killed} drivers killed, exchanges {faults}",
        flush=True,
    )


@pytest.mark.chaos
@pytest.mark.timeout(6 * 3600)
@pytest.mark.skipif(not MANY, reason="only with MOS_CHAOS_POSTINGS=<number>, as `make chaos` sets it")
async def test_each_of_many_postings_is_in_the_erp_once(erp: Erp) -> None:  # noqa: F811
    await post_through_faults(erp, MANY)
