"""People steer a running exception: pause, resume, retry, skip, take over, close, cancel, migrate. All is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from activities.contracts.model import Command, CommandResult
from domain.steps import step_name
from domain.values import Json
from workflows.engine import migrating, stepping

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_REASONS_NEEDED = ("pause", "skip", "take_over", "close", "cancel", "migrate")


async def obey(engine: Interpreter, command: Command) -> CommandResult:
    """Do it, or say why not; either way the story has it with who and why."""
    if engine.closed or engine.ending:
        return CommandResult(accepted=False, code="closed")
    if command.kind in _REASONS_NEEDED and not command.reason.strip():
        return CommandResult(accepted=False, code="reason_missing")
    result = await _COMMANDS[command.kind](engine, command)
    if not command.preview:
        kind = f"control.{command.kind}" if result.accepted else "control_refused"
        engine.note(kind, command.step, command.person, name=command.person_name, verb=command.kind,
                    reason=command.reason, code=result.code, **_facts(command))  # fmt: skip
        if not engine.renewing:
            await engine.record()
    return result


def _facts(command: Command) -> dict[str, Json]:
    """What else the audit must show."""
    version = {"version": command.version} if command.version else {}
    return version | ({"values": command.values} if command.values else {})


_DONE = CommandResult(accepted=True, code="done")
_ALREADY = CommandResult(accepted=False, code="already")


async def _pause(engine: Interpreter, command: Command) -> CommandResult:
    if engine.paused:
        return _ALREADY
    engine.paused = True
    return _DONE


async def _resume(engine: Interpreter, command: Command) -> CommandResult:
    if not engine.paused:
        return _ALREADY
    engine.paused = False
    return _DONE


async def _retry(engine: Interpreter, command: Command) -> CommandResult:
    cell = engine.cells.get(command.step)
    if cell is None or cell.status != "failed":
        return CommandResult(accepted=False, code="not_failed")
    stepping.try_again(engine, command.step)
    return _DONE


async def _skip(engine: Interpreter, command: Command) -> CommandResult:
    """The step ends here, with the values that the person gives as its result."""
    cell = engine.cells.get(command.step)
    if cell is None or cell.status not in ("running", "failed"):
        return CommandResult(accepted=False, code="unknown_step")
    name = step_name(engine.step(command.step))
    cell.status = "skipped"
    if name and command.values:
        engine.frame_of(command.step).put(name, command.values)
    for path, running in list(engine.running.items()):
        if path == command.step or path.startswith(f"{command.step}."):
            running.cancel()
    await engine.withdraw(command.step)
    return _DONE


async def _take_over(engine: Interpreter, command: Command) -> CommandResult:
    """From now on a person does it: nobody is asked any more, nothing is posted, until that person closes it."""
    if engine.by_hand:
        return _ALREADY
    engine.by_hand = command.person_name
    await engine.withdraw("")
    return _DONE


async def _close(engine: Interpreter, command: Command) -> CommandResult:
    if not engine.by_hand:
        return CommandResult(accepted=False, code="not_taken_over")
    engine.ending = "closed_by_hand"
    return _DONE


async def _cancel(engine: Interpreter, command: Command) -> CommandResult:
    engine.ending = "cancelled"
    return _DONE


async def _migrate(engine: Interpreter, command: Command) -> CommandResult:
    """Go on under another version: the run is renewed with it as soon as no effect is under way."""
    if command.definition is None or command.definition.definition != engine.definition.definition:
        return CommandResult(accepted=False, code="other_definition")
    if command.version == engine.story.version:
        return _ALREADY
    plan = migrating.plan(engine, command.definition)
    if not command.preview:
        for path in plan.gone_paths:
            await engine.withdraw(path)
        given = engine.story.given.model_copy(update={"definition": command.definition, "version": command.version})
        engine.migration = given
    return CommandResult(accepted=True, code="done", detail=plan.told())


_COMMANDS: dict[str, Callable[[Interpreter, Command], Awaitable[CommandResult]]] = {
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "skip": _skip,
    "take_over": _take_over,
    "close": _close,
    "cancel": _cancel,
    "migrate": _migrate,
}
KINDS = tuple(_COMMANDS)
