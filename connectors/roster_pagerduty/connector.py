"""PagerDuty schedules as a RosterSource."""

from collections.abc import Sequence

from connectors.roster_pagerduty import client, mapping
from connectors.roster_pagerduty.config import PagerDutyConfig
from domain.rosters.imported import Directory, Imported
from domain.rosters.people import Person


class PagerDutyRoster:
    """Stateless; see `connectors.roles.RosterSource`."""

    def __init__(self, config: PagerDutyConfig) -> None:
        self._config = config

    def read(self, data: bytes, people: Sequence[Person]) -> Imported:
        """Schedules with their layers and overrides. Raises InvalidPayloadError."""
        return mapping.read(client.parse(data), Directory(people))
