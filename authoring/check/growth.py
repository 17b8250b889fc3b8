"""How big an exception can grow: the turns of its loops, the events of its history, and the state that it carries over.

Temporal refuses a payload over 2 MB and a history over 51,200 events (docs.temporal.io, cloud and self-hosted limits).
The engine renews itself long before (continue-as-new), so its history is no wall; what it carries over is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from authoring.check.looking import Look, Proof
from authoring.check.samples import size
from domain.language.definition import (
    AgentStep,
    ApproveStep,
    Definition,
    ForEachStep,
    NotifyStep,
    PostStep,
    ProposeStep,
    RepeatStep,
    TaskStep,
)
from domain.language.definition_rules import Path, Problem
from domain.language.steps import children
from domain.typing.tree import ListOf, Record
from domain.values import canonical

PAYLOAD = 2 * 1024 * 1024
HISTORY = 51_200
_MANY = 50  # elements of a list that a system answers
_OWN, _TASK, _STEP = 20_000, 2_500, 200  # characters of the state itself, of one task, of one step's cell
_TURN = 2 * 4  # events of a timer and of the workflow tasks around it


@dataclass
class Estimate:
    """At most so many turns, history events in all, and characters of saved state."""

    turns: int = 1
    events: int = 0
    state: int = _OWN


def growth(look: Look) -> Proof:
    """Too much state is an error, a history that needs many renewals a warning."""
    found = estimate(look)
    at: Path = ("steps",)
    if found.state > PAYLOAD // 2:
        severity = "error" if found.state > PAYLOAD else "warning"
        message = f"the state that is carried over may reach {found.state / 2**20:.1f} MB, Temporal takes 2 MB"
        advice = "lower 'at_most', ask for less in 'context', or hand the elements to fewer steps"
        yield Problem(at, message, "mos.growth.state", severity, advice)
    if found.events > HISTORY:
        renewals = found.events // 20_000
        message = f"up to {found.turns} turns and {found.events} history events: it renews itself {renewals} times"
        yield Problem(at, message, "mos.growth.history", "warning", "lower 'at_most' of the loops")


def estimate(look: Look) -> Estimate:
    """The upper bound: every branch is taken, every loop runs to its end, every rung is climbed."""
    found = Estimate()
    whole = look.scopes.whole
    found.state += sum(size(part.type, _MANY) for part in whole.fields.values() if not isinstance(part.type, ListOf))
    found.state += sum(_list(look, name, whole) for name, part in whole.fields.items() if isinstance(part.type, ListOf))
    _add(look.definition, look.definition.steps, 1, found)
    return found


def _list(look: Look, name: str, scope: Record) -> int:
    """A loop's results have as many elements as its turns."""
    loops = {placed.name: placed.step.at_most for placed in look.steps if isinstance(placed.step, ForEachStep)}
    return size(scope.fields[name].type, loops.get(name, _MANY))


def _add(definition: Definition, steps: Sequence[Any], turns: int, found: Estimate) -> None:
    for step in steps:
        found.events += turns * _events(step)
        found.state += turns * _TASK if isinstance(step, TaskStep | ApproveStep) else _STEP
        called = definition.bundled.get(getattr(step, "definition", ""))
        if called is not None:
            found.state += len(canonical(called.content()))
            _add(called, called.steps, turns, found)
        for label, _, inner in children(step):
            loops = isinstance(step, ForEachStep | RepeatStep) and label == "do"
            own = turns * step.at_most if loops else turns
            found.turns = max(found.turns, own)
            _add(definition, inner, own, found)


def _events(step: Any) -> int:
    """Each effect is a marker or an activity with the workflow tasks around it; each answer an Update."""
    if isinstance(step, TaskStep | ApproveStep):
        return (4 + len(step.ladder)) * 4 + 3 * 5 + _TURN
    if isinstance(step, PostStep):
        return 3 + _TURN
    return 4 if isinstance(step, NotifyStep) else 6 if isinstance(step, ProposeStep | AgentStep) else 2
