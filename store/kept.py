"""What was read once and can never be another: things addressed by the hash of their content."""

from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """The last `limit` things that were used, by their hash."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._things: dict[str, Thing] = {}

    def get(self, version: str) -> Thing | None:
        """The thing, if it is here."""
        found = self._things.pop(version, None)
        if found is not None:
            self._things[version] = found
        return found

    def put(self, version: str, thing: Thing) -> Thing:
        """Keeps it; gives it back."""
        self._things[version] = thing
        if len(self._things) > self._limit:
            del self._things[next(iter(self._things))]
        return thing
