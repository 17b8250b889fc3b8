"""The difference report: two sides of the same signals, as plain JSON. What it means is said by the templates."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median_low
from zoneinfo import ZoneInfo

from authoring.replay.answering import Model
from authoring.replay.load import AN_HOUR, IN_TEN_MINUTES, Load, loads
from authoring.replay.model import Case, Place, Recording
from authoring.replay.running import Side
from domain.values import Json, iso

_SHOWN = 50  # exceptions that only one side has
_NO_LOAD = Load(0, 0, 0.0, 0, 0, 0, 0)


@dataclass(frozen=True)
class About:
    """What is compared. `at`: when the report was made. `before` may have nothing: then there is only `after`."""

    definition: str
    at: datetime
    model: Model
    changes: Sequence[str] = ()


def report(before: Side | None, after: Side, recording: Recording, place: Place, about: About) -> dict[str, Json]:
    """Everything that differs, and how it was found."""
    sides = {"before": before, "after": after} if before else {"after": after}
    cases = {name: side.cases for name, side in sides.items()}
    zone = ZoneInfo(place.site.timezone)
    return {
        "definition": about.definition,
        "made_at": iso(about.at),
        "since": iso(recording.since),
        "until": iso(recording.until),
        "timezone": place.site.timezone,
        "source": recording.source,
        "signals": len(recording.signals),
        "left_out": dict(recording.left_out),
        "changes": list(about.changes),
        "sides": {name: _side(side) for name, side in sides.items()},
        "exceptions": _exceptions(cases, zone),
        "first_page": {name: _first_page(own) for name, own in cases.items()},
        "pages_by_hour": _by_hour(cases, zone),
        "people": _people(cases, place),
        "pages_by_task": _rows(cases, lambda case: [(page.task, page.kind) for page in case.pages], ("task", "kind")),
        "decisions": _rows(cases, _decisions, ("task", "verdict", "option")),
        "postings": _rows(cases, _postings, ("system", "outcomes", "status")),
        "endings": _rows(cases, lambda case: [(case.ending,)], ("ending",)),
        "budget": {"an_hour": AN_HOUR, "in_ten_minutes": IN_TEN_MINUTES},
        "model": _model(about.model),
    }


def _side(side: Side) -> dict[str, Json]:
    many = len(side.cases)
    rate = round(many / side.seconds * 60) if side.simulated and side.seconds else None
    return {
        "label": side.label,
        "simulated": side.simulated,
        "exceptions": many,
        "pages": sum(len(case.pages) for case in side.cases),
        "decisions": sum(len(case.decisions) for case in side.cases),
        "postings": sum(len(case.postings) for case in side.cases),
        "answers": dict(Counter(basis for case in side.cases for basis in case.answered)),
        "unplanned": sum(case.unplanned for case in side.cases),
        "problems": dict(Counter(side.problems).most_common(10)),
        "signals_not_looked_at": side.unfinished,
        "seconds": round(side.seconds, 2),
        "processes": side.processes,
        "exceptions_a_minute": rate,
    }


def _model(model: Model) -> dict[str, Json]:
    return {
        "recorded": model.recorded,
        "silent": model.silent,
        "reaction_s": model.reaction.total_seconds(),
        "work_s": model.work.total_seconds(),
    }


def _exceptions(cases: Mapping[str, Sequence[Case]], zone: ZoneInfo) -> dict[str, Json]:
    """Two are the same when a signal belongs to both. What only one side has is listed, the first ones."""
    if "before" not in cases:
        return {"after": len(cases["after"])}
    found: dict[str, Json] = {name: len(own) for name, own in cases.items()}
    for name, other in (("before", "after"), ("after", "before")):
        theirs = {seq for case in cases[other] for seq in case.signals}
        only = [case for case in cases[name] if theirs.isdisjoint(case.signals)]
        found[f"only_{name}"] = len(only)
        found[f"only_{name}_list"] = [_brief(case, zone) for case in only[:_SHOWN]]
    found["both"] = found["after"] - found["only_after"]
    return found


def _brief(case: Case, zone: ZoneInfo) -> dict[str, Json]:
    lasted = (case.closed_at - case.opened_at).total_seconds() if case.closed_at else None
    return {
        "key": case.key,
        "opened_at": iso(case.opened_at),
        "local": f"{case.opened_at.astimezone(zone):%Y-%m-%d %H:%M}",
        "equipment": case.equipment,
        "ending": case.ending,
        "lasted_s": lasted,
        "pages": len(case.pages),
        "record": case.record,
    }


def _first_page(cases: Sequence[Case]) -> dict[str, Json]:
    """From the receipt of the signal that opened it to the first message, in seconds."""
    firsts = [min(page.at for page in case.pages) - case.received_at for case in cases if case.pages]
    spans = sorted(max(span, timedelta()).total_seconds() for span in firsts)
    told: dict[str, Json] = {"exceptions": len(spans), "nobody": len(cases) - len(spans)}
    if spans:
        rank = -(-len(spans) * 95 // 100) - 1
        told |= {"median_s": median_low(spans), "p95_s": spans[rank], "most_s": spans[-1]}
    return told


def _by_hour(cases: Mapping[str, Sequence[Case]], zone: ZoneInfo) -> list[dict[str, Json]]:
    """By the hour of the day at the site."""
    counts = {
        name: Counter(page.at.astimezone(zone).hour for case in own for page in case.pages)
        for name, own in cases.items()
    }
    return [{"hour": hour, **{name: count[hour] for name, count in counts.items()}} for hour in range(24)]


def _people(cases: Mapping[str, Sequence[Case]], place: Place) -> list[dict[str, Json]]:
    """Load of each person, the most called first; with how many more or fewer messages."""
    found = {name: loads(own) for name, own in cases.items()}
    names = {person.id: person for person in place.roster.people}
    rows = []
    for person in {person for own in found.values() for person in own}:
        sides = {name: own.get(person, _NO_LOAD) for name, own in found.items()}
        row: dict[str, Json] = {"person": person, "name": names[person].name if person in names else person}
        row["roles"] = names[person].roles if person in names else []
        row |= {name: _rounded(load) for name, load in sides.items()}
        if "before" in sides:
            row["difference"] = sides["after"].pages - sides["before"].pages
        rows.append(row)
    return sorted(rows, key=lambda row: (-row["after"]["pages"], row["person"]))


def _rounded(load: Load) -> dict[str, Json]:
    return {**asdict(load), "average": round(load.average, 2), "over": load.over}


def _decisions(case: Case) -> list[tuple[str, ...]]:
    return [(made.task, made.verdict, made.option) for made in case.decisions]


def _postings(case: Case) -> list[tuple[str, ...]]:
    return [(posted.system, posted.outcomes, posted.status) for posted in case.postings]


def _rows(
    cases: Mapping[str, Sequence[Case]], of: Callable[[Case], Iterable[tuple[str, ...]]], names: tuple[str, ...]
) -> list[dict[str, Json]]:
    """How often each of these was there, on each side; what differs most comes first."""
    counts = {name: Counter(what for case in own for what in of(case)) for name, own in cases.items()}
    every = {what for count in counts.values() for what in count}
    rows = [
        {**dict(zip(names, what, strict=True)), **{name: count[what] for name, count in counts.items()}}
        for what in sorted(every)
    ]
    return sorted(rows, key=lambda row: -abs(row["after"] - row.get("before", 0)))
