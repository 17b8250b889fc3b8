"""Twilio's door: texts, WhatsApp messages, delivery states, keys pressed in a call, and what a call is to say."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from connectors.roles import CallbackRequest, Channel
from domain.values import Json
from intake.delivery import DeliveryReport
from intake.gate import DoorAnswer, Gate

_XML = "text/xml"
_NOTHING = "<Response/>"  # text would be sent to the person

Script = Callable[[str], Awaitable[Mapping[str, Json] | None]]
"""What the call for the message with this key says now, as the voice template renders it; None when there is none."""


class Line(Channel, Protocol):
    """A channel with Twilio's callbacks behind it."""

    def status(self, request: CallbackRequest) -> DeliveryReport | None:
        """What became of a message, if the callback says that; raises InvalidPayloadError."""
        ...


class Caller(Protocol):
    """The channel of a call under way."""

    def speak(self, request: CallbackRequest, script: Mapping[str, Json] | None) -> str: ...

    def subject(self, request: CallbackRequest) -> str:
        """The key of the message that the call is about."""
        ...


class Lines(Protocol):
    """Which channel a callback is for: chosen before anything is believed."""

    def at(self, request: CallbackRequest) -> Line | None: ...

    def caller(self, request: CallbackRequest) -> Caller | None:
        """The voice channel when the callback asks what to say."""
        ...


async def silent(key: str) -> None:
    """No script: a call is hung up."""


class TwilioDoor:
    """Verify, commit, answer at once: Twilio waits 15 seconds and then says so to the person."""

    def __init__(self, gate: Gate, lines: Lines, script: Script = silent) -> None:
        self._gate, self._lines, self._script = gate, lines, script

    async def handle(self, request: CallbackRequest) -> DoorAnswer:
        """404 for a channel that is not connected, 403 for what Twilio did not sign for us, else TwiML."""
        line = self._lines.at(request)
        if line is None:
            return DoorAnswer(404, "not connected")
        refused = await self._gate.checked("twilio", request, lambda: line.verify(request))
        refused = refused or await self._gate.commit("twilio", line, request, line.status)
        if refused:
            return refused
        caller = self._lines.caller(request)
        if caller is None:
            return DoorAnswer(200, _NOTHING, _XML)
        return DoorAnswer(200, caller.speak(request, await self._script(caller.subject(request))), _XML)
