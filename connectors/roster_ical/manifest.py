"""What the iCalendar import is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.roster_ical.connector import IcalRoster

MANIFEST = Manifest(name="roster_ical", title="iCalendar (RFC 5545) as a schedule", roles=("roster",), extra="")


def build(settings: Mapping[str, Json]) -> "IcalRoster":
    """The reader for these settings (see config.py). Imports what it needs here."""
    from connectors.roster_ical.config import IcalConfig
    from connectors.roster_ical.connector import IcalRoster

    return IcalRoster(IcalConfig.model_validate(dict(settings)))
