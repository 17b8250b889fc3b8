"""Do two runs of a scenario tell the same story?"""

from collections import defaultdict
from datetime import datetime, timedelta

from activities.contracts.story import Entry
from authoring.scenarios.playing import offset
from authoring.simulator.effects import Story

Key = tuple[str, str, str, str]


def differences(one: Story, other: Story, start: datetime, within: timedelta) -> list[str]:
    """What one story has and the other has not, or at another time (further apart than `within`): kinds of entries,
    steps, people, what they did, the ending, pages and postings. Empty = the same story."""
    found = _times(_entries(one), _entries(other), start, within)
    found += _times(_pages(one), _pages(other), start, within)
    found += _times(_postings(one), _postings(other), start, within)
    if one.ending != other.ending:
        found.append(f"ends {one.ending}, not {other.ending}")
    return found


Times = dict[Key, list[datetime]]


def _entries(story: Story) -> Times:
    found: Times = defaultdict(list)
    for entry in story.entries:
        found[entry.kind, entry.step, entry.person or "", _said(entry)].append(entry.at)
    return found


def _said(entry: Entry) -> str:
    data = entry.data
    who = ",".join(data.get("people", []))
    return " ".join(str(data[name]) for name in ("verb", "code", "met", "rung", "ending", "why") if name in data) + who


def _pages(story: Story) -> Times:
    found: Times = defaultdict(list)
    for page in story.pages:
        found["page", page.task, page.person, f"{page.kind} rung {page.rung} {page.trouble}"].append(page.at)
    return found


def _postings(story: Story) -> Times:
    found: Times = defaultdict(list)
    for posting in story.postings:
        outcomes = ",".join(outcome.kind for outcome in posting.transaction.outcomes)
        found["posting", posting.step, "", f"{posting.status} {outcomes}"].append(posting.at)
    return found


def _times(one: Times, other: Times, start: datetime, within: timedelta) -> list[str]:
    found = []
    for key in sorted({*one, *other}):
        first, second = sorted(one.get(key, [])), sorted(other.get(key, []))
        label = " ".join(part for part in key if part)
        if len(first) != len(second):
            found.append(f"{label}: {_at(first, start)}, not {_at(second, start)}")
        elif any(abs(a - b) > within for a, b in zip(first, second, strict=True)):
            found.append(f"{label}: at {_at(first, start)}, not at {_at(second, start)}")
    return found


def _at(moments: list[datetime], start: datetime) -> str:
    return ", ".join(offset(moment, start) for moment in moments) or "never"
