"""Dead ends: constant conditions, branches and rules that are never reached, an expiry that nobody looks at."""

from authoring.check.looking import PATH, Look, Placed, Proof
from authoring.check.possible import Typed, possible, tree
from domain.language.definition import (
    ApproveStep,
    DecideStep,
    IfStep,
    PostStep,
    RepeatStep,
    SwitchStep,
    WaitStep,
    step_name,
)
from domain.language.definition_rules import Problem
from domain.typing.tree import Record, Scalar


def flow(look: Look) -> Proof:
    """Everything of this module."""
    yield from _opening(look)
    for placed in look.steps:
        yield from _own_condition(look, placed)
        yield from _branches(look, placed)
        if isinstance(placed.step, DecideStep):
            yield from _table(look, placed)
        elif isinstance(placed.step, PostStep):
            yield from _never_posted(look, placed)
        elif isinstance(placed.step, ApproveStep):
            yield from _expires_unseen(look, placed)


def _opening(look: Look) -> Proof:
    opens, closes = look.definition.opens, look.definition.closes
    if opens and look.outcome(opens.when, look.scopes.opening).never:
        yield Problem(("opens", "when"), "this never holds: no signal ever opens an exception", "mos.flow.never_opens")
    if closes.when and look.outcome(closes.when, look.scopes.whole).always:
        message = "this always holds: every exception ends at once, no step is reached"
        yield Problem(("closes", "when"), message, "mos.flow.closes_at_once")


def _own_condition(look: Look, placed: Placed) -> Proof:
    step = placed.step
    if step.only_if:
        found = look.outcome(step.only_if, look.scopes.around(placed.path))
        if found.never:
            yield _warn(placed, "only_if", f"this never holds: '{placed.name}' is never run", "mos.flow.dead")
        elif found.always:
            yield _warn(placed, "only_if", "this always holds: leave it out", "mos.flow.constant")
    if isinstance(step, WaitStep | RepeatStep) and step.until:
        found = look.outcome(step.until, look.scopes.at(placed.path))
        if found.never:
            most = "at_most" if isinstance(step, RepeatStep) else "within"
            yield _warn(placed, "until", f"this never holds: only '{most}' ends it", "mos.flow.constant")
        elif found.always:
            again = "it is run once" if isinstance(step, RepeatStep) else "nothing is waited for"
            yield _warn(placed, "until", f"this always holds: {again}", "mos.flow.constant")


def _branches(look: Look, placed: Placed) -> Proof:
    step = placed.step
    if isinstance(step, IfStep):
        found = look.outcome(step.if_, look.scopes.at(placed.path))
        if found.never:
            yield _warn(placed, "if", "this never holds: 'then' is never run", "mos.flow.dead")
        elif found.always:
            told = "this always holds: 'else' is never run" if step.else_ else "this always holds: leave the 'if' out"
            yield _warn(placed, "if", told, "mos.flow.dead" if step.else_ else "mos.flow.constant")
    elif isinstance(step, SwitchStep):
        values = look.outcome(step.switch, look.scopes.at(placed.path)).values
        if values is None:
            return
        named = {str(value).lower() if isinstance(value, bool) else str(value) for value in values}
        for name in step.cases:
            if name not in named:
                message = f"'{step.switch}' is never '{name}': it is one of {', '.join(sorted(named))}"
                yield Problem((*placed.at, "cases", name), message, "mos.flow.dead", "warning")
        if step.else_ and named <= set(step.cases):
            yield _warn(placed, "else", "every value has a case of its own: 'else' is never run", "mos.flow.dead")


def _table(look: Look, placed: Placed) -> Proof:
    """Hit policy `first`: what stands behind a rule that always holds is never reached."""
    step, scope = placed.step, look.scopes.at(placed.path)
    always, seen = 0, dict[str, int]()
    for number, rule in enumerate(step.table(), 1):
        where = "csv" if step.csv else "rules"
        at = (*placed.at, where) if step.csv else (*placed.at, where, number - 1)
        found = look.outcome(rule.when, scope)
        if step.hit == "first" and (always or rule.when in seen):
            before = always or seen[rule.when]
            why = "always holds" if always else "asks the same"
            message = f"rule {number} is never reached: rule {before} before it {why}"
            yield Problem(at, message, "mos.flow.shadowed", "warning", "put the narrower rule first")
        elif found.never:
            yield Problem(at, f"rule {number} never holds", "mos.flow.dead", "warning")
        seen.setdefault(rule.when, number)
        always = always or (number if found.always else 0)
    if always and step.hit == "first" and step.otherwise:
        yield _warn(placed, "otherwise", f"never used: rule {always} always holds", "mos.flow.shadowed")


def _never_posted(look: Look, placed: Placed) -> Proof:
    """The conditions around it tell what the decision was: not an approval."""
    step: PostStep = placed.step
    decision = look.scopes.around(placed.path).fields.get(step.decision)
    verdict = decision.type.fields.get("verdict") if decision and isinstance(decision.type, Record) else None
    values = verdict.type.values if verdict and isinstance(verdict.type, Scalar) else ()
    if values and "approved" not in values:
        told = " or ".join(values)
        message = f"never posted: here '{step.decision}' is {told}"
        yield Problem((*placed.at, "decision"), message, "mos.flow.never_posted")


def _expires_unseen(look: Look, placed: Placed) -> Proof:
    step: ApproveStep = placed.step
    if step.on_timeout == "expire" and not any(_notices(look, other, step.approve) for other in look.steps):
        message = f"when nobody decides in time '{step.approve}' is 'expired', and no step looks at that"
        advice = f"add steps for {step.approve}.verdict == 'expired', or on_timeout: escalate"
        if not _read_elsewhere(look, step.approve):
            yield Problem((*placed.at, "on_timeout"), message, "mos.flow.expired", "error", advice)


def _notices(look: Look, placed: Placed, name: str) -> bool:
    """Do other steps follow when this approval has expired?"""
    step = placed.step
    if isinstance(step, IfStep):
        found = _when_expired(look, placed, step.if_, name)
        return (True in found and bool(step.then)) or (False in found and bool(step.else_))
    if isinstance(step, SwitchStep):
        found = _when_expired(look, placed, step.switch, name)
        return bool(found) and (bool(step.else_) or any(value in step.cases for value in found))
    return bool(step.only_if) and True in _when_expired(look, placed, step.only_if, name)


def _when_expired(look: Look, placed: Placed, source: str, name: str) -> frozenset[object]:
    """What the expression may give then; nothing when it does not read the approval."""
    node = tree(source)
    if node is None or not any(path.startswith(f"{name}.") for path in PATH.findall(source)):
        return frozenset()
    gone = frozenset(f"{name}.{part}" for part in ("option", "by", "at", "comment"))
    known = Typed(look.scopes.around(placed.path), {f"{name}.verdict": frozenset({"expired"})}, gone)
    values = possible(node, known).values
    return frozenset({True, False}) if values is None else values


def _read_elsewhere(look: Look, name: str) -> bool:
    """In a text, a table, data: the author knows of it."""
    conditions = {"if", "switch", "only_if"}
    sources = [source.text for source in look.expressions if source.path[-1] not in conditions]
    return any(f"{name}.verdict" in text for text in [*sources, *(source.text for source in look.texts)])


def _warn(placed: Placed, field: str, message: str, code: str) -> Problem:
    return Problem((*placed.at, field), message, code, "warning")


def names_inside(steps: list[Placed], around: Placed) -> frozenset[str]:
    """The names of the steps within a step."""
    inside = (placed for placed in steps if placed.path.startswith(f"{around.path}."))
    return frozenset(step_name(placed.step) for placed in inside) - {""}
