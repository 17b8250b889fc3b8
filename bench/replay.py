"""`python -m bench.replay`: how many recorded exceptions `mos replay` goes through in a minute.

A synthetic month (`bench.month`) with the three shipped definitions, each replayed as it ships, people and systems as
recorded. The time counts from the recording in memory to the report; reading the file is told beside it. What the
processes need to start is part of it, once.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from authoring.replay import comparing, reading, running
from authoring.replay.answering import Model
from authoring.replay.comparing import About
from authoring.replay.model import Place
from authoring.replay.running import Effort
from bench import month
from bench.machine import described
from domain.language.definition_text import load

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench:replay:begin -->", "<!-- bench:replay:end -->"
SHIPPED = ("breakdown", "quality_hold", "rush_order")
GOAL = 10_000  # a minute on 2 cores
_MACHINES = 200
Found = dict[str, Any]


def measure(exceptions: int, processes: int, folder: Path) -> Found:
    """The figures of one run."""
    file = folder / "month.jsonl"
    month.write(file, exceptions, _MACHINES)
    place = Place(month.site(_MACHINES), month.roster())
    begun = time.monotonic()
    recording = reading.read(file, place.site, SHIPPED[0])
    read_s = time.monotonic() - begun
    loads = [os.getloadavg()[0]]
    lines: list[Found] = []
    begun, cpu = time.monotonic(), os.times()
    with running.crew(processes) as pool:
        for name in SHIPPED:
            text = (ROOT / "workflows" / "definitions" / f"{name}.yaml").read_text(encoding="utf-8")
            own = replace(recording, definition=name)
            side = running.replay(load(text), own, place, label="as shipped", effort=Effort(processes, pool))
            comparing.report(None, side, own, place, About(name, datetime.now(UTC), Model()))
            lines.append(
                {"definition": name, "exceptions": len(side.cases), "signals": side.listened, "s": side.seconds}
            )
    seconds = time.monotonic() - begun
    spent = os.times()
    loads.append(os.getloadavg()[0])
    many = sum(line["exceptions"] for line in lines)
    used = sum(spent[:4]) - sum(cpu[:4])
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "load": [round(one, 1) for one in loads],
        "processes": processes,
        "exceptions": many,
        "seconds": round(seconds, 1),
        "a_minute": round(many / seconds * 60),
        "cpu_ms_each": round(used / many * 1000, 2),
        "read_s": round(read_s, 1),
        "definitions": lines,
    }


def told(found: Found) -> str:
    """Markdown, readable on a terminal too."""
    machine, load_ = found["machine"], found["load"]
    lines = [
        f"Measured {found['at'][:10]} on {machine['cpu']}, {machine['cores']} cores"
        f" ({machine['versions'].split(',')[0]}), load average {load_[0]} before and {load_[1]} after,"
        f" {found['processes']} processes: {found['exceptions']} exceptions in {found['seconds']} s ="
        f" **{found['a_minute']} a minute** (goal: {GOAL}). They took {found['cpu_ms_each']} ms of processor time each,"
        f" all processes and their start included: {round(60_000 / found['cpu_ms_each'])} a minute for each core that"
        " does nothing else, as far as a busy machine can tell."
        f" Reading the file took {found['read_s']} s before.",
        "",
        "| definition | exceptions | signals that it listens to | s |",
        "|---|---|---|---|",
    ]
    for one in found["definitions"]:
        lines.append(f"| {one['definition']} | {one['exceptions']} | {one['signals']} | {one['s']:.1f} |")
    return "\n".join(lines)


def write_docs(found: Found) -> None:
    """Puts the figures between their markers."""
    head, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
    DOCS.write_text(f"{head}{BEGIN}\n{told(found)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Exit code 0 whatever the rate is: times are never asserted."""
    options = argparse.ArgumentParser(prog="python -m bench.replay")
    options.add_argument("--exceptions", type=int, default=10_000)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--json", action="store_true")
    options.add_argument("--write-docs", action="store_true")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.exceptions, given.processes, Path(folder))
    print(json.dumps(found, indent=1) if given.json else told(found))
    if given.write_docs:
        write_docs(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
