"""A stand-in vendor of messages: it accepts, loses the answer, or is away, and remembers what reached which phone."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from domain.errors import AuthError, InvalidPayloadError, OutcomeUnknownError, TransientError
from domain.rosters.people import ChannelName

Trouble = Literal["away", "swallow_answer"]


@dataclass
class FakeChannel:
    """`sent` is what the vendor accepted, in order; `edits` by vendor id."""

    name: ChannelName
    can_edit: bool = True
    can_find: bool = True
    sent: list[ChannelMessage] = field(default_factory=list)
    edits: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    trouble: deque[Trouble] = field(default_factory=deque)
    away: bool = False

    async def send(self, message: ChannelMessage) -> SentMessage:
        trouble = self.trouble.popleft() if self.trouble else None
        if self.away or trouble == "away":
            raise TransientError(f"{self.name} is away")
        self.sent.append(message)
        if trouble == "swallow_answer":
            raise OutcomeUnknownError("no answer came")
        return SentMessage(f"v-{message.key}", f"D-{message.address}")

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        self.looked_up.append(message.key)
        known = any(sent.key == message.key for sent in self.sent)
        return SentMessage(f"v-{message.key}", f"D-{message.address}") if known else None

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        if self.away:
            raise TransientError(f"{self.name} is away")
        self.edits.setdefault(sent.vendor_id, []).append(dict(message.payload))

    def verify(self, request: CallbackRequest) -> None:
        if request.headers.get("signature") != "right":
            raise AuthError("the signature is wrong")

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """The body is `address verb task`; empty for a status."""
        words = request.body.decode().split()
        if not words:
            return []
        if len(words) != 3:
            raise InvalidPayloadError("no press")
        address, verb, task = words
        return [InboundMessage(self.name, f"{self.name}:{request.body!r}", address, verb=verb, task=task)]

    def addresses(self) -> list[str]:
        return [message.address for message in self.sent]
