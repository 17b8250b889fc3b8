"""What tells one line of the story from another, whatever their numbers.

A worker that dies after a commit leaves lines that its successor tells again, perhaps in another order and among
others, since it may have heard something else first. What a step tells comes in its own order each time; so a line is
known by what it is and by how often that was told before.
"""

from zlib import crc32

from domain.values import Json, canonical

_EPOCH = 1000  # lines; counts are kept for as long, and a line never moves so far


class Marks:
    """`told`: how often each was told in this epoch of the story."""

    def __init__(self) -> None:
        self.epoch, self.told = 0, dict[str, int]()

    def of_effect(self, number: int, step: str) -> str:
        """The line that an effect of this step writes, whomever it finds."""
        return self._next(number, f"told {step}")

    def of_inbox(self, seq: int, kind: str) -> str:
        """What came as this row of the inbox is told once."""
        return f"inbox {seq} {kind}"

    def of_line(self, number: int, kind: str, step: str, data: dict[str, Json]) -> str:
        return self._next(number, f"{kind} {step} {crc32(canonical(data).encode()):08x}")

    def restore(self, number: int, told: dict[str, int]) -> None:
        self.epoch, self.told = number // _EPOCH, dict(told)

    def _next(self, number: int, what: str) -> str:
        if number // _EPOCH > self.epoch:
            self.epoch, self.told = number // _EPOCH, {}
        self.told[what] = self.told.get(what, 0) + 1
        return f"{self.epoch} {what} {self.told[what]}"
