"""The HTTP doors: verify, read, commit, then answer. Nothing is acknowledged that is not in the inbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.roles import CallbackRequest, Channel
from domain.errors import AuthError, InvalidPayloadError
from domain.signals import RawSignal
from intake import answers, delivery, signals
from intake.delivery import DeliveryReport
from store.db import Database

_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class DoorAnswer:
    """What the caller gets over HTTP."""

    status: int
    body: str = ""
    content_type: str = _PLAIN


class EventDoor(Protocol):
    """A signed webhook for events: verify raises AuthError, read raises InvalidPayloadError."""

    def verify(self, request: CallbackRequest) -> None: ...

    def read(self, request: CallbackRequest) -> RawSignal: ...


class SlackDoor(Channel, Protocol):
    def challenge(self, request: CallbackRequest) -> str | None: ...


class TwilioDoor(Channel, Protocol):
    def status(self, request: CallbackRequest) -> DeliveryReport | None:
        """What became of a message, if the callback says that; raises InvalidPayloadError."""
        ...


class Doors:
    """All doors of one site. A channel that is not configured answers 404."""

    def __init__(
        self, database: Database, events: EventDoor, slack: SlackDoor | None, twilio: TwilioDoor | None
    ) -> None:
        self._database = database
        self._events, self._slack, self._twilio = events, slack, twilio

    async def refuse(self, door: str, reason: str, body: bytes, now: datetime) -> None:
        """Remember a call that a route turned away before it came here (too large)."""
        await signals.refuse(self._database, door, reason, body, now)

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """An event: 202 when it is new and durable, 200 when it was here before."""
        request = CallbackRequest("/webhooks/events", url, headers, body, now)
        refused = await self._checked("webhook", request, lambda: self._events.verify(request))
        if refused:
            return refused
        try:
            raw = self._events.read(request)
        except InvalidPayloadError as error:
            await self.refuse("webhook", error.message, body, now)
            return DoorAnswer(422, error.message)
        new = (await signals.receive(self._database, [raw], now))[0]
        return DoorAnswer(202, "accepted") if new else DoorAnswer(200, "already here")

    async def slack(self, path: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """A press, form, command or event of Slack: an empty 200 as soon as it is durable."""
        request = CallbackRequest(path, url, headers, body, now)
        if self._slack is None:
            return DoorAnswer(404, "Slack is not connected")
        channel = self._slack
        refused = await self._checked("slack", request, lambda: channel.verify(request))
        if refused:
            return refused
        challenge = channel.challenge(request)
        if challenge is not None:
            return DoorAnswer(200, challenge)
        return await self._commit("slack", channel, request) or DoorAnswer(200)

    async def twilio(self, path: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """An SMS or a delivery status of Twilio: empty TwiML, since text would be sent to the person."""
        request = CallbackRequest(path, url, headers, body, now)
        if self._twilio is None:
            return DoorAnswer(404, "SMS is not connected")
        channel = self._twilio
        refused = await self._checked("twilio", request, lambda: channel.verify(request))
        refused = refused or await self._commit("twilio", channel, request, channel.status)
        return refused or DoorAnswer(200, "<Response/>", "text/xml")

    async def _checked(self, door: str, request: CallbackRequest, verify: Callable[[], None]) -> DoorAnswer | None:
        try:
            verify()
        except AuthError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(401 if door == "webhook" else 403, "refused")
        return None

    async def _commit(
        self,
        door: str,
        channel: Channel,
        request: CallbackRequest,
        status: Callable[[CallbackRequest], DeliveryReport | None] = lambda _: None,
    ) -> DoorAnswer | None:
        try:
            messages, report = channel.read(request), status(request)
        except AuthError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(403, "refused")
        except InvalidPayloadError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(400, "unreadable")
        for message in messages:
            await answers.receive(self._database, message, request.received_at)
        if report is not None:
            await delivery.receive(self._database, channel.name, report, request.received_at)
        return None
