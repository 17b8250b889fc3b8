"""One file a step kind. A step is `async (interpreter, step, path) -> None`; its result goes into the story's scope."""

from collections.abc import Awaitable, Callable
from typing import Any

from domain.definition import step_kind
from domain.errors import InvariantError
from workflows.steps import approve, choose, notify, parallel, post, propose, task, wait

STEPS: dict[str, Callable[[Any, Any, str], Awaitable[None]]] = {
    "task": task.run,
    "notify": notify.run,
    "approve": approve.run,
    "wait": wait.run,
    "propose": propose.run,
    "post": post.run,
    "parallel": parallel.run,
    "if": choose.run,
}


def kind_of(step: Any) -> str:
    """The step's kind; a step without one never passes the definition's check."""
    kind = step_kind(step)
    if kind is None:
        raise InvariantError(f"no step kind for {type(step).__name__}")
    return kind
