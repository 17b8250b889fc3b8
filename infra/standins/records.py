"""What a test may count: every call with its answer, and every refusal that breaks the vendor's rules."""

import time
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 50_000


@dataclass(frozen=True)
class Call:
    """One call as it was answered; `kind` is empty, `request` (breaks the rules), `state` (not now) or `login`."""

    at: float
    method: str
    path: str
    status: int
    kind: str = ""
    error: str = ""


class Records:
    """The calls, oldest first. Bodies and credentials are never kept."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, method: str, path: str, status: int, kind: str = "", error: str = "") -> None:
        """Keep one call."""
        self._calls.append(Call(time.time(), method, path, status, kind, error[:300]))
        del self._calls[:-KEPT]

    def calls(self) -> list[dict[str, Any]]:
        """All calls."""
        return [asdict(call) for call in self._calls]

    def violations(self) -> list[dict[str, Any]]:
        """The calls that break the rules: a product in order makes none."""
        return [asdict(call) for call in self._calls if call.kind == "request"]

    def clear(self) -> None:
        """Forget them."""
        self._calls.clear()
