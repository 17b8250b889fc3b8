"""People steer a running exception: pause, resume, retry, skip, take over, hand back, close, cancel, migrate. All is
told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from activities.contracts.model import Command, CommandResult
from activities.contracts.steering import DECIDES, NEEDS_REASON
from domain.language.steps import ApproveStep, TaskStep, step_name
from domain.values import Json
from workflows.engine import migrating, stepping
from workflows.engine.changes import HANDS_BACK
from workflows.engine.standing import steerable

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_WHILE_ENDING = ("retry", "skip")  # a step that takes something back may fail, too


async def obey(engine: Interpreter, command: Command) -> CommandResult:
    """Do it, or say why not; either way the story has it with who and why."""
    if engine.closed or (engine.ending and command.kind not in _WHILE_ENDING):
        return _no("closed").result
    obeyed = _checked(engine, command)
    if command.preview:
        return obeyed.result
    if engine.migration is not None:  # told by the next run, with the version that is then in force
        await _withdraw(engine, obeyed)
        _tell(engine, command, obeyed.result)
    else:  # told first: the procedure goes on while tasks are withdrawn, perhaps to its end
        _tell(engine, command, obeyed.result)
        await _withdraw(engine, obeyed)
    if not engine.renewing:
        await engine.record()
    return obeyed.result


def _tell(engine: Interpreter, command: Command, result: CommandResult) -> None:
    kind = f"control.{command.kind}" if result.accepted else "control_refused"
    engine.note(kind, command.step, command.person, seq=command.seq, name=command.person_name, verb=command.kind,
                reason=command.reason, code=result.code, **_facts(command))  # fmt: skip


@dataclass(frozen=True)
class _Obeyed:
    """What came of a command, and the paths below which open tasks are withdrawn."""

    result: CommandResult
    withdrawn: Sequence[str] = ()


async def _withdraw(engine: Interpreter, obeyed: _Obeyed) -> None:
    for path in obeyed.withdrawn:
        await engine.withdraw(path)


def _checked(engine: Interpreter, command: Command) -> _Obeyed:
    if command.kind not in _COMMANDS or (command.preview and command.kind != "migrate"):
        return _no("unknown_command")
    if command.kind in NEEDS_REASON and not command.preview and not command.reason.strip():
        return _no("reason_missing")
    return _COMMANDS[command.kind](engine, command)


def _facts(command: Command) -> dict[str, Json]:
    """What else the audit must show."""
    version = {"version": command.version} if command.version else {}
    return version | ({"values": command.values} if command.values else {})


def _no(code: str) -> _Obeyed:
    return _Obeyed(CommandResult(accepted=False, code=code))


_DONE = _Obeyed(CommandResult(accepted=True, code="done"))
_ALREADY = _no("already")


def _pause(engine: Interpreter, command: Command) -> _Obeyed:
    if engine.paused:
        return _ALREADY
    engine.paused = True
    engine.limit.pause(engine.runtime.now())
    return _DONE


def _resume(engine: Interpreter, command: Command) -> _Obeyed:
    if not engine.paused:
        return _ALREADY
    engine.paused, engine.resumed_at = False, engine.runtime.now()
    engine.limit.resume(engine.resumed_at)
    return _DONE


def _retry(engine: Interpreter, command: Command) -> _Obeyed:
    cell = engine.cells.get(command.step)
    if cell is None or cell.status != "failed":
        return _no("not_failed")
    stepping.try_again(engine, command.step)
    return _DONE


def _skip(engine: Interpreter, command: Command) -> _Obeyed:
    """The step ends here, or is passed over when it comes next. The person's values are its result, but a decision is
    none of them: whoever may decide answers the step instead."""
    if not steerable(engine, command.step):
        return _no("unknown_step")
    step, frame = engine.step(command.step), engine.frame_of(command.step)
    if isinstance(step, TaskStep | ApproveStep) and step.authority and DECIDES & command.values.keys():
        return _no("not_by_skipping")
    engine.place(frame, command.step).cell.status = "skipped"
    if step_name(step) and command.values:
        frame.put(step_name(step), command.values)
    for path, running in list(engine.running.items()):
        if path == command.step or path.startswith(f"{command.step}."):
            running.cancel()
    return replace(_DONE, withdrawn=[command.step])


def _take_over(engine: Interpreter, command: Command) -> _Obeyed:
    """From now on a person does it: nobody is asked any more, nothing is posted, until that person closes it or hands
    it back."""
    if engine.by_hand:
        return _ALREADY
    engine.by_hand = command.person_name
    return replace(_DONE, withdrawn=[""])


def _hand_back(engine: Interpreter, command: Command) -> _Obeyed:
    """The procedure goes on where it stood: the tasks that were withdrawn are asked anew."""
    if not engine.by_hand:
        return _no("not_taken_over")
    if engine.generation < HANDS_BACK:
        return _no("too_old")
    engine.by_hand, engine.resumed_at = "", engine.runtime.now()
    return _DONE


def _close(engine: Interpreter, command: Command) -> _Obeyed:
    if not engine.by_hand:
        return _no("not_taken_over")
    engine.ending = "closed_by_hand"
    return _DONE


def _cancel(engine: Interpreter, command: Command) -> _Obeyed:
    engine.ending = "cancelled"
    return _DONE


def _migrate(engine: Interpreter, command: Command) -> _Obeyed:
    """Go on under another version: the run is renewed with it as soon as no effect is under way."""
    if command.definition is None or command.definition.definition != engine.definition.definition:
        return _no("other_definition")
    if command.version == engine.story.version:
        return _ALREADY
    plan = migrating.plan(engine, command.definition)
    if not command.preview:
        given = engine.story.given.model_copy(update={"definition": command.definition, "version": command.version})
        engine.migration = given  # from here on no step begins anything: not even what follows a withdrawn one
    withdrawn = [] if command.preview else plan.gone_paths
    return _Obeyed(CommandResult(accepted=True, code="done", detail=plan.told()), withdrawn)


_COMMANDS: dict[str, Callable[[Interpreter, Command], _Obeyed]] = {
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "skip": _skip,
    "take_over": _take_over,
    "hand_back": _hand_back,
    "close": _close,
    "cancel": _cancel,
    "migrate": _migrate,
}
