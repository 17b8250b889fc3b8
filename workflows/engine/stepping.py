"""Running steps: one after the other, each in its cell; what happens when one fails; taking back what was done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from domain.errors import InvariantError, MosError
from domain.language.parts import StepBase
from domain.language.steps import PostStep, step_kind, step_name
from workflows.engine import gathering
from workflows.engine.frame import Frame, Place
from workflows.engine.runtime import EffectFailedError
from workflows.engine.trouble import tell_owner

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_MISFITS = (EffectFailedError, MosError, ValueError, TypeError, KeyError)
"""What a step fails by: an effect that gave up, or authored values that do not fit. Anything else is a bug."""


async def run_steps(frame: Frame, engine: Interpreter, steps: list[Any], prefix: str) -> None:
    """One after the other; what was done before this run is passed over."""
    for index, step in enumerate(steps):
        place = engine.place(frame, f"{prefix}{index}")
        if not place.cell.over:
            await run_step(place, step)


async def run_step(place: Place, step: StepBase) -> None:
    """A step that fails for good is told; then the next one goes on, or whatever its author wants."""
    engine, cell = place.engine, place.cell
    while not cell.over:
        if cell.status == "failed":
            await _consequences(place, step)
            if step.on_failure == "wait":
                await engine.runtime.wait(lambda: cell.status != "failed", None)
                continue
            return
        try:
            await _once(place, step)
        except _MISFITS as error:
            _failed(place, step, error)
    forget(engine, f"{place.path}.")


async def _once(place: Place, step: StepBase) -> None:
    """The step itself, as a task of its own, so that a person can skip it."""
    engine, cell = place.engine, place.cell
    await engine.turn(start=cell.status != "running")  # what an earlier run began goes on, held or not
    if cell.over:  # skipped while it was held
        return
    if "wanted" not in cell.kept:
        cell.kept["wanted"] = not step.only_if or place.frame.holds(step.only_if)
    if cell.kept["wanted"]:
        cell.status = "running"
        engine.moved += 1
        running = asyncio.ensure_future(_refreshed(place, step))
        engine.running[place.path] = running
        try:
            await running
        except asyncio.CancelledError:
            if cell.status != "skipped" or not running.done():
                running.cancel()
                raise
            return
        finally:
            engine.running.pop(place.path, None)
        if step.undo:
            engine.undoable.append(place.path)
    cell.status = "done"
    engine.moved += 1
    cell.kept.clear()


async def _refreshed(place: Place, step: StepBase) -> None:
    if step.refresh and "refreshed" not in place.kept:
        await gathering.refresh(place.engine, place.frame, step.refresh)
        place.kept["refreshed"] = True
    kind = step_kind(step)
    if kind is None:
        raise InvariantError(f"no step kind for {type(step).__name__}")
    await place.engine.kinds[kind](place, step)


def _failed(place: Place, step: StepBase, error: Exception) -> None:
    code = getattr(error, "code", "mos.misfit")
    reason = str(error)[:600]
    place.cell.status = "failed"
    place.kept["reason"] = reason
    place.engine.note("step_failed", place.path, task=step_name(step), code=code, reason=reason)


async def _consequences(place: Place, step: StepBase) -> None:
    """Its people are told once, in this run or the next; then the procedure ends here if its author wants that."""
    engine, kept = place.engine, place.kept
    if "told" not in kept:
        await engine.turn()
        what = step_name(step) or place.path
        await tell_owner(engine, place, "step_failed", what, kept.get("reason", ""), _decider(place, step))
        kept["told"] = True
    if step.on_failure in ("undo", "end") and engine.phase != "closing":
        engine.ending = engine.ending or ("undone" if step.on_failure == "undo" else "failed")
        await engine.runtime.wait(lambda: False, None)  # who runs the procedure sees the ending


def _decider(place: Place, step: StepBase) -> str:
    """Whoever decided what could not be posted."""
    decided = place.frame.scope.get(step.decision) if isinstance(step, PostStep) else None
    return str((decided or {}).get("by") or "")


def forget(engine: Interpreter, prefix: str) -> None:
    """What is over needs no memory of its inner steps, unless one of them may still be tried again or undone."""
    if any(cell.status == "failed" for at, cell in engine.cells.items() if at.startswith(prefix)):
        return
    if any(at.startswith(prefix) for at in engine.undoable):
        return
    for at in [at for at in engine.cells if at.startswith(prefix)]:
        del engine.cells[at]
    for at in [at for at in engine.frames if at.startswith(prefix)]:
        del engine.frames[at]


def try_again(engine: Interpreter, path: str) -> None:
    """Run a failed step once more. Where its author lets it wait it goes on in its place, else beside the others."""
    step, place = engine.step(path), engine.place(engine.frame_of(path), path)
    kept = place.cell.kept
    place.cell.status = "new"
    place.cell.kept = {"payload": kept.get("payload", 1) + 1, "troubles": kept.get("troubles", 0)}
    if isinstance(step, StepBase) and step.on_failure != "wait":
        go_on_beside(engine, path)


def go_on_beside(engine: Interpreter, path: str) -> None:
    """Run a step beside the procedure."""
    step, place = engine.step(path), engine.place(engine.frame_of(path), path)
    if isinstance(step, StepBase):
        engine.extras[path] = asyncio.ensure_future(_extra(place, step))


async def _extra(place: Place, step: StepBase) -> None:
    await run_step(place, step)
    place.engine.extras.pop(place.path, None)


async def undo(engine: Interpreter) -> None:
    """Take back what was done, the last first. What is on its way to another system comes first to its end: it may be
    posted after all."""
    for path, cell in list(engine.cells.items()):
        posting = engine.step(path) if cell.status == "running" and "transaction" in cell.kept else None
        if isinstance(posting, PostStep):
            await run_step(engine.place(engine.frame_of(path), path), posting)
    while engine.undoable:
        path = engine.undoable[-1]
        step = engine.step(path)
        if isinstance(step, StepBase):
            kept = engine.place(engine.frame_of(path), path).kept
            if not kept.get("undoing"):
                kept["undoing"] = True
                engine.note("undoing", path, task=step_name(step))
            await run_steps(engine.frame_of(path), engine, step.undo, f"{path}.undo.")
        engine.undoable.pop()
