"""The HTTP doors: verify, read, commit, then answer. Nothing is acknowledged that is not in the inbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from connectors.roles import CallbackRequest
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal
from intake import signals
from intake.gate import DoorAnswer, Gate
from intake.slack.door import SlackDoor
from intake.twilio_door import TwilioDoor
from store.db import Database

__all__ = ["DoorAnswer", "Doors", "EventDoor"]


class EventDoor(Protocol):
    """A signed webhook for events: verify raises AuthError, read raises InvalidPayloadError."""

    def verify(self, request: CallbackRequest) -> None: ...

    def read(self, request: CallbackRequest) -> RawSignal: ...


class Doors:
    """All doors of one site. A channel that is not configured answers 404."""

    def __init__(
        self, database: Database, events: EventDoor, slack: SlackDoor | None, twilio: TwilioDoor | None
    ) -> None:
        self._database, self._gate = database, Gate(database)
        self._events, self._twilio = events, twilio
        self._slack = slack

    async def refuse(self, door: str, reason: str, body: bytes, now: datetime) -> None:
        """Remember a call that a route turned away before it came here (too large)."""
        await self._gate.refuse(door, reason, body, now)

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """An event: 202 when it is new and durable, 200 when it was here before."""
        request = CallbackRequest("/webhooks/events", url, headers, body, now)
        refused = await self._gate.checked("webhook", request, lambda: self._events.verify(request))
        return refused or await self._event("webhook", request)

    async def program(self, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """The same of a program whose token was looked at: nothing has to be signed."""
        return await self._event("signals", CallbackRequest("/api/signals", "", headers, body, now))

    async def _event(self, door: str, request: CallbackRequest) -> DoorAnswer:
        body, now = request.body, request.received_at
        try:
            raw = self._events.read(request)
        except InvalidPayloadError as error:
            await self.refuse(door, error.message, body, now)
            return DoorAnswer(422, error.message)
        new = (await signals.receive(self._database, [raw], now))[0]
        return DoorAnswer(202, "accepted") if new else DoorAnswer(200, "already here")

    async def slack(self, path: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """A press, form, command or event of Slack."""
        if self._slack is None:
            return DoorAnswer(404, "Slack is not connected")
        return await self._slack.handle(CallbackRequest(path, url, headers, body, now))

    async def twilio(self, path: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> DoorAnswer:
        """A text, a delivery state, a key pressed in a call, or a call that asks what to say."""
        if self._twilio is None:
            return DoorAnswer(404, "SMS is not connected")
        return await self._twilio.handle(CallbackRequest(path, url, headers, body, now))
