"""What the OPC UA connector is."""

from collections.abc import Mapping

from connectors.roles import Manifest, Source
from domain.values import Json

MANIFEST = Manifest(
    name="opcua",
    title="OPC UA server (PackML tags, Alarms & Conditions)",
    roles=("source",),
    extra="opcua",
    secrets=("password",),
)


def build(settings: Mapping[str, Json]) -> Source:
    """The Source for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.opcua.config import OpcUaConfig
    from connectors.opcua.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(OpcUaConfig.model_validate(plain), secrets)
