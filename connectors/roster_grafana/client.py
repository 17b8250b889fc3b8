"""Reads the exported document; Grafana OnCall is not called from here."""

from connectors.roster_files import document
from domain.values import Json


def parse(data: bytes) -> Json:
    """The JSON object. Raises InvalidPayloadError."""
    return document(data)
