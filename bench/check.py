"""How long `mos check` takes for 500 definitions at a plant with shifts: `python -m bench.check`.

The definitions are the shipped ones a hundred times, each with other names, texts and conditions, so that no cache
helps more than it would in a plant. The plant has 60 people in three shifts, two languages, and 24 machines.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from authoring.check.facts import SiteFacts, connected
from authoring.check.many import check_all
from authoring.check.reporting import counts
from bench.machine import described
from domain.rosters.people import Roster
from domain.site import Site

SHIPPED = Path(__file__).resolve().parents[1] / "workflows" / "definitions"
_SHIFTS = [("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00")]
_ROLES = ("maintenance_technician", "maintenance_lead", "planner", "materials", "quality_manager", "customer_service")
_AUTHORITIES = ["reschedule", "promise", "disposition", "report_downtime"]
_STEP = re.compile(r"- (?:task|approve|notify|propose|decide|wait|post|call|for_each|repeat): (\w+)$", re.M)
_TEXT = re.compile(r'\b(?:title|text|summary|label|value|[a-z]{2}): "(?!=)')
_SKILLS = ("turning", "milling", "heat_treatment", "assembly")


def definitions(count: int) -> dict[str, str]:
    """File -> text; every one has texts and conditions of its own."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.yaml"))]
    return {f"definition_{number}.yaml": _varied(texts[number % len(texts)], number) for number in range(count)}


def _varied(text: str, number: int) -> str:
    """With a name, step names (so conditions) and texts of its own, in every language."""
    text = re.sub(r"^definition: (\w+)", rf"definition: \1_{number}", text, flags=re.M)
    for step in dict.fromkeys(_STEP.findall(text)):
        text = re.sub(rf"(?<![\w.]){step}(?=\.\w)|(?<!authority: )(?<=: ){step}$", f"{step}_{number}", text, flags=re.M)
    text = _TEXT.sub(rf"\g<0>{number} ", text)
    text = re.sub(r"\bor '(\w[^'\n]*)'", rf"or '\1 {number}'", text)
    return re.sub(r"if: size\((\S+)\) > 0", rf"if: size(\1) > {number % 7} || size(\1) > {number}", text)


def plant() -> SiteFacts:
    """60 people, three shifts, 24 machines, Tryton and a MES."""
    units = [
        {"id": f"{skill}-{n}", "title": f"{skill} {n}", "level": "work_unit", "parent": f"area-{n % 2}", "skill": skill}
        for skill in _SKILLS
        for n in range(6)
    ]
    areas = [{"id": f"area-{n}", "title": f"Area {n}", "level": "area"} for n in range(2)]
    site = {
        "enterprise": "e",
        "site": "s",
        "title": "Works",
        "timezone": "Europe/Prague",
        "equipment": [*areas, *units],
    }
    shifts = [{"name": name, "start": start, "end": end} for name, start, end in _SHIFTS]
    may = [*_AUTHORITIES, "manage_ledger", "steer_exceptions"]
    manager = _person(59) | {"roles": ["plant_manager", "site_owner"], "authorities": may, "shifts": []}
    people = [*(_person(number) for number in range(59)), manager]
    systems = connected([{"role": "erp", "kind": "tryton"}, {"role": "mes", "kind": "mes_http"}])
    roster = Roster.model_validate({"shifts": shifts, "people": people})
    return SiteFacts(Site.model_validate(site), roster, datetime.now(UTC), systems)


def _person(number: int) -> dict[str, object]:
    channel, address = ("slack", f"U{number:08}") if number % 3 else ("sms", f"+4477009{number:05}")
    return {
        "id": f"p{number}",
        "name": f"Person {number}",
        "language": "de" if number % 4 == 0 else "en",
        "roles": [_ROLES[number % len(_ROLES)]],
        "skills": [_SKILLS[number // 6 % 4], _SKILLS[number // 12 % 4]],
        "areas": [f"area-{number % 2}"] if number % 5 == 0 else [],
        "shifts": [_SHIFTS[number // 6 % 3][0]],
        "authorities": _AUTHORITIES,
        "contacts": [{"channel": channel, "address": address}],
    }


def _processor() -> float:
    """Seconds of processor time of this process and of those of its own that have ended."""
    return sum(os.times()[:4])


def main(arguments: Sequence[str]) -> int:
    """Prints one row for each number of processes; 1 when the shipped definitions have an error there."""
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, len(os.sched_getaffinity(0))])
    options = parser.parse_args(arguments)
    texts, site = definitions(options.count), plant()
    machine = described()
    print(f"{options.count} definitions, {datetime.now(UTC):%Y-%m-%d}, {machine['cpu']}, {machine['cores']} cores")
    errors = 0
    for workers in options.workers:
        load, begun, used = os.getloadavg()[0], time.perf_counter(), _processor()
        sheets = check_all(texts, site, workers=workers)
        took, found = time.perf_counter() - begun, counts(sheets)
        each = (_processor() - used) / len(texts) * 1000
        told = f"{took:.1f} s, {each:.1f} ms of processor time each, load before {load:.1f}"
        print(f"{workers} processes: {told}; {found}")
        errors = found["error"]
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
