"""The plant's clock: real time, seen through an anchor and a factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def real_now() -> datetime:
    """The real time, aware, UTC: the time of every signal."""
    return datetime.now(UTC)


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 moment with an offset, as UTC. Raises ValueError when the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text}: give the moment with an offset, e.g. 2026-11-22T08:00:00+00:00")
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class PlantClock:
    """Plant time = anchor + (real time - anchor) * factor. Plans live in plant time, signals in real time."""

    anchor: datetime
    factor: float = 1.0
    real: Callable[[], datetime] = real_now

    def __post_init__(self) -> None:
        if self.anchor.tzinfo is None:
            raise ValueError("the anchor needs an offset")
        if self.factor <= 0:
            raise ValueError("the clock factor must be above 0")

    def now(self) -> datetime:
        """Plant time, aware, UTC."""
        return self.anchor + (self.real() - self.anchor) * self.factor

    def at(self, minutes: float) -> datetime:
        """The plant time that lies this many minutes after the anchor."""
        return self.anchor + timedelta(minutes=minutes)
