"""Socket Mode: the app's WebSockets, the envelopes sent over them and the acknowledgements that come back.

Protocol: docs.slack.dev/apis/events-api/using-socket-mode (hello, disconnect with a reason, envelope_id, ten at once).
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from aiohttp import WSMsgType, web

from infra.phones.callbacks import Answer
from infra.phones.doors import Door
from infra.phones.records import Records
from infra.phones.slack.call import SlackRefusal
from infra.phones.state import Json, State, new_id

_TICKET_SECONDS = 30.0
_DEBUG_SECONDS = 360.0  # what ?debug_reconnects=true shortens a connection to
Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


@dataclass
class Envelope:
    """One payload on its way; the same id when it is handed to another connection."""

    type: str
    payload: Json
    accepts_response_payload: bool
    retry_attempt: int = 0
    retry_reason: str = ""
    id: str = field(default_factory=lambda: str(uuid4()))

    def frame(self) -> str:
        """The JSON text."""
        body: Json = {"envelope_id": self.id, "type": self.type, "payload": self.payload}
        body |= {"accepts_response_payload": self.accepts_response_payload}
        if self.type == "events_api":
            body |= {"retry_attempt": self.retry_attempt, "retry_reason": self.retry_reason}
        return json.dumps(body)


@dataclass(eq=False)
class Link:
    """One open WebSocket."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    id: str = field(default_factory=lambda: new_id("W", 8))
    opened: float = field(default_factory=time.time)
    sent: int = 0
    acknowledged: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Waiting:
    envelope: Envelope
    answer: asyncio.Future[Json]


class SlackSockets:
    """All WebSockets of the app."""

    def __init__(self, state: State, records: Records) -> None:
        self.state, self.records = state, records
        self._tickets: dict[str, float] = {}
        self._links: list[Link] = []
        self._waiting: dict[str, _Waiting] = {}
        self._done: set[str] = set()
        self._clocks: set[asyncio.Task[None]] = set()
        application = web.Application()
        application.router.add_get("/link/", self._connect)
        self._runner = web.AppRunner(application, access_log=None)
        self.door: Door | None = None

    async def prepare(self, port: int) -> Door:
        """The door of the WebSockets, still closed."""
        await self._runner.setup()
        assert self._runner.server is not None
        self.door = Door(port, self._runner.server, lambda: [link.transport for link in self._links if link.transport])
        return self.door

    async def close(self) -> None:
        """Let go of everything."""
        for clock in self._clocks:
            clock.cancel()
        for link in list(self._links):
            await link.socket.close()
        await self._runner.cleanup()

    def url(self) -> str:
        """A WebSocket address for one connection, as apps.connections.open returns it."""
        assert self.door is not None
        ticket = uuid4().hex
        self._tickets[ticket] = time.monotonic() + _TICKET_SECONDS
        return f"ws://127.0.0.1:{self.door.port}/link/?ticket={ticket}&app_id={self.state.config.slack.app_id}"

    def open_links(self) -> list[Json]:
        """The connections, oldest first."""
        return [
            {"id": k.id, "opened": k.opened, "sent": k.sent, "acknowledged": k.acknowledged} for k in list(self._links)
        ]

    async def deliver(self, envelope: Envelope, patience: float) -> Answer:
        """Send an envelope and await its acknowledgement; a connection that closes before is replaced by another."""
        waiting = _Waiting(envelope, asyncio.get_running_loop().create_future())
        self._waiting[envelope.id] = waiting
        deadline = time.monotonic() + patience
        try:
            while self._links and (left := deadline - time.monotonic()) > 0:
                link = self._links.pop(0)
                self._links.append(link)  # the next envelope, and the next try of this one, take another
                if not await self._send(link, envelope.frame()):
                    continue
                if await _first(waiting.answer, link.gone, left):
                    payload = waiting.answer.result()
                    content = json.dumps(payload).encode() if payload else b""
                    return Answer(200, content, "application/json")
            return Answer(None, error="operation_timeout" if self._links else "connection_failed")
        finally:
            del self._waiting[envelope.id]
            self._done.add(envelope.id)

    async def end(self, reason: Reason | None) -> int:
        """Announce the end of every connection and close it (a warning is only said); None = cut without a word."""
        links = list(self._links)
        for link in links:
            if reason is None and link.transport:
                link.transport.abort()
            elif reason:
                await self._disconnect(link, reason)
        return len(links)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        expires = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if time.monotonic() > expires:
            self.records.violation(
                "slack", "socket", "request", "invalid_ticket", "a ticket opens one connection, once"
            )
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        slack = self.state.config.slack
        link = Link(socket, request.transport)
        if not slack.socket_mode:
            await self._disconnect(link, "link_disabled")
            return socket
        if len(self._links) >= slack.limits.socket_connections:
            self.records.violation("slack", "socket", "state", "too_many_websockets")
            await self._disconnect(link, "too_many_websockets")
            return socket
        lasts = min(slack.limits.socket_seconds, _DEBUG_SECONDS if "debug_reconnects" in request.query else 1e9)
        self._links.append(link)
        clock = asyncio.create_task(self._refresh(link, lasts))
        self._clocks.add(clock)
        try:
            await self._send(link, self._hello(lasts))
            await self._listen(link)
        finally:
            clock.cancel()
            self._clocks.discard(clock)
            self._links.remove(link)
            link.gone.set()
        return socket

    def _hello(self, lasts: float) -> str:
        debug = {"host": "applink-stand-in", "build_number": 1, "approximate_connection_time": int(lasts)}
        info = {"app_id": self.state.config.slack.app_id}
        return json.dumps(
            {"type": "hello", "num_connections": len(self._links), "debug_info": debug, "connection_info": info}
        )

    async def _refresh(self, link: Link, lasts: float) -> None:
        warning = min(self.state.config.slack.limits.socket_warning_seconds, lasts / 2)
        await asyncio.sleep(lasts - warning)
        await self._disconnect(link, "warning")
        await asyncio.sleep(warning)
        await self._disconnect(link, "refresh_requested")

    async def _disconnect(self, link: Link, reason: Reason) -> None:
        host = {"host": "applink-stand-in"}
        await self._send(link, json.dumps({"type": "disconnect", "reason": reason, "debug_info": host}))
        if reason != "warning":
            await link.socket.close()

    async def _send(self, link: Link, text: str) -> bool:
        try:
            await link.socket.send_str(text)
        except (ConnectionError, RuntimeError):  # aiohttp: a socket that is closing raises either
            return False
        link.sent += 1
        return True

    async def _listen(self, link: Link) -> None:
        async for message in link.socket:
            if message.type is WSMsgType.TEXT:
                try:
                    self._acknowledged(link, message.data)
                except SlackRefusal as refusal:
                    self.records.violation("slack", "socket", refusal.kind, refusal.error, *refusal.messages)

    def _acknowledged(self, link: Link, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not said.keys() <= {"envelope_id", "payload"}:
            raise SlackRefusal("invalid_acknowledgement", "[ERROR] must be {envelope_id, payload?}")
        name, payload = said.get("envelope_id"), said.get("payload")
        waiting = self._waiting.get(str(name))
        if waiting is None:
            known = name in self._done
            raise SlackRefusal(
                "late_acknowledgement" if known else "unknown_envelope", kind="state" if known else "request"
            )
        if payload is not None and not isinstance(payload, dict):
            raise SlackRefusal("invalid_acknowledgement", "[ERROR] payload must be an object")
        if payload and not waiting.envelope.accepts_response_payload:
            raise SlackRefusal("payload_not_accepted", "[ERROR] this envelope takes no response payload")
        link.acknowledged += 1
        if not waiting.answer.done():
            waiting.answer.set_result(payload or {})


async def _first(answer: asyncio.Future[Json], gone: asyncio.Event, seconds: float) -> bool:
    """Whether the answer came before the connection went or the time was up."""
    closed = asyncio.create_task(gone.wait())
    both: set[asyncio.Future[Any]] = {answer, closed}
    await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    closed.cancel()
    return answer.done()
