"""Each posting is in the ERP's own tables exactly once, whatever the wire, the ERP's workers and the drivers suffer.

`make test` does it with 30 postings on the Tryton that the connector's tests have running
(tests/connectors/tryton/test_tryton_faults.py).
"""

import os
import random

import pytest

from infra.standins.fault_proxy import FaultProxy
from infra.standins.faults import Fault, Plan
from tests.chaos.postings import drive
from tests.chaos.tryton_postings import counted, expected, kill_one, random_postings
from tests.connectors.tryton.conftest import Erp, erp, erp_running  # noqa: F401 (fixtures)
from tests.erp.conftest import erp_template  # noqa: F401 (a fixture)

IN_TEST = 30
SEED = int(os.environ.get("MOS_CHAOS_SEED", "20261122"))
MANY = int(os.environ.get("MOS_CHAOS_POSTINGS", "0"))
KILL_EVERY = 25


async def post_through_faults(erp: Erp, number: int) -> None:  # noqa: F811
    """Half of all exchanges, lookups and log-ins among them, suffer one of the nine faults."""
    transactions = random_postings(number, random.Random(SEED), erp.anchor)
    plain = erp.url
    host, _, port = plain.removeprefix("http://").strip("/").rpartition(":")
    proxy = FaultProxy(host, int(port), Plan(SEED, rate=0.5))
    try:
        async with proxy.serving() as erp.url:
            systems = [erp.system(timeout=5), erp.system(timeout=5)]

            async def harm(done: int) -> None:
                if done % KILL_EVERY == KILL_EVERY // 2:
                    kill_one(erp.server)

            story = await drive(systems, transactions, random.Random(SEED), harm)
            await proxy.settled()
            for system in systems:
                await system.close()
    finally:
        erp.url = plain
    assert counted(erp.server) == expected(transactions)
    assert {key for key, receipts in story.receipts.items() if all(receipts)} == {item.key for item in transactions}
    assert set(proxy.counts()) == set(Fault)
    print(
        f"\n{number} postings, seed {SEED}: {story.attempts} sent, {story.lookups} lookups, {story.killed} drivers "
        f"killed, faults {dict(proxy.counts())}"
    )


@pytest.mark.chaos
@pytest.mark.timeout(4 * 3600)
@pytest.mark.skipif(not MANY, reason="only with MOS_CHAOS_POSTINGS=<number>, as `make chaos` sets it")
async def test_each_of_many_postings_is_in_the_erp_once(erp: Erp) -> None:  # noqa: F811
    await post_through_faults(erp, MANY)
