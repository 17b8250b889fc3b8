"""What every channel's door does: check the signature, commit what a person did, remember what was refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.roles import CallbackRequest, Channel
from domain.errors import AuthError, InvalidPayloadError
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


class Gate:
    """One site's inbox, seen from a door."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def refuse(self, door: str, reason: str, body: bytes, now: datetime) -> None:
        """Remember a call that was turned away."""
        await signals.refuse(self.database, door, reason, body, now)

    async def checked(self, door: str, request: CallbackRequest, verify: Callable[[], None]) -> DoorAnswer | None:
        """The refusal when the call is not authentic, else None."""
        try:
            verify()
        except AuthError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(401 if door == "webhook" else 403, "refused")
        return None

    async def commit(
        self,
        door: str,
        channel: Channel,
        request: CallbackRequest,
        status: Callable[[CallbackRequest], DeliveryReport | None] = lambda _: None,
    ) -> DoorAnswer | None:
        """Put what the callback says into the inbox; the refusal when it cannot be read, else None."""
        try:
            messages, report = channel.read(request), status(request)
        except AuthError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(403, "refused")
        except InvalidPayloadError as error:
            await self.refuse(door, error.message, request.body, request.received_at)
            return DoorAnswer(400, "unreadable")
        for message in messages:
            await answers.receive(self.database, message, request.received_at)
        if report is not None:
            await delivery.receive(self.database, channel.name, report, request.received_at)
        return None
