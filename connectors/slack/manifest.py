"""What the Slack connector is."""

from collections.abc import Mapping

from connectors.roles import Channel, Manifest
from connectors.slack import limits
from domain.values import Json

MANIFEST = Manifest(
    name="slack",
    title="Slack (direct messages with buttons)",
    roles=("channel",),
    extra="slack",
    secrets=("bot_token", "signing_secret"),
    limits={
        "blocks": limits.BLOCKS,
        "text": limits.TEXT,
        "field": limits.FIELD,
        "fields": limits.FIELDS,
        "header": limits.HEADER,
        "buttons": limits.ELEMENTS,
        "button": limits.BUTTON,
    },
)


def build(settings: Mapping[str, Json]) -> Channel:
    """The channel for these settings (see config.py). Imports the vendor's library only here."""
    from connectors.slack.config import SlackConfig
    from connectors.slack.connector import SlackChannel

    return SlackChannel(SlackConfig.model_validate(settings))
