"""What the Twilio connector is."""

from collections.abc import Mapping

from connectors.roles import Channel, Manifest
from domain.values import Json

MANIFEST = Manifest(
    name="twilio",
    title="Twilio (SMS, WhatsApp, voice)",
    roles=("channel",),
    extra="twilio",
    secrets=("auth_token",),
    limits={"segments": 3},
)


def build(settings: Mapping[str, Json]) -> Channel:
    """The channel for these settings (see config.py). Imports the vendor's library only here."""
    from connectors.twilio.config import TwilioConfig
    from connectors.twilio.connector import TwilioChannel

    return TwilioChannel(TwilioConfig.model_validate(settings))
