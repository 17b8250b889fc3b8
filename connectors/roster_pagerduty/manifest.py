"""What the PagerDuty import is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.roster_pagerduty.connector import PagerDutyRoster

MANIFEST = Manifest(name="roster_pagerduty", title="PagerDuty schedules", roles=("roster",), extra="")


def build(settings: Mapping[str, Json]) -> "PagerDutyRoster":
    """The reader for these settings (see config.py). Imports what it needs here."""
    from connectors.roster_pagerduty.config import PagerDutyConfig
    from connectors.roster_pagerduty.connector import PagerDutyRoster

    return PagerDutyRoster(PagerDutyConfig.model_validate(dict(settings)))
