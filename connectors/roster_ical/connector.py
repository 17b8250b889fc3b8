"""An iCalendar feed as a RosterSource."""

from collections.abc import Sequence
from datetime import timedelta

from connectors.roster_ical import client, mapping
from connectors.roster_ical.config import IcalConfig
from domain.rosters.imported import Directory, Imported
from domain.rosters.people import Person


class IcalRoster:
    """See `connectors.roles.RosterSource`."""

    def __init__(self, config: IcalConfig) -> None:
        self._config = config

    def read(self, data: bytes, people: Sequence[Person]) -> Imported:
        """One schedule of the events of the coming time. Raises InvalidPayloadError."""
        ends = self._config.begins + timedelta(days=self._config.days)
        found = client.parse(data, self._config.begins, ends, mapping.ENTRIES, self._config.timezone)
        return mapping.read(found, self._config, Directory(people))
