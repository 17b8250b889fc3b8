"""From what was measured to figures, a table, a JSON file and the docs."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import described
from bench.measure import Found, Plan, Results

_BENCH = Path(__file__).resolve().parent
RESULTS = _BENCH / "results" / "first_path.json"
DOCS = _BENCH.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bench:first_path:begin -->", "<!-- bench:first_path:end -->"
TITLES = {
    "product": "mos, the whole path",
    "bare": "bare Temporal, SDK defaults",
    "tuned": "bare Temporal, tuned by hand",
}
Report = dict[str, Any]


def summary(plan: Plan, results: Results) -> Report:
    """Everything that is kept of a run."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "plan": asdict(plan),
        "contenders": {name: _contender(found) for name, found in results.found.items()},
        "ratios": _ratios(results.found),
        "idle_percent_of_a_core": {name: round(value, 1) for name, value in results.idle.items()},
    }


def _contender(found: Found) -> Report:
    return {
        "bursts": [burst.exceptions for burst in found.bursts],
        "exceptions_per_s": [round(burst.rate, 2) for burst in found.bursts],
        "signal_to_first_post_ms": _milliseconds(found.latency.first_post),
        "answer_to_erp_post_ms": _milliseconds(found.latency.erp_post),
        "lost_or_doubled": sum(len(burst.inexact) for burst in found.bursts),
        "memory_mb": {
            name: {"pss": round(pss), "rss": round(rss)} for name, (pss, rss) in sorted(found.memory.items())
        },
        "cpu_ms_per_exception": {name: round(value, 1) for name, value in sorted(_cpu(found).items())},
    }


def _cpu(found: Found) -> dict[str, float]:
    """Processor time in ms that one exception costs, by part."""
    exceptions = sum(burst.exceptions for burst in found.bursts)
    return {name: 1000 * seconds / exceptions for name, seconds in found.cpu.items()}


def _milliseconds(values: Sequence[float]) -> Report:
    return {"n": len(values), "p50": round(percentile(values, 50), 1), "p99": round(percentile(values, 99), 1)}


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank; of fewer than 100 values p99 is the highest."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank) - 1, 0)] if ordered else float("nan")


def _ratios(found: Mapping[str, Found]) -> Report:
    """The product beside each other contender: rates round by round, latencies of the medians."""
    if "product" not in found:
        return {}
    product, others = found["product"], {name: one for name, one in found.items() if name != "product"}
    return {f"product/{name}": _ratio(product, other) for name, other in others.items()}


def _ratio(product: Found, other: Found) -> Report:
    pairs = zip(product.bursts, other.bursts, strict=True)
    rates = [ours.rate / theirs.rate for ours, theirs in pairs]
    spread = {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}
    return {
        "exceptions_per_s": {name: round(value, 2) for name, value in spread.items()},
        "signal_to_first_post_p50": _of_medians(product.latency.first_post, other.latency.first_post),
        "answer_to_erp_post_p50": _of_medians(product.latency.erp_post, other.latency.erp_post),
    }


def _of_medians(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(percentile(ours, 50) / percentile(theirs, 50), 2)


def table(report: Report) -> str:
    """Markdown, readable on a terminal too."""
    lines = [*_figures(report), "", *_ratio_lines(report), "", *_memory_lines(report)]
    return "\n".join(lines)


def _figures(report: Report) -> list[str]:
    lines = [
        "| | exceptions/s, median (min-max) | signal -> first chat post p50 / p99 ms | answer -> ERP post p50 / p99 ms"
        " | CPU ms an exception: Temporal + rest | lost or doubled |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in report["contenders"].items():
        rates, first, erp = one["exceptions_per_s"], one["signal_to_first_post_ms"], one["answer_to_erp_post_ms"]
        spread = f"{statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f})"
        pairs = " | ".join(f"{each['p50']:.0f} / {each['p99']:.0f}" for each in (first, erp))
        server = one["cpu_ms_per_exception"]["temporal"]
        cpu = f"{server:.0f} + {sum(one['cpu_ms_per_exception'].values()) - server:.0f}"
        lines.append(f"| {TITLES[name]} | {spread} | {pairs} | {cpu} | {one['lost_or_doubled']} |")
    return lines


def _ratio_lines(report: Report) -> list[str]:
    lines = ["| ratio | exceptions/s median (min-max) | first chat post p50 | ERP post p50 |", "|---|---|---|---|"]
    for name, one in report["ratios"].items():
        rate = one["exceptions_per_s"]
        other = TITLES[name.partition("/")[2]]
        lines.append(
            f"| mos / {other} | {rate['median']:.2f} ({rate['min']:.2f}-{rate['max']:.2f})"
            f" | {one['signal_to_first_post_p50']:.2f} | {one['answer_to_erp_post_p50']:.2f} |"
        )
    return lines


def _memory_lines(report: Report) -> list[str]:
    product = report["contenders"].get("product")
    if product is None:
        return []
    memory, idle, cpu = product["memory_mb"], report["idle_percent_of_a_core"], product["cpu_ms_per_exception"]
    head = [
        "| part of mos | CPU ms an exception | PSS under load MB | RSS MB | idle, % of a core |",
        "|---|---|---|---|---|",
    ]
    lines = [
        f"| {name} | {cpu[name]:.0f} | {one['pss']} | {one['rss']} | {idle[name]:.1f} |" for name, one in memory.items()
    ]
    pss, rss = (sum(one[kind] for one in memory.values()) for kind in ("pss", "rss"))
    return [*head, *lines, f"| all | {sum(cpu.values()):.0f} | {pss} | {rss} | {sum(idle.values()):.1f} |"]


def save(report: Report) -> None:
    """Keeps the figures for the docs and for later comparison."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def saved() -> Report:
    """The figures of the last run that was kept."""
    found: Report = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def write_docs(report: Report) -> None:
    """Puts the table between its markers."""
    text = DOCS.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    DOCS.write_text(f"{head}{BEGIN}\n{_heading(report)}\n\n{table(report)}\n{END}{tail}", encoding="utf-8")


def _heading(report: Report) -> str:
    machine, plan = report["machine"], report["plan"]
    bursts = [size for one in report["contenders"].values() for size in one["bursts"]]
    return (
        f"Measured {report['at'][:10]} on {machine['cpu']}, {machine['cores']} cores, {machine['memory']}"
        f" ({machine['versions']}): {plan['rounds']} interleaved rounds after a warm-up, bursts of {_spread(bursts)},"
        f" {report['contenders']['product']['signal_to_first_post_ms']['n']} single exceptions for the latencies."
    )


def _spread(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"
