"""What the agent `history` is: every site has it, and it needs neither a network nor a model."""

from collections.abc import Mapping

from connectors.history.client import Past
from connectors.roles import Agent, Manifest
from domain.values import Json

MANIFEST = Manifest(
    name="history",
    title="The site's own records (what earlier exceptions like this one came to)",
    roles=("agent",),
    extra="",
)


def build(settings: Mapping[str, Json], past: Past) -> Agent:
    """The Agent for these settings (see config.py), and what reads the records. Imports what it needs here."""
    from connectors.history.config import HistoryConfig
    from connectors.history.connector import build as make

    return make(HistoryConfig.model_validate(settings), past)
