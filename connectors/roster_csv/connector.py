"""CSV as a RosterSource, and people as CSV."""

from collections.abc import Sequence

from connectors.roster_csv import client, mapping
from connectors.roster_csv.config import CsvConfig
from domain.rosters.imported import Imported
from domain.rosters.people import Person


class CsvRoster:
    """See `connectors.roles.RosterSource`."""

    def __init__(self, config: CsvConfig) -> None:
        self._config = config

    def read(self, data: bytes, people: Sequence[Person]) -> Imported:
        """What each row says. Raises InvalidPayloadError."""
        return mapping.read(*client.parse(data))

    def written(self, people: Sequence[Person]) -> str:
        """Everybody as CSV that can be read again."""
        return mapping.written(people)
