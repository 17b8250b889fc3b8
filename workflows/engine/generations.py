"""Generations of the interpreter: how it may change while exceptions run.

An exception keeps the generation that it was opened with, so whatever an upgrade changes in what the interpreter does
(the commands of its workflow), a running exception goes on as it began. A change that alters commands is a new
generation: its own step functions here, or `engine.generation >= n` where it is not a step (`engine.changes`).
It ships in two releases: the first knows it, the next opens exceptions with it; so going back one release is always
safe. Before the first release there is nothing to go back to: what is new is opened with at once.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.errors import ConfigError
from workflows.steps.registry import STEPS

Steps = Mapping[str, Callable[[Any, Any], Awaitable[None]]]
GENERATIONS: dict[int, Steps] = {1: STEPS, 2: STEPS, 3: STEPS}
"""Every generation that this release can follow, with its step functions."""
OPENS_WITH = 3
"""The generation of new exceptions, unless the setting `engine_generation` names another."""


def steps_of(generation: int) -> Steps:
    """The step functions of a generation. Raises ConfigError for one that this release does not know: the workflow
    task fails and is tried again, so nothing is lost until a release that knows it is back."""
    found = GENERATIONS.get(generation)
    if found is None:
        known = max(GENERATIONS)
        raise ConfigError(
            f"this exception was opened by a newer release (generation {generation}, this one knows {known}): "
            "start that release again; the exception waits",
            code="mos.generation",
        )
    return found
