"""What the MQTT connector is."""

from connectors.roles import Manifest

MANIFEST = Manifest(
    name="mqtt",
    title="MQTT broker (Unified Namespace, plain JSON)",
    roles=("source",),
    extra="mqtt",
    secrets=("password",),
)
