"""Slack's callbacks: payloads in Slack's shape, signed v0, answered within three seconds or shown as a failure."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from infra.phones.callbacks import Answer, Caller, Outgoing
from infra.phones.config import Person
from infra.phones.faults import Orders, SabotageKind
from infra.phones.slack_views import new_trigger, view_json
from infra.phones.slack_workspace import Workspace
from infra.phones.state import Channel, Json, Message, ResponseUrl, Trigger, View, new_id

_STALE_SECONDS = 600  # twice the window in which a signature is good


class SlackCallbacks:
    """Builds, signs and sends what Slack sends when a person does something."""

    def __init__(self, workspace: Workspace, caller: Caller, orders: Orders, base_url: str) -> None:
        self.workspace, self.caller, self.orders, self.base_url = workspace, caller, orders, base_url
        self.state = workspace.state
        self._retries: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up the retries under way."""
        for retry in self._retries:
            retry.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    async def block_actions(self, person: Person, source: Message | View, action: Json, values: Json) -> Answer:
        """A press on a message or in a view; `values` is the state of its inputs."""
        view_id = source.id if isinstance(source, View) else None
        payload = self._payload("block_actions", person, new_trigger(self.state, _id(person), view_id))
        if isinstance(source, View):
            payload["container"] = {"type": "view", "view_id": source.id}
            payload["view"] = view_json(self.state, source) | {"state": {"values": values}}
        else:
            payload |= self._message_parts(person, source)
            payload["state"] = {"values": values}
        payload["actions"] = [{**action, "action_ts": f"{time.time():.6f}"}]
        return await self._interactivity("block_actions", payload)

    async def view_event(self, kind: str, person: Person, view: View) -> Answer:
        """view_submission or view_closed."""
        payload = self._payload(kind, person, new_trigger(self.state, _id(person), view.id))
        payload["view"] = view_json(self.state, view)
        if kind == "view_submission":
            payload["response_urls"] = []
        else:
            payload["is_cleared"] = False
            payload.pop("trigger_id")
        return await self._interactivity(kind, payload)

    async def command(self, person: Person, channel: Channel, command: str, text: str) -> Answer:
        """A slash command, as a plain form."""
        slack = self.state.config.slack
        form = {"team_id": slack.team_id, "team_domain": slack.team_domain, "channel_id": channel.id}
        form |= {"channel_name": channel.name, "user_id": _id(person), "user_name": _slug(person)}
        form |= {"command": command, "text": text, "api_app_id": slack.app_id, "is_enterprise_install": "false"}
        form["response_url"] = self._response_url(channel.id, _id(person), None)
        form["trigger_id"] = new_trigger(self.state, _id(person)).id
        sabotage = self.orders.take_sabotage("slack", "command")
        wrong = {"wrong_team": ("team_id", "T0STRANGER"), "wrong_app": ("api_app_id", "A0STRANGER")}
        if sabotage in wrong:
            form |= [wrong[sabotage]]
        body = urlencode(form).encode()
        return await self._send("command", slack.commands_url, body, "application/x-www-form-urlencoded", sabotage)

    async def message_event(self, message: Message) -> Answer:
        """A message a person wrote to the app, as an event that is retried until it is answered with 2xx."""
        slack = self.state.config.slack
        event = self.workspace.message_json(message) | {"channel": message.channel, "event_ts": message.ts}
        event |= {"channel_type": "im", "client_msg_id": new_id("", 12)}
        grant = {"enterprise_id": None, "team_id": slack.team_id, "user_id": slack.bot_user_id, "is_bot": True}
        envelope: Json = {"type": "event_callback", "team_id": slack.team_id, "api_app_id": slack.app_id}
        envelope |= {"event": event, "event_id": new_id("Ev"), "event_time": int(float(message.ts))}
        envelope |= {"authorizations": [grant], "is_ext_shared_channel": False}
        sabotage = self.orders.take_sabotage("slack", "event")
        _disguise(envelope, sabotage)
        body = json.dumps(envelope).encode()
        answer = await self._send("event", slack.events_url, body, "application/json", sabotage)
        if answer.error and sabotage != "lost":
            self._retry_later(body, answer)
        return answer

    async def verify_events_url(self) -> bool:
        """Send the url_verification challenge; True when the product echoes it."""
        challenge = new_id("", 40)
        body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
        answer = await self._send("url_verification", self.state.config.slack.events_url, body, "application/json")
        return answer.error is None and challenge.encode() in answer.content

    def _retry_later(self, body: bytes, answer: Answer) -> None:
        task = asyncio.create_task(self._retry(body, answer))
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    async def _retry(self, body: bytes, answer: Answer) -> None:
        for number, seconds in enumerate(self.state.config.slack.limits.event_retry_seconds, 1):
            if answer.headers.get("x-slack-no-retry") == "1" or answer.error is None:
                return
            reason = {"operation_timeout": "http_timeout"}.get(answer.error, answer.error)
            await asyncio.sleep(seconds)
            extra = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
            url = self.state.config.slack.events_url
            answer = await self._send("event", url, body, "application/json", extra=extra)

    def _payload(self, kind: str, person: Person, trigger: Trigger) -> Json:
        slack = self.state.config.slack
        user = {"id": _id(person), "username": _slug(person), "name": _slug(person), "team_id": slack.team_id}
        team = {"id": slack.team_id, "domain": slack.team_domain}
        common = {"team": team, "user": user, "api_app_id": slack.app_id, "trigger_id": trigger.id}
        return {"type": kind, **common, "enterprise": None, "is_enterprise_install": False}

    def _message_parts(self, person: Person, message: Message) -> Json:
        channel = self.state.channels.get(message.channel)
        ephemeral = message.only_for is not None
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        return {
            "container": {**container, "is_ephemeral": ephemeral},
            "channel": {"id": message.channel, "name": channel.name if channel else "unknown"},
            "message": self.workspace.message_json(message),
            "response_url": self._response_url(message.channel, _id(person), message.ts),
        }

    def _response_url(self, channel: str, user: str, message_ts: str | None) -> str:
        limits = self.state.config.slack.limits
        kept = ResponseUrl(
            id=new_id("", 24),
            channel=channel,
            user=user,
            message_ts=message_ts,
            uses_left=limits.response_url_uses,
            expires_at=time.time() + limits.response_url_seconds,
        )
        self.state.response_urls.put(kept.id, kept)
        return f"{self.base_url}/slack/actions/{self.state.config.slack.team_id}/{kept.id}"

    async def _interactivity(self, kind: str, payload: Json) -> Answer:
        sabotage = self.orders.take_sabotage("slack", kind)
        _disguise(payload, sabotage)
        body = urlencode({"payload": json.dumps(payload)}).encode()
        url = self.state.config.slack.interactivity_url
        return await self._send(kind, url, body, "application/x-www-form-urlencoded", sabotage)

    async def _send(
        self,
        kind: str,
        url: str | None,
        body: bytes,
        content_type: str,
        sabotage: SabotageKind | None = None,
        *,
        extra: dict[str, str] | None = None,
    ) -> Answer:
        if not url:
            return Answer(None, error="no_url_configured")
        slack = self.state.config.slack
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signature_headers(slack.signing_secret, body, sabotage) | (extra or {})
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


def _id(person: Person) -> str:
    return person.slack_user_id or ""


def _slug(person: Person) -> str:
    return person.name.lower().replace(" ", ".")
