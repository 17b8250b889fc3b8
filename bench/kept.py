"""What benches have in common: percentiles, the machine in words, a table put between its marks in the docs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import described

DOCS = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def load() -> float:
    """The load average of the last minute."""
    return float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])


def kept(before: float, after: float) -> str:
    """When, where and how busy."""
    about = described()
    machine = f"{about['cpu']}, {about['cores']} cores, {about['memory']} ({about['versions'].split(',')[0]})"
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}; load average {before:.1f} before and {after:.1f} after."
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def put(name: str, text: str) -> None:
    """Between the marks of this name. Raises ValueError when the page has none."""
    begin, end = f"<!-- bench:{name}:begin -->", f"<!-- bench:{name}:end -->"
    head, rest = DOCS.read_text(encoding="utf-8").split(begin)
    DOCS.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
