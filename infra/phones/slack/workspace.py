"""The Slack workspace: its users, conversations and messages, in Slack's own JSON."""

import time
from typing import Any

from infra.phones.config import Person
from infra.phones.slack.blocks import elements_of
from infra.phones.slack.call import SlackRefusal
from infra.phones.state import Channel, Json, Message, State, new_id


class Workspace:
    """Slack's records, read and written in Slack's terms."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._last_ts = max((message.ts for message in state.messages), default="0000000000.000000")

    def next_ts(self) -> str:
        """A message ts: epoch seconds with six digits, unique and growing."""
        now = time.time_ns() // 1000
        last = int(self._last_ts.replace(".", ""))
        digits = f"{max(now, last + 1):016d}"
        self._last_ts = f"{digits[:-6]}.{digits[-6:]}"
        return self._last_ts

    def user(self, user_id: str) -> Person | None:
        """The person with this Slack user id."""
        return next((p for p in self.state.config.people if p.slack_user_id == user_id), None)

    def user_json(self, person: Person, *, with_email: bool) -> Json:
        """A user object as users.info returns it."""
        profile = {"real_name": person.name, "display_name": person.name, "title": person.title}
        if with_email and person.email:
            profile["email"] = person.email
        slug = person.name.lower().replace(" ", ".")
        flags = {"deleted": person.deleted, "is_restricted": person.is_restricted, "is_stranger": person.is_stranger}
        team = self.state.config.slack.team_id
        identity = {"id": person.slack_user_id, "team_id": team, "name": slug, "real_name": person.name}
        return {**identity, "profile": profile, **flags, "is_bot": False, "is_ultra_restricted": False}

    def find(self, reference: str) -> Channel:
        """The conversation meant by an id, a #name or a user id; raises channel_not_found."""
        if found := self.state.channels.get(reference):
            return found
        if self.user(reference):
            return self.open_im(reference)[0]
        for channel in self.state.channels:
            if channel.kind == "channel" and reference.removeprefix("#") == channel.name:
                return channel
        raise SlackRefusal("channel_not_found")

    def writable(self, reference: str) -> Channel:
        """The same, where the app may post; raises is_archived or not_in_channel."""
        channel = self.find(reference)
        if channel.archived:
            raise SlackRefusal("is_archived")
        if not channel.app_is_member:
            raise SlackRefusal("not_in_channel")
        return channel

    def open_im(self, user_id: str) -> tuple[Channel, bool]:
        """The direct conversation of the app with a user, and whether it was open before."""
        channel_id = "D" + user_id[1:]
        if found := self.state.channels.get(channel_id):
            return found, True
        channel = Channel(id=channel_id, name="directmessage", kind="im", members=[user_id])
        return self.state.channels.put(channel_id, channel), False

    def channel_json(self, channel: Channel) -> Json:
        """A conversation object."""
        kinds = {"is_im": channel.kind == "im", "is_mpim": channel.kind == "mpim"}
        kinds["is_channel"] = channel.kind == "channel" and not channel.private
        common = {"id": channel.id, "is_archived": channel.archived, "is_member": channel.app_is_member, **kinds}
        if channel.kind == "im":
            return {**common, "user": channel.members[0], "is_open": True}
        return {**common, "name": channel.name, "is_private": channel.private, "num_members": len(channel.members)}

    def message(self, channel_id: str, ts: str) -> Message | None:
        """A message that exists and was not deleted."""
        found = self.state.messages.get(f"{channel_id}:{ts}")
        return None if found is None or found.deleted else found

    def save(self, message: Message) -> Message:
        """Keep a new or changed message."""
        return self.state.messages.put(f"{message.channel}:{message.ts}", message)

    def post(self, channel: Channel, author: str, content: Json, **more: Any) -> Message:
        """Add a message; `content` holds text, blocks, attachments and metadata as given by the author."""
        kept = {name: content[name] for name in ("text", "blocks", "attachments", "metadata") if content.get(name)}
        kept["blocks"] = with_ids(kept.get("blocks", []))
        kept["attachments"] = attachments_with_ids(kept.get("attachments", []))
        return self.save(Message(channel=channel.id, ts=self.next_ts(), user=author, **kept, **more))

    def message_json(self, message: Message, *, with_metadata: bool = False) -> Json:
        """A message object as histories, answers and callbacks hold it."""
        slack = self.state.config.slack
        body: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
        body["team"] = slack.team_id
        if message.user == slack.bot_user_id:
            body |= {"bot_id": slack.bot_id, "app_id": slack.app_id}
        for name in ("blocks", "attachments", "thread_ts"):
            if value := getattr(message, name):
                body[name] = value
        if message.edited_ts:
            body["edited"] = {"user": message.user, "ts": message.edited_ts}
        if with_metadata and message.metadata:
            body["metadata"] = message.metadata
        if message.thread_ts and (parent := self.message(message.channel, message.thread_ts)) and parent is not message:
            body["parent_user_id"] = parent.user
        return body | self._thread_json(message)

    def _thread_json(self, message: Message) -> Json:
        replies = self.replies(message.channel, message.ts)
        if not replies:
            return {}
        return {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}

    def replies(self, channel_id: str, thread_ts: str) -> list[Message]:
        """The replies of a thread, oldest first, without its parent."""
        found = [m for m in self.visible(channel_id) if m.thread_ts == thread_ts and m.ts != thread_ts]
        return sorted(found, key=lambda m: m.ts)

    def visible(self, channel_id: str) -> list[Message]:
        """The messages a history holds: neither deleted nor ephemeral."""
        return [m for m in self.state.messages.of(channel_id) if not m.deleted and m.only_for is None]


def attachments_with_ids(attachments: list[Json]) -> list[Json]:
    """The attachments with the same for the blocks inside them."""
    return [{**a, "blocks": with_ids(a["blocks"])} if "blocks" in a else a for a in attachments]


def with_ids(blocks: list[Json]) -> list[Json]:
    """The blocks with a block_id each and an action_id for each element, as Slack fills them in."""
    filled = []
    for block in blocks:
        block = {**block, "block_id": block.get("block_id") or new_id("", 5)}
        for _, element in elements_of(block):
            if element.get("type") != "image":
                element.setdefault("action_id", new_id("", 5))
        filled.append(block)
    return filled
