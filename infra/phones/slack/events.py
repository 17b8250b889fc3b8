"""The Events API: what an app subscribed to, repeated until it is answered with 2xx or acknowledged."""

import asyncio
import json

from infra.phones.callbacks import Answer, Caller, Outgoing
from infra.phones.config import Person
from infra.phones.slack.delivery import Retry, SlackDelivery, signature_headers
from infra.phones.slack.views import view_json
from infra.phones.slack.workspace import Workspace
from infra.phones.state import Json, Message, new_id

_REASONS = {"operation_timeout": "http_timeout", "connection_failed": "connection_failed"}
_SUBSCRIPTIONS = {"im": "message.im", "mpim": "message.mpim", "channel": "message.channels"}


class SlackEvents:
    """Builds events and repeats those that were not taken."""

    def __init__(self, workspace: Workspace, delivery: SlackDelivery, caller: Caller) -> None:
        self.workspace, self.delivery, self.caller = workspace, delivery, caller
        self.state = workspace.state
        self._retries: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up the retries under way."""
        for retry in self._retries:
            retry.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    async def message(self, message: Message) -> Answer:
        """A message that a person wrote."""
        channel = self.state.channels.get(message.channel)
        kind = channel.kind if channel else "im"
        subscription = "message.groups" if channel and channel.private else _SUBSCRIPTIONS[kind]
        event = self.workspace.message_json(message) | {"channel": message.channel, "event_ts": message.ts}
        event |= {"channel_type": "group" if subscription == "message.groups" else kind}
        event["client_msg_id"] = new_id("", 12)
        return await self._send(subscription, event, message.ts)

    async def home_opened(self, person: Person, tab: str) -> Answer:
        """Somebody looked at the app's home (docs.slack.dev/reference/events/app_home_opened)."""
        user, ts = person.slack_user_id or "", self.workspace.next_ts()
        event: Json = {"type": "app_home_opened", "user": user, "tab": tab, "event_ts": ts}
        event["channel"] = self.workspace.open_im(user)[0].id
        home = next((v for v in self.state.views if v.user == user and v.body["type"] == "home"), None)
        if tab == "home" and home:
            event["view"] = view_json(self.state, home)
        return await self._send("app_home_opened", event, ts)

    async def verify_url(self) -> bool:
        """Send the url_verification challenge; True when the product echoes it."""
        slack, challenge = self.state.config.slack, new_id("", 40)
        body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
        headers = {"Content-Type": "application/json", **signature_headers(slack.signing_secret, body)}
        patience = slack.limits.acknowledge_seconds
        answer = await self.caller.send(
            Outgoing("slack", "url_verification", slack.events_url or "", body, headers, patience)
        )
        return answer.error is None and challenge.encode() in answer.content

    async def _send(self, subscription: str, event: Json, ts: str) -> Answer:
        slack = self.state.config.slack
        if subscription not in slack.events:
            return Answer(None, error="not_subscribed")
        grant = {"enterprise_id": None, "team_id": slack.team_id, "user_id": slack.bot_user_id, "is_bot": True}
        envelope: Json = {"type": "event_callback", "team_id": slack.team_id, "api_app_id": slack.app_id}
        envelope |= {"event": event, "event_id": new_id("Ev"), "event_time": int(float(ts))}
        envelope |= {"authorizations": [grant], "is_ext_shared_channel": False}
        answer = await self.delivery.send("events_api", "event", envelope)
        if answer.error not in (None, "lost on order", "no_url_configured"):
            task = asyncio.create_task(self._repeat(envelope, answer))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return answer

    async def _repeat(self, envelope: Json, answer: Answer) -> None:
        for number, seconds in enumerate(self.state.config.slack.limits.event_retry_seconds, 1):
            if answer.headers.get("x-slack-no-retry") == "1" or answer.error is None:
                return
            await asyncio.sleep(seconds)
            why = _REASONS.get(answer.error, "http_error")
            answer = await self.delivery.send("events_api", "event", envelope, Retry(number, why))
