"""Where the records come from: whoever builds the agent hands in what reads them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from domain.values import Json


@dataclass(frozen=True)
class Case:
    """An earlier exception of the same definition that is over. `facts`: what was known when it opened, by name, and
    what agents were given of it; `ended`: what people answered and decided, by the name of the question or approval."""

    facts: Mapping[str, Json]
    ended: Mapping[str, Json] = field(default_factory=dict)


Past = Callable[[str, timedelta], Awaitable[Sequence[Case]]]
"""The cases of one definition that closed so long ago at most, the newest first."""
