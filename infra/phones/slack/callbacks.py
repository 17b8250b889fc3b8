"""Slack's callbacks about what a person did: payloads in Slack's shape, for HTTP and for Socket Mode alike."""

import time

from infra.phones.callbacks import Answer
from infra.phones.config import Person
from infra.phones.slack.delivery import SlackDelivery
from infra.phones.slack.views import new_trigger, view_json
from infra.phones.slack.workspace import Workspace
from infra.phones.state import Channel, Json, Message, ResponseUrl, Trigger, View, new_id


class SlackCallbacks:
    """Builds what Slack sends when a person presses, submits, types a command or uses a shortcut."""

    def __init__(self, workspace: Workspace, delivery: SlackDelivery, base_url: str) -> None:
        self.workspace, self.delivery, self.base_url = workspace, delivery, base_url
        self.state = workspace.state

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
        return await self.delivery.send("interactive", "block_actions", payload)

    async def view_event(self, kind: str, person: Person, view: View) -> Answer:
        """view_submission or view_closed."""
        payload = self._payload(kind, person, new_trigger(self.state, _id(person), view.id))
        payload["view"] = view_json(self.state, view)
        if kind == "view_submission":
            payload["response_urls"] = []
        else:
            payload["is_cleared"] = False
            payload.pop("trigger_id")
        return await self.delivery.send("interactive", kind, payload)

    async def command(self, person: Person, channel: Channel, command: str, text: str) -> Answer:
        """A slash command, as a plain form."""
        slack = self.state.config.slack
        form = {"team_id": slack.team_id, "team_domain": slack.team_domain, "channel_id": channel.id}
        form |= {"channel_name": channel.name, "user_id": _id(person), "user_name": _slug(person)}
        form |= {"command": command, "text": text, "api_app_id": slack.app_id, "is_enterprise_install": "false"}
        form["response_url"] = self._response_url(channel.id, _id(person), None)
        form["trigger_id"] = new_trigger(self.state, _id(person)).id
        return await self.delivery.send("slash_commands", "command", form)

    async def shortcut(self, person: Person, callback_id: str, message: Message | None) -> Answer:
        """A global shortcut, or one on `message`. Fields: docs.slack.dev/reference/interaction-payloads."""
        kind = "message_action" if message else "shortcut"
        payload = self._payload(kind, person, new_trigger(self.state, _id(person)))
        payload |= {"callback_id": callback_id, "action_ts": f"{time.time():.6f}"}
        if message:
            parts = self._message_parts(person, message)
            payload |= {name: parts[name] for name in ("channel", "message", "response_url")}
            payload["message_ts"] = message.ts
        return await self.delivery.send("interactive", kind, payload)

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
        slack = self.state.config.slack
        return f"{slack.base_url or self.base_url}/slack/actions/{slack.team_id}/{kept.id}"


def _id(person: Person) -> str:
    return person.slack_user_id or ""


def _slug(person: Person) -> str:
    return person.name.lower().replace(" ", ".")
