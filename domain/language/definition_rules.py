"""What must hold in a definition beyond its shape: names, expressions, texts, authorities, bounds."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from domain.language import expressions
from domain.language.definition import (
    AgentStep,
    ApproveStep,
    CallStep,
    DecideStep,
    Definition,
    ForEachStep,
    IfStep,
    NotifyStep,
    PostStep,
    RepeatStep,
    SwitchStep,
    TaskStep,
    WaitStep,
    document_path,
    step_name,
    walk,
)
from domain.language.provenance import provenance
from domain.language.steps import Step, children
from domain.language.texts import each
from domain.rosters.contacts import Priority
from domain.values import Json

WORLD_NAMES = frozenset({"signal", "equipment", "exception", "opened_at", "machine", "site"})
BUILT_IN_NAMES = WORLD_NAMES | {"params"}
_INNER = {"parallel", "then", "else", "cases", "do", "undo", "instead"}
MOST_TURNS = 10_000  # of all loops around a step together

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong at a path of the document; `severity` is error, warning or note; `suggestion`: what to do, as far
    as the message does not say it. `inside`: line and column (from 1) within the text `of` which it is said."""

    path: Path
    message: str
    code: str
    severity: str = "error"
    suggestion: str = ""
    inside: tuple[int, int] | None = None
    of: str = ""


@dataclass(frozen=True)
class Source:
    """An authored expression or text, and where it stands."""

    path: Path
    text: str


def problems(definition: Definition) -> Iterator[Problem]:
    """Everything wrong in a definition of the right shape, but for names and types (`domain.typing.definitions`)."""
    yield from _names(definition)
    yield from _authorities(definition)
    yield from _references(definition)
    yield from _loops(definition.steps, definition, "", 1)
    yield from _too_far(definition)


def conditions(definition: Definition) -> Iterator[Source]:
    """Every CEL expression of the definition."""
    if definition.opens:
        yield Source(("opens", "when"), definition.opens.when)
        yield from _in_data(("opens", "settle"), definition.opens.settle)
        for index, key in enumerate(definition.opens.one_per):
            yield Source(("opens", "one_per", index), key)
        for index, under in enumerate(definition.opens.under):
            yield Source(("opens", "under", index, "key"), under.key)
    if definition.opens and expressions.is_expression(definition.opens.priority):
        yield Source(("opens", "priority"), definition.opens.priority)
    if definition.closes.when:
        yield Source(("closes", "when"), definition.closes.when)
    for field in ("off_delay", "within"):
        yield from _in_data(("closes", field), getattr(definition.closes, field))
    for name, query in definition.context.items():
        yield from _in_data(("context", name, "where"), query.where)
        yield from _in_data(("context", name, "within"), query.within)
    for name, value in definition.gives.items():
        yield from _in_data(("gives", name), value)
    for path, step in walk(definition.steps):
        yield from _of_step(document_path(definition, path), step)


def _in_data(path: Path, value: Json) -> Iterator[Source]:
    yield from (Source(path, text) for text in expressions.expressions_in(value))


def _of_step(at: Path, step: Step) -> Iterator[Source]:
    if step.only_if:
        yield Source((*at, "only_if"), step.only_if)
    if isinstance(step, IfStep):
        yield Source((*at, "if"), step.if_)
    elif isinstance(step, SwitchStep):
        yield Source((*at, "switch"), step.switch)
    elif isinstance(step, RepeatStep):
        yield Source((*at, "until"), step.until)
    elif isinstance(step, WaitStep):
        yield from [Source((*at, "until"), step.until)] if step.until else []
        yield from [Source((*at, "signal", "when"), step.signal.when)] if step.signal else []
    elif isinstance(step, DecideStep):
        for index, rule in enumerate(step.table()):
            yield Source((*at, "rules", index, "when") if step.rules else (*at, "csv"), rule.when)
    dumped = step.model_dump(mode="json", by_alias=True, exclude=_INNER | {"then", "else_"})
    for field, value in dumped.items():
        if field not in ("if", "switch", "until", "only_if", "signal", "csv", "title", "text", "facts", "goal"):
            yield from _in_data((*at, field), value)


def texts(definition: Definition) -> Iterator[Source]:
    """Every Jinja text of the definition."""
    yield from (Source(("title", *at), said) for at, said in each(definition.title))
    for path, step in walk(definition.steps):
        if isinstance(step, TaskStep | NotifyStep | ApproveStep):
            at = document_path(definition, path)
            yield from (Source((*at, *inside), text) for inside, text in step.texts())
        elif isinstance(step, AgentStep):
            yield Source((*document_path(definition, path), "goal"), step.goal)


def _names(definition: Definition) -> Iterator[Problem]:
    """A name means one thing."""
    taken = dict.fromkeys(BUILT_IN_NAMES | {"loop"}, "mos's own") | dict.fromkeys(definition.context, "a context query")
    for path, step in walk(definition.steps):
        at = document_path(definition, path)
        name = step_name(step)
        if name in taken:
            yield Problem(at, f"'{name}' is {taken[name]} already: give this step another name", "mos.definition.name")
        taken |= {name: "another step"} if name else {}
        if isinstance(step, ForEachStep) and step.each in taken:
            message = f"'{step.each}' is {taken[step.each]} already: name the element otherwise"
            yield Problem((*at, "each"), message, "mos.definition.name")
    for name in definition.context:
        if name in BUILT_IN_NAMES:
            yield Problem(("context", name), f"'{name}' is mos's own: choose another name", "mos.definition.name")


def _authorities(definition: Definition) -> Iterator[Problem]:
    standing = set(definition.standing_authority.outcomes) if definition.standing_authority else set()
    askings = [step for _, step in walk(definition.steps) if isinstance(step, ApproveStep | TaskStep)]
    decisions = {step_name(step): step.authority for step in askings}
    for path, step in walk(definition.steps):
        if not isinstance(step, PostStep):
            continue
        at = document_path(definition, path)
        kinds = {kind for outcome in step.outcomes for kind in outcome}
        if step.standing and not kinds <= standing:
            beyond = ", ".join(sorted(kinds - standing))
            yield Problem(at, f"standing_authority does not cover {beyond}", "mos.definition.authority")
        elif not step.standing and step.decision not in decisions:
            message = "a post needs 'decision: <approve or task step>' or 'standing: true'"
            if step.decision:
                message = _with_hint(f"'{step.decision}' is no approval or task here; {message}", frozenset(decisions))
            yield Problem(at, message, "mos.definition.authority")
        elif not step.standing and not decisions[step.decision]:
            message = f"'{step.decision}' is done under no authority: give that task an 'authority'"
            yield Problem((*at, "decision"), message, "mos.definition.authority")


def _references(definition: Definition) -> Iterator[Problem]:
    names = {step_name(step) for _, step in walk(definition.steps) if isinstance(step, ApproveStep | TaskStep)}
    if definition.opens is None and not definition.gives and not definition.steps:
        yield Problem((), "without 'opens' it can only be called", "mos.definition.opens")
    yield from _priority(definition)
    for path, step in walk(definition.steps):
        at = document_path(definition, path)
        for query in step.refresh:
            if query not in definition.context:
                message = _with_hint(f"'{query}' is no context query", frozenset(definition.context))
                yield Problem((*at, "refresh"), message, "mos.definition.reference")
        for other in getattr(step, "not_by", []):
            if other not in names:
                yield Problem((*at, "not_by"), f"'{other}' is no task or approval here", "mos.definition.reference")
        if isinstance(step, SwitchStep) and "else" in step.cases:
            yield Problem((*at, "cases"), "a case can't be named 'else': use the field", "mos.definition.reference")
        if isinstance(step, CallStep) and step.definition == definition.definition:
            yield Problem((*at, "definition"), "a definition can't call itself", "mos.definition.cycle")


def _priority(definition: Definition) -> Iterator[Problem]:
    """A warning only: versions that are published already say what they say, and intake takes `medium` then."""
    found = definition.opens.priority if definition.opens else ""
    if found and not expressions.is_expression(found) and found not in get_args(Priority):
        message = f"'{found}' is no priority: {', '.join(get_args(Priority))}; it counts as medium"
        yield Problem(("opens", "priority"), message, "mos.definition.value", "warning")


def _loops(steps: list[Any], definition: Definition, prefix: str, turns: int) -> Iterator[Problem]:
    """Loops within loops multiply."""
    for index, step in enumerate(steps):
        path = f"{prefix}{index}"
        for label, _, inner in children(step):
            own = turns * step.at_most if isinstance(step, ForEachStep | RepeatStep) and label == "do" else turns
            if own > MOST_TURNS >= turns:
                message = f"up to {own} turns with the loops around it: at most {MOST_TURNS}, lower 'at_most'"
                yield Problem(document_path(definition, path), message, "mos.definition.loops")
            yield from _loops(inner, definition, f"{path}.{label}.", own)


def _too_far(definition: Definition) -> Iterator[Problem]:
    """What an agent proposes decides nothing. Within a called definition it is told at the call."""
    for found in provenance(definition).too_far:
        own, _, called = found.path.partition(".call.")
        at = document_path(definition, own) if own else ()
        path = ("closes", "when") if not own else at if called else (*at, found.field)
        advice = "let an 'approve', or a 'task' under an authority, show it and decide"
        yield Problem(path, found.message, found.code, suggestion=advice)


def _with_hint(message: str, names: frozenset[str]) -> str:
    quoted = message.split("'")
    root = quoted[1].split(".")[0] if len(quoted) > 1 else ""
    near = difflib.get_close_matches(root, sorted(names), n=1)
    return f"{message}; did you mean '{near[0]}'?" if near else message
