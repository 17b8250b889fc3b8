"""What the CSV import is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.roster_csv.connector import CsvRoster

MANIFEST = Manifest(name="roster_csv", title="People as CSV (names of SCIM, RFC 7643)", roles=("roster",), extra="")


def build(settings: Mapping[str, Json]) -> "CsvRoster":
    """The reader for these settings (see config.py). Imports what it needs here."""
    from connectors.roster_csv.config import CsvConfig
    from connectors.roster_csv.connector import CsvRoster

    return CsvRoster(CsvConfig.model_validate(dict(settings)))
