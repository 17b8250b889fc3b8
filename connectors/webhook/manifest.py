"""What the webhook connector is."""

from connectors.roles import Manifest

MANIFEST = Manifest(
    name="webhook",
    title="Signed webhooks (CloudEvents 1.0, Standard Webhooks)",
    roles=("callback",),
    extra="webhook",
    secrets=("signing",),
)
