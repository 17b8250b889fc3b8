"""Which function runs which kind of step."""

from collections.abc import Awaitable, Callable
from typing import Any

from workflows.steps import agent, approve, call, choose, decide, loops, notify, parallel, post, propose, task, wait

STEPS: dict[str, Callable[[Any, Any], Awaitable[None]]] = {
    "task": task.run,
    "notify": notify.run,
    "approve": approve.run,
    "wait": wait.run,
    "propose": propose.run,
    "agent": agent.run,
    "post": post.run,
    "decide": decide.run,
    "call": call.run,
    "for_each": loops.run_for_each,
    "repeat": loops.run_repeat,
    "parallel": parallel.run,
    "if": choose.run_if,
    "switch": choose.run_switch,
}
