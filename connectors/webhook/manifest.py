"""What the webhook connector is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connectors.roles import Manifest
from domain.values import Json

if TYPE_CHECKING:
    from connectors.webhook.connector import Webhook

MANIFEST = Manifest(
    name="webhook",
    title="Signed webhooks (CloudEvents 1.0, Standard Webhooks)",
    roles=("callback",),
    extra="webhook",
    secrets=("signing",),
)


def build(settings: Mapping[str, Json]) -> "Webhook":
    """The entrance for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.webhook.config import WebhookConfig
    from connectors.webhook.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(WebhookConfig.model_validate(plain), secrets)
