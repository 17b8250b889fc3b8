"""What the OPC UA connector is."""

from connectors.roles import Manifest

MANIFEST = Manifest(
    name="opcua",
    title="OPC UA server (PackML tags, Alarms & Conditions)",
    roles=("source",),
    extra="opcua",
    secrets=("password",),
)
