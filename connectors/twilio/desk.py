"""One account's channels behind the same doors: which of them a callback is for, before anything in it is believed."""

from collections.abc import Collection

from connectors.roles import CallbackRequest
from connectors.twilio import mapping
from connectors.twilio.connector import TwilioChannel
from connectors.twilio.voice import VoiceChannel, is_call
from connectors.twilio.whatsapp import PREFIX, WhatsAppChannel
from domain.errors import InvalidPayloadError
from domain.rosters.people import ChannelName

Line = TwilioChannel | WhatsAppChannel | VoiceChannel


class Desk:
    """The channel is chosen by unverified words, then verifies for its own sender: choosing gives no right."""

    def __init__(self, channels: Collection[Line]) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def at(self, request: CallbackRequest) -> Line | None:
        """The channel that this callback speaks of; None when it is not connected."""
        return self._by_name.get(_name(request))

    def caller(self, request: CallbackRequest) -> VoiceChannel | None:
        """The voice channel when this callback asks what to say."""
        line = self.at(request)
        return line if isinstance(line, VoiceChannel) and line.status(request) is None else None


def _name(request: CallbackRequest) -> ChannelName:
    try:
        fields = mapping.form(request)
    except InvalidPayloadError:
        return ChannelName.SMS
    if is_call(fields):
        return ChannelName.VOICE
    ends = [*fields.get("From", []), *fields.get("To", [])]
    return ChannelName.WHATSAPP if any(end.startswith(PREFIX) for end in ends) else ChannelName.SMS
