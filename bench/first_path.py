"""The first path beside bare Temporal: the same job, the same server, the same run, in turns. Prints ratios.

What it measures and what it doesn't: docs/performance.md.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import uvloop

from bench import report
from bench.ground import BenchError
from bench.measure import Plan, measure

_NAMES = ("product", "bare", "tuned")


def main(arguments: Sequence[str]) -> int:
    """0 when every exception of every contender led to exactly three messages and one posting."""
    options = _options(arguments)
    if options.no_run:
        kept = report.saved()
    else:
        plan = Plan(options.rounds, options.burst, options.latency, tuple(options.contenders))
        try:
            kept = _run(plan)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    print(report.table(kept))
    if options.write_docs:
        report.write_docs(kept)
    return int(any(one["lost_or_doubled"] for one in kept["contenders"].values()))


def _run(plan: Plan) -> report.Report:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(measure(plan))
    kept = report.summary(plan, results)
    report.save(kept)
    return kept


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The first path beside bare Temporal.")
    defaults = Plan()
    parser.add_argument("--rounds", type=int, default=defaults.rounds)
    parser.add_argument("--burst", type=int, default=defaults.burst, help="exceptions a burst")
    parser.add_argument("--latency", type=int, default=defaults.latency, help="single exceptions for each contender")
    parser.add_argument("--contenders", nargs="+", choices=_NAMES, default=list(_NAMES))
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--no-run", action="store_true", help="take the figures of the last run")
    return parser.parse_args(arguments)
