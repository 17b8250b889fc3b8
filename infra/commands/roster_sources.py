"""Which reader reads which export, in a child process that may not take for ever.

A calendar from elsewhere can be a few lines that keep a processor busy for years (an event that repeats on 30 February,
say): what comes by an address or from a file is read by a child with limits on time and memory.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from connectors.roles import RosterSource
from connectors.roster_csv.manifest import build as csv_roster
from connectors.roster_goalert.manifest import build as goalert
from connectors.roster_grafana.manifest import build as grafana
from connectors.roster_ical.manifest import build as ical
from connectors.roster_pagerduty.manifest import build as pagerduty
from domain.errors import InvalidPayloadError
from domain.rosters.imported import Imported
from domain.rosters.people import Person
from domain.values import Json
from infra.settings import bare_environment

SECONDS = 40.0
_MEMORY = 1_500_000_000  # bytes of address space
_SOURCES: dict[str, Callable[[dict[str, Json]], RosterSource]] = {
    "csv": csv_roster,
    "goalert": goalert,
    "grafana": grafana,
    "ical": ical,
    "pagerduty": pagerduty,
}


def source(format: str, settings: dict[str, Json]) -> RosterSource:
    """The reader of this export."""
    return _SOURCES[format](settings)


def window(now: datetime) -> datetime:
    """From when on a calendar is read: a Monday, so that the same calendar is the same for a week; what runs now began
    after it."""
    day = now - timedelta(days=7 + now.weekday())
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


async def read_apart(
    format: str, settings: dict[str, Json], data: bytes, people: Sequence[Person], seconds: float = SECONDS
) -> Imported:
    """What the export says, read by a child. Raises InvalidPayloadError."""
    told = {"format": format, "settings": settings, "people": [one.model_dump(mode="json") for one in people]}
    head = json.dumps(told, default=str).encode()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "infra.commands.roster_sources"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=bare_environment(),
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await child.communicate(head + b"\n" + data)
    except TimeoutError:
        raise InvalidPayloadError(f"It can't be read within {seconds:g} s: does an event repeat without end?") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _answer(out if child.returncode == 0 else b"")


def _answer(out: bytes) -> Imported:
    if not out:
        raise InvalidPayloadError("It can't be read: it is no export of the kind that it is said to be.")
    answer = json.loads(out)
    if "error" in answer:
        raise InvalidPayloadError(answer["error"])
    return TypeAdapter(Imported).validate_python(answer)


def main() -> None:
    """The child: one line of JSON, then the export; out comes one JSON object. It ends with an error where the reader
    has no words for what is wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    told = json.loads(sys.stdin.buffer.readline())
    people = [Person.model_validate(one) for one in told["people"]]
    try:
        found = source(told["format"], told["settings"]).read(sys.stdin.buffer.read(), people)
    except InvalidPayloadError as error:
        json.dump({"error": error.message}, sys.stdout)  # the detail may quote a page that quotes the secret address
        return
    json.dump(TypeAdapter(Imported).dump_python(found, mode="json"), sys.stdout)


if __name__ == "__main__":
    main()
