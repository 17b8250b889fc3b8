"""Grafana OnCall schedules and shifts as a RosterSource."""

from collections.abc import Sequence

from connectors.roster_grafana import client, mapping
from connectors.roster_grafana.config import GrafanaOnCallConfig
from domain.rosters.imported import Directory, Imported
from domain.rosters.people import Person


class GrafanaOnCallRoster:
    """Stateless; see `connectors.roles.RosterSource`."""

    def __init__(self, config: GrafanaOnCallConfig) -> None:
        self._config = config

    def read(self, data: bytes, people: Sequence[Person]) -> Imported:
        """Schedules with their layers and overrides. Raises InvalidPayloadError."""
        return mapping.read(client.parse(data), Directory(people))
