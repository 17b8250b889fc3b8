"""What is on each person's phone now: Slack, open modals, texts, calls and mail, as the page and the tests read it."""

from infra.phones.config import Person
from infra.phones.screen_phones import (
    count_phones,
    current_call,
    number_that_rings,
    shown_calls,
    shown_mail,
    shown_texts,
)
from infra.phones.slack.people import SlackPeople
from infra.phones.slack.render import buttons, inputs, shown_text
from infra.phones.slack.views import open_views
from infra.phones.state import Json, Message, State, View


class Screens:
    """Reads the state as screens."""

    def __init__(self, state: State, hands: SlackPeople) -> None:
        self.state, self.hands = state, hands

    def all(self, last: int | None = None) -> list[Json]:
        """One screen a person, in the order of the configuration."""
        return [self.of(person, last) for person in self.state.config.people]

    def of(self, person: Person, last: int | None = None) -> Json:
        """The person, the messages (oldest first; only the `last` ones), the open modals and the home tab."""
        slack = [m for m in self.state.messages if self.hands.sees(person, m)]
        kept = slice(-last if last else 0, None)
        shown = [self._slack(m) for m in slack[kept]]
        for others in (
            shown_texts(self.state, person),
            shown_calls(self.state, person),
            shown_mail(self.state, person),
        ):
            shown += others[kept]
        messages = sorted(shown, key=lambda m: float(m["at"]))[kept]
        user = person.slack_user_id or ""
        home = [v for v in self.state.views if v.user == user and v.body["type"] == "home"]
        opted_out = any(o.phone == person.phone for o in self.state.opt_outs)
        who: Json = {"name": person.name, "title": person.title, "slack_user_id": person.slack_user_id}
        views = {"modals": [self._view(v) for v in open_views(self.state, user)], "home": [self._view(v) for v in home]}
        who |= {"phone": person.phone, "whatsapp": person.whatsapp, "voice": number_that_rings(person)}
        who |= {"email": person.email, "opted_out": opted_out}
        return {**who, "messages": messages, "call": current_call(self.state, person), **views}

    def counters(self) -> Json:
        """How many messages the product sent to each person: accepted ones, deleted or not, edits apart."""
        return {person.name: self._count(person) for person in self.state.config.people}

    def _count(self, person: Person) -> Json:
        bot = self.state.config.slack.bot_user_id
        private = {c.id for c in self.state.channels if c.kind == "im" and person.slack_user_id in c.members}
        mine = [m for m in self.state.messages if m.user == bot and (m.channel in private or self._alone(person, m))]
        return {
            "slack": len([m for m in mine if m.only_for is None]),
            "ephemeral": len([m for m in mine if m.only_for is not None]),
            "edited": len([m for m in mine if m.edited_ts]),
            **count_phones(self.state, person),
        }

    def _alone(self, person: Person, message: Message) -> bool:
        return message.only_for is not None and message.only_for == person.slack_user_id

    def _slack(self, message: Message) -> Json:
        channel = self.state.channels.get(message.channel)
        blocks = message.blocks + [b for a in message.attachments for b in a.get("blocks", [])]
        place = {"channel": message.channel, "channel_name": channel.name if channel else "", "ts": message.ts}
        place["kind"] = channel.kind if channel else ""
        state = {"edited": message.edited_ts is not None, "ephemeral": message.only_for is not None}
        author = "app" if message.user == self.state.config.slack.bot_user_id else self._author(message.user)
        return {
            "via": "slack",
            "at": message.ts,
            "from": author,
            **place,
            "thread_ts": message.thread_ts,
            "text": shown_text(message),
            "notification": message.text,
            "blocks": blocks,
            "buttons": buttons(blocks),
            "inputs": inputs(blocks),
            "metadata": message.metadata,
            "warning": message.warning,
            **state,
        }

    def _author(self, user: str) -> str:
        person = self.state.person(user)
        return person.name if person else "Slackbot"

    def _view(self, view: View) -> Json:
        body = view.body
        named = {name: body.get(name, "") for name in ("callback_id", "private_metadata", "external_id")}
        texts = {name: (body.get(name) or {}).get("text", "") for name in ("title", "submit", "close")}
        parts = {"blocks": body["blocks"], "buttons": buttons(body["blocks"])}
        entered = {"inputs": inputs(body["blocks"], view.state), "errors": view.errors, "warning": view.warning}
        return {"view_id": view.id, "hash": view.hash, **named, **texts, **parts, **entered}
