"""What the Grafana OnCall import is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.roster_grafana.connector import GrafanaOnCallRoster

MANIFEST = Manifest(name="roster_grafana", title="Grafana OnCall schedules and shifts", roles=("roster",), extra="")


def build(settings: Mapping[str, Json]) -> "GrafanaOnCallRoster":
    """The reader for these settings (see config.py). Imports what it needs here."""
    from connectors.roster_grafana.config import GrafanaOnCallConfig
    from connectors.roster_grafana.connector import GrafanaOnCallRoster

    return GrafanaOnCallRoster(GrafanaOnCallConfig.model_validate(dict(settings)))
