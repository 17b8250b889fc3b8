"""Time: waits that nobody ends, turns that change nothing, deadlines that come too late to matter."""

from datetime import timedelta

from authoring.check.flow import names_inside
from authoring.check.looking import Look, Placed, Proof, words
from authoring.check.possible import roots
from domain.language.definition import ApproveStep, RepeatStep, TaskStep, WaitStep
from domain.language.definition_rules import Problem

_SETTLED = frozenset(
    {"signal", "equipment", "params", "opened_at", "site", "exception"}
)  # never change once it is open
_TASK = timedelta(hours=24)  # a task without `within` (workflows.steps.task)


def waits(look: Look) -> Proof:
    """Everything of this module."""
    for placed in look.steps:
        if isinstance(placed.step, ApproveStep):
            yield from _nobody_else(look, placed)
        if isinstance(placed.step, RepeatStep):
            yield from _no_progress(look, placed)
        if isinstance(placed.step, TaskStep | ApproveStep | WaitStep):
            yield from _too_late(look, placed)
        if isinstance(placed.step, TaskStep | ApproveStep):
            yield from _rungs(look, placed)


def _nobody_else(look: Look, placed: Placed) -> Proof:
    step: ApproveStep = placed.step
    if step.on_timeout == "escalate" and not step.ladder:
        limit = look.span(look.definition.closes.within)
        told = f" until the exception expires after {words(limit)}" if limit else " until the exception expires"
        message = f"'{step.approve}' escalates to nobody: after '{step.within}' it waits on{told}"
        advice = "name others in 'ladder', or handle on_timeout: expire"
        yield Problem((*placed.at, "within"), message, "mos.wait.unbounded", "warning", advice)


def _no_progress(look: Look, placed: Placed) -> Proof:
    """The condition must be able to change while it is repeated."""
    step: RepeatStep = placed.step
    read = roots(step.until)
    inside = [other for other in look.steps if other.path.startswith(f"{placed.path}.do.")]
    fresh = {query for other in inside for query in other.step.refresh} | names_inside(look.steps, placed) | {"machine"}
    beside = any(isinstance(part, str) and part == "parallel" for part in placed.at)  # others may run meanwhile
    settled = read & (_SETTLED | set(look.definition.context)) if beside else read
    if read and not read & fresh and settled == read:
        message = f"nothing that '{step.until}' reads changes from turn to turn: only 'at_most' ends it"
        advice = "read a result of a step inside, or let a step inside 'refresh' the query"
        yield Problem((*placed.at, "until"), message, "mos.wait.no_progress", "warning", advice)
    pause = look.span(step.every)
    waiting = any(isinstance(other.step, TaskStep | ApproveStep | WaitStep) for other in inside)
    if pause == timedelta() and not waiting:
        message = f"up to {step.at_most} turns at once: nothing inside waits"
        yield Problem(placed.at, message, "mos.wait.spins", "warning", "give it a pause with 'every'")


def _too_late(look: Look, placed: Placed) -> Proof:
    """The whole exception ends before this may."""
    own, limit = look.span(placed.step.within or ""), look.span(look.definition.closes.within)
    if own and limit and own > limit:
        message = f"the exception expires after {words(limit)}: these {words(own)} never pass"
        advice = "raise 'closes: {within: ..}', or shorten this"
        yield Problem((*placed.at, "within"), message, "mos.wait.too_late", "warning", advice)


def _rungs(look: Look, placed: Placed) -> Proof:
    """A task ends at `within`: a rung after that is never climbed. (An approval climbs the rest when it is overdue.)"""
    step = placed.step
    ends = isinstance(step, TaskStep) or step.on_timeout == "expire"
    own = look.span(step.within) if step.within else _TASK
    for index, rung in enumerate(step.ladder):
        after = look.span(rung.after)
        if ends and own and after and after >= own:
            message = f"never climbed: '{placed.name}' ends after {words(own)}, this comes after {words(after)}"
            yield Problem((*placed.at, "ladder", index), message, "mos.flow.dead", "warning")
