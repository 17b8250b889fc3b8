"""Waiting for things to happen, with a deadline that says what did not, and where to look."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.2


class NotHappenedError(Exception):
    """Something that had to happen did not; the message says what, and where to look."""


class Patience:
    """How long the player waits for each thing. `logs` is the folder of the processes' logs."""

    def __init__(self, seconds: float, logs: str) -> None:
        self.seconds, self._logs = seconds, logs

    def until(self, look: Callable[[], T | None], what: str, logs: str) -> T:
        """The first true value that `look` gives. `logs` names processes. Raises NotHappenedError."""
        deadline = time.monotonic() + self.seconds
        while True:
            late = time.monotonic() > deadline
            if found := look():
                return found
            if late:
                raise NotHappenedError(f"{what}: not within {self.seconds:g} s. {self.see(logs)}")
            time.sleep(_PAUSE_S)

    def see(self, logs: str) -> str:
        """Where the reason may be found."""
        return "Look into " + ", ".join(f"{self._logs}/{name}.log" for name in logs.split())


def demand(fact: object, what: str) -> None:
    """Raises NotHappenedError unless the fact holds."""
    if not fact:
        raise NotHappenedError(what)
