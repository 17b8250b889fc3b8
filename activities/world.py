"""What activities need of the world, handed in by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.roles import System
from domain.errors import ConfigError
from store.db import Database


@dataclass(frozen=True)
class World:
    """`systems` by the first part of a query's name and of a transaction's system: `erp`, `mes`."""

    database: Database
    systems: Mapping[str, System]
    now: Callable[[], datetime]
    randomness: Callable[[int], bytes]
    public_url: str

    def system(self, name: str) -> System:
        """Raises ConfigError when no connector plays this role."""
        if name not in self.systems:
            raise ConfigError(f"no {name} is connected: add it to the site's connectors")
        return self.systems[name]
