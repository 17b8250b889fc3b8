"""Saving the interpreter's state between two runs, and taking it up again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from activities.contracts.saved import Saved, SavedCell, SavedTask
from domain.asking.tasks import LiveTask
from domain.language.definition import CallStep, step_at
from domain.language.steps import ApproveStep, TaskStep
from workflows.engine.frame import Cell

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

Kept = TypeVar("Kept")
_REMEMBERED = 64  # answers and commands whose result is kept for a second delivery: the pump has fewer under way
_TASK_FIELDS = tuple(name for name in SavedTask.model_fields)


def remember(kept: dict[int, Kept], seq: int, result: Kept) -> None:
    """Keep a result under its inbox number; the oldest is forgotten."""
    kept[seq] = result
    while len(kept) > _REMEMBERED:
        kept.pop(min(kept))


def save(engine: Interpreter) -> Saved:
    """Everything that the next run needs. No effect may be under way."""
    story = engine.story
    return Saved(
        runs=engine.runs,
        migrations=engine.migrations,
        phase=engine.phase,
        rev=story.rev,
        numbered=story.numbered,
        underway=story.numbered - len(story.unwritten),
        unwritten=story.unwritten,
        told=story.marks.told,
        handling=story.handling,
        condition=story.condition,
        priority=story.priority,
        highest_seq=story.highest_seq,
        recent=story.recent,
        taken=story.taken,
        milestones=story.milestones,
        gaps=story.gaps,
        gathered=sorted(engine.gathered),
        world=story.world,
        frames={prefix: frame.values for prefix, frame in engine.frames.items()},
        cells={path: SavedCell(status=cell.status, kept=cell.kept) for path, cell in engine.cells.items()},
        tasks=[_saved_task(task) for task in story.tasks.values()],
        undoable=engine.undoable,
        extras=sorted({*engine.extras, *engine.waiting_extras}),
        answers=engine.answers,
        commands=engine.commands,
        paused=engine.paused,
        ending=engine.ending,
        by_hand=engine.by_hand,
        cleared_at=engine.cleared_at,
        resumed_at=engine.resumed_at,
        paused_at=engine.limit.paused_at,
        paused_for=engine.limit.paused_for,
        askers=story.askers,
    )


def _saved_task(task: LiveTask) -> SavedTask:
    return SavedTask.model_validate({name: getattr(task, name) for name in _TASK_FIELDS})


def restore(engine: Interpreter, saved: Saved) -> None:
    """Take up a saved state; the definition is the one that it was saved for."""
    story = engine.story
    engine.runs, engine.migrations, engine.phase = saved.runs + 1, saved.migrations, saved.phase
    story.rev, story.numbered, story.underway = saved.rev, saved.numbered, saved.underway
    story.unwritten = list(saved.unwritten)
    story.marks.restore(saved.numbered, saved.told)
    story.handling, story.condition, story.priority = saved.handling, saved.condition, saved.priority
    story.highest_seq, story.recent, story.taken = saved.highest_seq, list(saved.recent), list(saved.taken)
    story.milestones, story.gaps, story.world = dict(saved.milestones), dict(saved.gaps), dict(saved.world)
    engine.gathered, engine.undoable = set(saved.gathered), list(saved.undoable)
    engine.answers, engine.commands = dict(saved.answers), dict(saved.commands)
    engine.resumed_at, story.askers = saved.resumed_at, dict(saved.askers)
    engine.paused, engine.ending, engine.by_hand = saved.paused, saved.ending, saved.by_hand
    engine.cleared_at = saved.cleared_at
    engine.limit.paused_at, engine.limit.paused_for = saved.paused_at, saved.paused_for
    engine.cells = {path: Cell(cell.status, dict(cell.kept)) for path, cell in saved.cells.items()}
    engine.waiting_extras = list(saved.extras)
    _restore_frames(engine, saved)
    for kept in saved.tasks:
        step = step_at(engine.definition, kept.path)
        if isinstance(step, TaskStep | ApproveStep):
            story.tasks[kept.id] = LiveTask(step=step, **{name: getattr(kept, name) for name in _TASK_FIELDS})


def _restore_frames(engine: Interpreter, saved: Saved) -> None:
    for prefix in sorted(saved.frames, key=len):
        if prefix == "":
            engine.frame("", engine.definition, saved.frames[""])
            continue
        around = engine.frame_of(prefix)
        step = step_at(engine.definition, prefix.removesuffix(".call.")) if prefix.endswith(".call.") else None
        called = isinstance(step, CallStep)
        definition = around.definition.bundled[step.definition] if isinstance(step, CallStep) else around.definition
        engine.frame(prefix, definition, saved.frames[prefix], None if called else around)
