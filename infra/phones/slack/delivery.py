"""How a callback travels from Slack to the app: signed over HTTP, or as an envelope over a WebSocket."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from infra.phones.callbacks import Answer, Caller, Outgoing
from infra.phones.faults import Orders, SabotageKind
from infra.phones.slack.sockets import Envelope, SlackSockets
from infra.phones.state import Json, State

_STALE_SECONDS = 600  # twice the window in which a signature is good
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
Family = Literal["interactive", "slash_commands", "events_api"]


@dataclass(frozen=True)
class Retry:
    """The n-th repetition of an event, and why."""

    number: int
    reason: str


class SlackDelivery:
    """Spoils what was ordered to be spoiled, and sends it on the way the app has chosen."""

    def __init__(self, state: State, caller: Caller, orders: Orders, sockets: SlackSockets) -> None:
        self.state, self.caller, self.orders, self.sockets = state, caller, orders, sockets

    async def send(self, family: Family, kind: str, payload: Json, retry: Retry | None = None) -> Answer:
        """Send once; `kind` is what sabotage and the records call it."""
        sabotage = None if retry else self.orders.take_sabotage("slack", kind)
        _disguise(payload, sabotage)
        if self.state.config.slack.socket_mode:
            return await self._by_socket(family, kind, payload, sabotage, retry)
        return await self._by_http(family, kind, payload, sabotage, retry)

    async def _by_socket(
        self, family: Family, kind: str, payload: Json, sabotage: SabotageKind | None, retry: Retry | None
    ) -> Answer:
        patience = self.state.config.slack.limits.acknowledge_seconds
        call = Outgoing("slack", kind, "socket", json.dumps(payload).encode(), {}, patience, sabotage)
        envelope = Envelope(family, payload, family != "events_api")
        if retry:
            envelope.retry_attempt, envelope.retry_reason = retry.number, retry.reason
        return await self.caller.by(call, lambda: self.sockets.deliver(envelope, patience))

    async def _by_http(
        self, family: Family, kind: str, payload: Json, sabotage: SabotageKind | None, retry: Retry | None
    ) -> Answer:
        slack = self.state.config.slack
        urls = {"interactive": slack.interactivity_url, "slash_commands": slack.commands_url}
        url = urls.get(family, slack.events_url)
        if not url:
            return Answer(None, error="no_url_configured")
        body, content_type = _written(family, payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signature_headers(slack.signing_secret, body, sabotage)
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry.number), "X-Slack-Retry-Reason": retry.reason}
        if sabotage == "tampered":
            body = body.replace(slack.team_id.encode(), slack.team_id.lower().encode(), 1)
        patience = slack.limits.acknowledge_seconds
        return await self.caller.send(Outgoing("slack", kind, url, body, headers, patience, sabotage))


def signature_headers(secret: str, body: bytes, sabotage: SabotageKind | None = None) -> dict[str, str]:
    """Slack's v0 request signature over `v0:<timestamp>:<raw body>`; spoiled when ordered."""
    if sabotage == "unsigned":
        return {}
    stamp = str(int(time.time()) - (_STALE_SECONDS if sabotage == "stale" else 0))
    key = secret + ("-wrong" if sabotage == "wrong_secret" else "")
    digest = hmac.new(key.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def _written(family: Family, payload: Json) -> tuple[bytes, str]:
    if family == "interactive":
        return urlencode({"payload": json.dumps(payload)}).encode(), _FORM
    if family == "slash_commands":
        return urlencode(payload).encode(), _FORM
    return json.dumps(payload).encode(), _JSON


def _disguise(payload: Json, sabotage: SabotageKind | None) -> None:
    """Let a correctly signed payload come from another team or app."""
    if sabotage == "wrong_team":
        team: Any = payload.get("team")
        if isinstance(team, dict):
            team["id"] = "T0STRANGER"
        else:
            payload["team_id"] = "T0STRANGER"
    elif sabotage == "wrong_app":
        payload["api_app_id"] = "A0STRANGER"
