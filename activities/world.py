"""What activities need of the world, handed in by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.roles import Agent, System
from domain.errors import ConfigError
from store.db import Database


@dataclass(frozen=True)
class World:
    """`systems` by the first part of a query's name and of a transaction's system: `erp`, `mes`. `atomic`: those that
    post all outcomes of a transaction or none (their manifests say so); the others get one outcome at a time.
    `agents` by their names."""

    database: Database
    systems: Mapping[str, System]
    now: Callable[[], datetime]
    randomness: Callable[[int], bytes]
    public_url: str
    atomic: frozenset[str] = frozenset()
    agents: Mapping[str, Agent] = field(default_factory=dict)

    def system(self, name: str) -> System:
        """Raises ConfigError when no connector plays this role."""
        if name not in self.systems:
            raise ConfigError(f"no {name} is connected: add it to the site's connectors")
        return self.systems[name]
