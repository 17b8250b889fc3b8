"""Events as entries of a schedule: an event's people are its attendees, else those whom its summary names. Pure."""

import re

from connectors.roster_ical.client import Found, Occurrence
from connectors.roster_ical.config import IcalConfig
from domain.rosters.imported import Directory, Imported, slug
from domain.rosters.model import Entry, Schedule

ENTRIES = 5000
_BETWEEN = re.compile(r"\s*(?:[,;&|/+:()\[\]]|\s[-–]\s|\band\b)\s*")


def read(found: Found, config: IcalConfig, directory: Directory) -> Imported:
    """One schedule. Events that name nobody here are a problem, told once for each summary."""
    imported, entries = Imported(), list[Entry]()
    strangers: dict[str, int] = {}
    for one in found.occurrences:
        people = _people(one, directory)
        if not people:
            strangers[one.summary] = strangers.get(one.summary, 0) + 1
        elif one.begins < one.ends:
            entries.append(Entry(begins=one.begins, ends=one.ends, people=people))
    imported.problems += [
        f"{count} events '{name[:80]}' name nobody on the roster" for name, count in strangers.items()
    ]
    if found.cut:
        imported.problems.append(f"more than {ENTRIES} events: take over fewer days")
    title = config.title or found.title or config.schedule or "Calendar"
    zone, name = config.timezone or found.zone, config.schedule or slug(title)
    imported.schedules.append(Schedule(id=name, title=title[:120], timezone=zone, entries=entries))
    return imported


def _people(one: Occurrence, directory: Directory) -> list[str]:
    known = [person for mail in one.mails if (person := directory.find(mail))]
    if not known:
        words = [one.summary, *_BETWEEN.split(one.summary)]
        known = [person for word in words if (person := directory.find(word.strip()))]
    return list(dict.fromkeys(known))
