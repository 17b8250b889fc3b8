"""What the GoAlert import is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.roster_goalert.connector import GoAlertRoster

MANIFEST = Manifest(name="roster_goalert", title="GoAlert schedules and rotations", roles=("roster",), extra="")


def build(settings: Mapping[str, Json]) -> "GoAlertRoster":
    """The reader for these settings (see config.py). Imports what it needs here."""
    from connectors.roster_goalert.config import GoAlertConfig
    from connectors.roster_goalert.connector import GoAlertRoster

    return GoAlertRoster(GoAlertConfig.model_validate(dict(settings)))
