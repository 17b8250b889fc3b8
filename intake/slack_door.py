"""Slack's door: presses, forms, commands and events, committed before Slack is answered."""

from typing import Protocol

from connectors.roles import CallbackRequest, Channel
from intake.gate import DoorAnswer, Gate


class SlackSide(Channel, Protocol):
    def challenge(self, request: CallbackRequest) -> str | None: ...


class SlackDoor:
    """Answers Slack over HTTP."""

    def __init__(self, gate: Gate, channel: SlackSide) -> None:
        self._gate, self._channel = gate, channel

    async def handle(self, request: CallbackRequest) -> DoorAnswer:
        """An empty 200 as soon as what the callback says is durable."""
        refused = await self._gate.checked("slack", request, lambda: self._channel.verify(request))
        if refused:
            return refused
        challenge = self._channel.challenge(request)
        if challenge is not None:
            return DoorAnswer(200, challenge)
        return await self._gate.commit("slack", self._channel, request) or DoorAnswer(200)
