"""`wait`: until a condition holds, at most `within`. The result has `met`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.definition import WaitStep

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: WaitStep, path: str) -> None:
    """Looked at again whenever the story changes."""
    met = await engine.runtime.wait(lambda: engine.met(step.until), engine.span(step.within))
    engine.story.scope[step.wait] = {"met": met}
    engine.story.note(engine.runtime.now(), "waited", path, met=met)
