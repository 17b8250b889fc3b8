"""The nearest earlier cases, and what they came to. Pure: the same records always give the same answer.

How alike two exceptions are is the share of the given facts that are the same in both (simple matching over categorical
facts: what can be told apart only by more or less says nothing). Each of the nearest has a vote of that weight.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.history.client import Case
from domain.proposals import Wanted, misfit
from domain.values import Json, canonical, duration

_MEASURED = ("number", "integer", "duration")


@dataclass(frozen=True)
class Vote:
    """What the cases came to: the value, its share of the votes (0 to 1), and how many cases had one."""

    value: Json
    share: float
    cases: int


def alike(given: Mapping[str, Json], case: Case) -> float:
    """0 to 1; what is not known of either says nothing, and counts as another."""
    known = {name: value for name, value in given.items() if value is not None}
    same = sum(name in case.facts and _same(case.facts[name], value) for name, value in known.items())
    return same / len(known) if known else 0.0


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return isinstance(one, bool) == isinstance(other, bool) and canonical(one) == canonical(other)


def nearest(given: Mapping[str, Json], cases: Sequence[Case], least: float, most: int) -> list[tuple[float, Case]]:
    """The most alike first, the newer first among equals."""
    weighed = [(alike(given, case), case) for case in cases]
    return sorted((one for one in weighed if one[0] >= least), key=lambda one: -one[0])[:most]


def vote(name: str, wanted: Wanted, near: Sequence[tuple[float, Case]]) -> Vote | None:
    """What the nearest ended with under this name, as far as it may be answered; None when none of them did."""
    ended = [(weight, case.ended[name]) for weight, case in near if name in case.ended]
    fitting = [(weight, value) for weight, value in ended if not misfit({name: value}, {name: wanted})]
    if not fitting:
        return None
    if wanted.kind in _MEASURED:
        return _middle(fitting, wanted)
    votes: dict[str, float] = defaultdict(float)
    values: dict[str, Json] = {}
    for weight, value in fitting:
        votes[canonical(value)] += weight
        values.setdefault(canonical(value), value)
    best = max(votes, key=lambda key: votes[key])  # the first of equals: the nearest, the newest
    return Vote(values[best], votes[best] / sum(votes.values()), len(fitting))


def _middle(fitting: Sequence[tuple[float, Json]], wanted: Wanted) -> Vote:
    """Of what is measured the (lower) median, and as its share how many lie within a quarter of it."""
    size = (lambda value: duration(value).total_seconds()) if wanted.kind == "duration" else float
    ordered = sorted((value for _, value in fitting), key=size)
    middle = ordered[(len(ordered) - 1) // 2]
    near = [value for value in ordered if abs(size(value) - size(middle)) <= abs(size(middle)) / 4]
    return Vote(middle, len(near) / len(ordered), len(ordered))
