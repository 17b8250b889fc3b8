"""What would be posted if an option were approved: the postings that rest on the decision and whose values are known
already. Pure, and without effects: it only reads the definition and what the exception knows."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from activities.contracts.model import Draft
from domain.asking.tasks import LiveTask
from domain.books.outcome_rules import impact_of_all
from domain.books.outcomes import Outcome
from domain.errors import MosError
from domain.language import expressions
from domain.language.definition import ApproveStep, IfStep, NotifyStep, ParallelStep, PostStep, SwitchStep
from domain.values import Json, canonical

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_OUTCOMES: TypeAdapter[list[Outcome]] = TypeAdapter(list[Outcome])
_MOST = 24_000  # characters of all drafts of a task: what is larger is looked at in the ledger


class _Unforeseen(Exception):
    """From here on it depends on what nobody knows yet."""


@dataclass
class Foreseen:
    """The postings of one option as they were foreseen at a moment, and are they all? `moved`: what they move, once it
    was asked. Holds for as long as the scope holds the very same values."""

    at: datetime
    option: Json
    scope: dict[str, Json]
    drafts: list[Draft] = field(default_factory=list)
    complete: bool = False
    moved: dict[str, Json] | None = None

    def holds(self, at: datetime, option: Json, scope: dict[str, Json]) -> bool:
        """Values are replaced, never changed in place; so looking at which they are is enough, and cheap."""
        same = self.at == at and self.option is option and self.scope.keys() == scope.keys()
        return same and all(map(operator.is_, self.scope.values(), scope.values()))


def drafts(engine: Interpreter, task: LiveTask) -> list[Draft]:
    """By option, in the order of the definition. Without those that other people or later facts come before."""
    if not isinstance(task.step, ApproveStep) or task.finished:
        return []
    found = [draft for name in task.offered for draft in _foreseen(engine, task, name).drafts]
    return found if len(canonical([one.outcomes for one in found])) <= _MOST else []


def moves(engine: Interpreter, task: LiveTask, option: str) -> dict[str, Json]:
    """What approving this option moves, by what its postings declare: the figures that are known, and nothing as long
    as not every posting that follows is foreseen."""
    known = _foreseen(engine, task, option)
    if known.moved is None:
        known.moved = _moved(known.drafts) if known.complete else {}
    return dict(known.moved)


def _moved(found: Sequence[Draft]) -> dict[str, Json]:
    if not found:
        return {}
    try:
        outcomes = [_OUTCOMES.validate_python(one.outcomes) for one in found]
    except ValidationError:
        return {}
    impact = impact_of_all([outcome for some in outcomes for outcome in some])
    return {name: figure for name, figure in impact.model_dump(mode="json").items() if figure is not None}


def _foreseen(engine: Interpreter, task: LiveTask, name: str) -> Foreseen:
    """The postings of one option. Who is asked reads them, who may decide depends on them, and so on: worked out once
    for the same facts at the same moment."""
    at, option, scope = engine.runtime.now(), task.offered[name], engine.frame_of(task.path).scope
    known = engine.foreseen.get((task.path, name))
    if known is not None and known.holds(at, option, scope):
        return known
    decided: dict[str, Json] = {"verdict": "approved", "option": option, "by": "", "comment": ""}
    decided["at"] = at.isoformat()
    found = Foreseen(at, option, scope, *_after(engine, task, name, scope | {task.name: decided}))
    engine.foreseen[task.path, name] = found
    return found


def _after(engine: Interpreter, task: LiveTask, option: str, scope: dict[str, Json]) -> tuple[list[Draft], bool]:
    found: list[Draft] = []
    try:
        for step in _following(engine, task.path):
            for post in _posts(step, scope):
                if post.decision == task.name:
                    outcomes = [{"kind": kind, **expressions.resolve(values, scope)} for kind, values in _pairs(post)]
                    found.append(Draft(option=option, step=post.post, system=post.to.value, outcomes=outcomes))
    except (_Unforeseen, MosError):
        return found, False
    return found, True


def _pairs(post: PostStep) -> Iterator[tuple[str, dict[str, Json]]]:
    for item in post.outcomes:
        yield from item.items()


def _following(engine: Interpreter, path: str) -> Iterator[object]:
    """The steps after this one in its sequence, then those after the step around it; not beyond a loop or a call."""
    while path:
        head, dot, index = path.rpartition(".")
        number = int(index) + 1
        while (step := engine.step_or_none(f"{head}{dot}{number}")) is not None:
            yield step
            number += 1
        outer, _, label = head.rpartition(".")
        if label.startswith("do[") or label in ("call", "undo"):
            raise _Unforeseen
        path = outer


def _posts(step: object, scope: dict[str, Json]) -> Iterator[PostStep]:
    """The postings of this step, as far as the way to them is known. Raises what makes it unknown."""
    if getattr(step, "only_if", "") and not expressions.holds(step.only_if, scope):  # type: ignore[attr-defined]
        return
    if isinstance(step, PostStep):
        yield step
    elif isinstance(step, IfStep):
        yield from _all(step.then if expressions.holds(step.if_, scope) else step.else_, scope)
    elif isinstance(step, SwitchStep):
        yield from _all(step.cases.get(str(expressions.evaluate(step.switch, scope)), step.else_), scope)
    elif isinstance(step, ParallelStep):
        for branch in step.parallel.values():
            yield from _all(branch, scope)
    elif not isinstance(step, NotifyStep):
        raise _Unforeseen


def _all(steps: Sequence[object], scope: dict[str, Json]) -> Iterator[PostStep]:
    for step in steps:
        yield from _posts(step, scope)
