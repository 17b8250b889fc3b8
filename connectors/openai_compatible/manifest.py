"""What the connector is. Off unless the site's connectors document names it."""

from collections.abc import Mapping

from connectors.roles import Agent, Manifest
from domain.values import Json

MANIFEST = Manifest(
    name="openai_compatible",
    title="A language model behind an OpenAI-compatible server, in the house or outside",
    roles=("agent",),
    extra="",
    secrets=("api_key",),
)


def build(settings: Mapping[str, Json]) -> Agent:
    """The Agent for these settings (see config.py), its secret among them by name. Imports what it needs here."""
    from connectors.openai_compatible.config import ModelConfig
    from connectors.openai_compatible.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(ModelConfig.model_validate(plain), secrets)
