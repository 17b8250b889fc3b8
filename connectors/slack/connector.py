"""Slack as a channel."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from connectors.pictures import Picture
from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, Media, SentMessage
from connectors.slack import callbacks, mapping, reading
from connectors.slack.accounts import Accounts
from connectors.slack.callbacks import Callback
from connectors.slack.client import SlackClient, Take, signed
from connectors.slack.config import SlackConfig
from connectors.slack.files import FileFetcher
from connectors.slack.reading import Wish
from domain.errors import (
    AuthError,
    InvalidPayloadError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from domain.rosters.people import ChannelName

_SKEW = timedelta(minutes=2)  # Slack stamps messages with its own clock
_PAGES = 25
_NO_THREAD = (
    "slack.thread_not_found",
    "slack.invalid_thread_ts",
    "slack.thread_locked",
    "slack.cannot_reply_to_message",
)


class SlackChannel:
    """Speaks to people in the app's direct message with each. An address is a user id (U, W) or a channel id."""

    name = ChannelName.SLACK
    can_edit = True
    can_find = True

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._client = SlackClient(config)
        self._conversations: dict[str, str] = {}
        self._accounts = Accounts(self._client.user)

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        channel, thread = await self._conversation(message.address), mapping.thread(message)
        try:
            return await self._post(channel, message, thread)
        except (RejectedError, NotFoundError) as error:
            if not thread or error.code not in _NO_THREAD:
                raise
            return await self._post(channel, message, "")

    async def _post(self, channel: str, message: ChannelMessage, thread: str) -> SentMessage:
        content, mark = mapping.post(message), mapping.metadata(message.key)
        try:
            ts, conversation = await self._client.post(channel, content, mark, thread)
        except KeyError as error:
            raise OutcomeUnknownError("Slack's answer to a message names no message.", detail=repr(error)) from error
        return SentMessage(vendor_id=ts, conversation=conversation)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """Reads the thread and the conversation back to `since` for the message's key: whether it went into a thread
        may have been decided anew since it was sent."""
        channel = await self._conversation(message.address)
        oldest, thread = f"{(since - _SKEW).timestamp():.6f}", mapping.thread(message)
        threads = [thread, ""] if thread else [""]
        for place in threads:
            with suppress(NotFoundError):  # the thread's first message was deleted
                found = await self._search(channel, place, oldest, message.key)
                if found is not None:
                    return found
        return None

    async def _search(self, channel: str, thread: str, oldest: str, key: str) -> SentMessage | None:
        cursor = ""
        for _ in range(_PAGES):
            messages, cursor = await self._page(channel, thread, oldest, cursor)
            found = next((item for item in messages if mapping.marked(item, key)), None)
            if found is not None:
                return SentMessage(vendor_id=str(found["ts"]), conversation=channel)
            if not cursor:
                return None
        raise TransientError("The Slack conversation is too long to search; it is tried again.", detail=channel)

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        await self._client.update(sent.conversation, sent.vendor_id, mapping.post(message))

    async def picture(self, media: Media) -> Picture:
        """See FileFetcher.fetch."""
        return await FileFetcher(self._config).fetch(media)

    def verify(self, request: CallbackRequest) -> None:
        """Signature first, over the raw bytes; then team and app: one app may also be installed in a workspace that is
        not this plant's."""
        if not signed(request, self._config.signing_secret.get_secret_value()):
            raise AuthError("The Slack callback is not signed for this app.", code="slack.signature")
        try:
            callback = self.parse(request)
        except InvalidPayloadError:
            return  # Slack's own bytes: `read` says what is wrong with them
        self._ours(callback)

    def parse(self, request: CallbackRequest) -> Callback:
        """What a verified callback is. Raises InvalidPayloadError."""
        return callbacks.parse(request)

    def unwrap(self, kind: str, payload: Mapping[str, Any]) -> Callback:
        """The same out of a Socket Mode envelope. Raises InvalidPayloadError, AuthError for another team or app."""
        callback = callbacks.unwrap(kind, payload)
        self._ours(callback)
        return callback

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        return self.messages(self.parse(request))

    def messages(self, callback: Callback) -> list[InboundMessage]:
        """The answers in it. Raises InvalidPayloadError."""
        return reading.messages(callback, self._config.origins)

    def wishes(self, callback: Callback) -> list[Wish]:
        """What somebody wants to be shown. Raises InvalidPayloadError."""
        return reading.wishes(callback)

    def challenge(self, callback: Callback) -> str | None:
        """What to answer (as text/plain) when Slack checks the events URL; None for every other callback."""
        return str(callback.data.get("challenge", "")) if callback.kind == "url_verification" else None

    def place(self, callback: Callback) -> Mapping[str, Any]:
        """Where the person can be answered at once, see `whisper`."""
        return reading.place(callback, self._config.origins)

    async def barred(self, callback: Callback, now: datetime) -> str:
        """Why the one who did this has no power (C8), or empty. Raises TransientError when Slack can't tell."""
        user, team = reading.presser(callback)
        return "is_stranger" if team and team != callback.team else await self.barred_account(user, now)

    async def barred_account(self, user: str, now: datetime) -> str:
        """The same of an account whose callback is gone."""
        return await self._accounts.barred(user, now)

    async def whisper(self, place: Mapping[str, Any], user: str, content: Mapping[str, Any]) -> None:
        """A text, perhaps with blocks, that only this user sees, where they pressed or wrote."""
        url = place.get("response_url")
        fitted = mapping.content(content)
        if isinstance(url, str) and reading.allowed(url, self._config.origins):
            await self._client.respond(url, fitted)
            return
        channel = str(place.get("channel") or await self._conversation(user))
        await self._client.whisper(channel, user, str(place.get("thread_ts") or ""), fitted)

    async def open_view(self, trigger: str, view: Mapping[str, Any], *, push: bool = False) -> tuple[str, str]:
        """Opens a modal with a trigger id (3 s, once); gives the view's id and hash."""
        return await self._client.open_view(trigger, mapping.view(view), push=push)

    async def update_view(self, view_id: str, hash_: str, view: Mapping[str, Any]) -> None:
        await self._client.update_view(view_id, hash_, mapping.view(view))

    async def publish(self, user: str, view: Mapping[str, Any]) -> None:
        """Shows this home tab to the user."""
        await self._client.publish(user, mapping.view(view))

    async def listen(self, app_token: str, take: Take) -> None:
        """Socket Mode instead of HTTP, until cancelled; see SlackClient.listen."""
        await self._client.listen(app_token, take)

    def _ours(self, callback: Callback) -> None:
        if callback.kind in ("url_verification", "ssl_check"):
            return  # neither names a team, and neither does anything
        if (callback.team, callback.app) != (self._config.team_id, self._config.app_id):
            raise AuthError(
                "The Slack callback is of another workspace or app.",
                detail=f"team {callback.team}, app {callback.app}",
                code="slack.origin",
            )

    async def _page(self, channel: str, thread: str, oldest: str, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        if thread:
            return await self._client.replies(channel, thread, oldest, cursor)
        return await self._client.history(channel, oldest, cursor)

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
