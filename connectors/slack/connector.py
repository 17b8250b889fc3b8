"""Slack as a channel."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from connectors.slack import mapping
from connectors.slack.client import SlackClient, signed
from connectors.slack.config import SlackConfig
from domain.errors import AuthError, InvalidPayloadError, OutcomeUnknownError, TransientError
from domain.people import ChannelName

_SKEW = timedelta(minutes=2)  # Slack stamps messages with its own clock
_PAGES = 25


class SlackChannel:
    """Speaks to people in the app's direct message with each. An address is a user id (U, W) or a channel id."""

    name = ChannelName.SLACK
    can_edit = True
    can_find = True

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._client = SlackClient(config)
        self._conversations: dict[str, str] = {}

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        content = mapping.post(message)
        channel = await self._conversation(message.address)
        try:
            ts, conversation = await self._client.post(channel, content, mapping.metadata(message.key))
        except KeyError as error:
            raise OutcomeUnknownError("Slack's answer to a message names no message.", detail=repr(error)) from error
        return SentMessage(vendor_id=ts, conversation=conversation)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """Reads the conversation's history back to `since` for the message's key."""
        channel = await self._conversation(message.address)
        oldest, cursor = f"{(since - _SKEW).timestamp():.6f}", ""
        for _ in range(_PAGES):
            messages, cursor = await self._client.history(channel, oldest, cursor)
            found = next((item for item in messages if mapping.marked(item, message.key)), None)
            if found is not None:
                return SentMessage(vendor_id=str(found["ts"]), conversation=channel)
            if not cursor:
                return None
        raise TransientError("The Slack conversation is too long to search; it is tried again.", detail=channel)

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        await self._client.update(sent.conversation, sent.vendor_id, mapping.post(message))

    def verify(self, request: CallbackRequest) -> None:
        """Signature first, over the raw bytes; then team and app: one app may also be installed in a workspace that is
        not this plant's."""
        if not signed(request, self._config.signing_secret.get_secret_value()):
            raise AuthError("The Slack callback is not signed for this app.", code="slack.signature")
        try:
            callback = mapping.parse(request)
        except InvalidPayloadError:
            return  # Slack's own bytes: `read` says what is wrong with them
        if callback.kind in ("url_verification", "ssl_check"):
            return  # neither names a team, and neither does anything
        if (callback.team, callback.app) != (self._config.team_id, self._config.app_id):
            raise AuthError(
                "The Slack callback is of another workspace or app.",
                detail=f"team {callback.team}, app {callback.app}",
                code="slack.origin",
            )

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        return mapping.inbound(mapping.parse(request), self._config.response_origins)

    def challenge(self, request: CallbackRequest) -> str | None:
        """What to answer (as text/plain) when Slack checks the events URL; None for every other callback."""
        try:
            data: Any = json.loads(request.body)
        except ValueError:
            return None
        asked = isinstance(data, Mapping) and data.get("type") == "url_verification"
        return str(data.get("challenge", "")) if asked else None

    async def _conversation(self, address: str) -> str:
        if address[:1] not in ("U", "W"):
            return address
        if address not in self._conversations:
            self._conversations[address] = await self._open(address)
        return self._conversations[address]

    async def _open(self, user: str) -> str:
        try:
            return await self._client.open(user)
        except KeyError as error:
            raise TransientError("Slack opened no conversation; it is tried again.", detail=repr(error)) from error


def build(config: SlackConfig) -> SlackChannel:
    return SlackChannel(config)
