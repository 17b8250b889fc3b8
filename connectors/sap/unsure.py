"""Documents whose making got no answer: SAP may still be at it after we gave up waiting, and a look-up that comes too
early would find nothing and make a second one."""

import time
from collections.abc import Callable

from domain.errors import OutcomeUnknownError


class Unsure:
    """Remembers them for `settle` seconds, in this process. `now` in seconds, monotonic."""

    def __init__(self, settle: float, now: Callable[[], float] = time.monotonic) -> None:
        self._settle = settle
        self._now = now
        self._since: dict[str, float] = {}

    def note(self, document: str) -> None:
        """No answer came."""
        self._since[document] = self._now()

    def check(self, document: str) -> None:
        """Before it is made again, although it was not found. Raises OutcomeUnknownError while it may still arrive."""
        left = self._since.get(document, float("-inf")) + self._settle - self._now()
        if left > 0:
            message = "SAP may still be at work on a posting; it is looked up again."
            raise OutcomeUnknownError(message, detail=f"for {left:.0f} s more")
        self._since.pop(document, None)
