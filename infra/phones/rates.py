"""How fast a vendor lets an app call: one bucket of tokens for each method (and channel, for posts)."""

import math
import time


class Rates:
    """Token buckets by name; they start full and are forgotten with the process, as a vendor's windows pass."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str, per_second: float, burst: float) -> int | None:
        """Take one token; None = allowed, else the whole seconds to wait (Retry-After)."""
        now = time.monotonic()
        left, since = self._buckets.get(name, (burst, now))
        left = min(burst, left + (now - since) * per_second)
        if left < 1:
            self._buckets[name] = (left, now)
            return max(1, math.ceil((1 - left) / per_second))
        self._buckets[name] = (left - 1, now)
        return None
