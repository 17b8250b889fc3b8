"""What a check knows of a site: its people, its equipment, and which systems are connected."""

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from authoring.check.hours import Hours
from connectors.roles import Manifest
from domain.authority.matrix import AuthorityMatrix
from domain.errors import ConfigError
from domain.rosters.people import Roster
from domain.site import Equipment, Level, Site
from domain.values import Json

_KIND = re.compile(r"[a-z][a-z0-9_]*")
WEEKS = 4
AGENT, HISTORY = "agent:", "history"


@dataclass(frozen=True)
class SiteFacts:
    """A site as of `begins` (aware) and the `weeks` after it.

    systems: role (erp, mes) -> what the connected system is; None = not known, nothing is said about systems.
    channels: over which people can be reached; None = over every one that they name.
    authority: the site's matrix; None = whoever has an authority on the roster has it without limits.
    stale: schedule -> the feed that it comes from, where that was not read for too long.
    """

    site: Site
    roster: Roster
    begins: datetime
    systems: Mapping[str, Manifest] | None = None
    channels: frozenset[str] | None = None
    weeks: int = WEEKS
    authority: AuthorityMatrix | None = None
    stale: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.timezone)

    @cached_property
    def hours(self) -> Hours:
        """Who can be reached when; what it found out it keeps for the next definition."""
        return Hours(self.roster, self.zone, self.begins, self.weeks, self.channels)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those that people here read."""
        return tuple(sorted({person.language for person in self.roster.people})) or (self.site.language,)

    @cached_property
    def machines(self) -> tuple[Equipment, ...]:
        """What signals are about: work units, or everything where there are none."""
        units = tuple(node for node in self.site.equipment if node.level is Level.WORK_UNIT)
        return units or tuple(self.site.equipment)

    @cached_property
    def described(self) -> Mapping[str, Mapping[str, str]]:
        """Machine -> what expressions read as `equipment`."""
        return {node.id: self.site.describe(node.id) for node in self.machines}

    def parameters(self, definition: str) -> Mapping[str, Json]:
        """The site's values for a definition's parameters."""
        found = self.site.parameters.get(definition)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class _Connected:
    role: str
    kind: str
    found: Manifest | None = field(default=None)


def connected(document: Iterable[Mapping[str, Json]]) -> dict[str, Manifest]:
    """Role -> manifest of the ERP and MES in a connectors document, and `agent:<name>` -> that of each agent; the one
    that looks into the site's own records is always there. Raises ConfigError for a kind that there is not."""
    found = {f"{AGENT}{HISTORY}": manifest_of(HISTORY)}
    for item in document:
        role = str(item.get("role"))
        if role in ("erp", "mes", "agent"):
            key = f"{AGENT}{item.get('name')}" if role == "agent" else role
            found[key] = manifest_of(str(item.get("kind", "")), item.get("config") or {})
    return found


def manifest_of(kind: str, config: Mapping[str, Json] | None = None) -> Manifest:
    """The manifest of a connector by its folder's name; what a connection's own settings decide, as they decide it.
    Raises ConfigError."""
    try:
        if not _KIND.fullmatch(kind):
            raise ModuleNotFoundError
        module = importlib.import_module(f"connectors.{kind}.manifest")
        found = module.MANIFEST
    except ModuleNotFoundError:
        raise ConfigError(f"no connector '{kind}': look at the connectors document") from None
    if not isinstance(found, Manifest):
        raise ConfigError(f"connector '{kind}' has no manifest")
    return module.manifest_for(config) if config and hasattr(module, "manifest_for") else found
