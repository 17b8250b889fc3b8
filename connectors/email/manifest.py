"""What the e-mail connector is."""

from collections.abc import Mapping

from connectors.roles import Channel, Manifest
from domain.values import Json

MANIFEST = Manifest(
    name="email",
    title="E-mail (SMTP, one way)",
    roles=("channel",),
    extra="email",
    secrets=("password",),
    limits={"subject": 150},
)


def build(settings: Mapping[str, Json]) -> Channel:
    """The channel for these settings (see config.py). Imports the mail library only here."""
    from connectors.email.config import EmailConfig
    from connectors.email.connector import EmailChannel

    return EmailChannel(EmailConfig.model_validate(settings))
