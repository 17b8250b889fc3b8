"""Everything the two vendors remember, and the signal that something on a phone changed."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from infra.phones.config import Person, PhonesConfig
from infra.phones.documents import Collection, Documents

Json = dict[str, Any]


class Channel(BaseModel):
    """A Slack conversation; an `im` has exactly one member beside the app."""

    id: str
    name: str
    kind: Literal["channel", "im", "mpim"]
    private: bool = False
    archived: bool = False
    app_is_member: bool = True
    members: list[str] = []


class Message(BaseModel):
    """A Slack message; `only_for` is set on an ephemeral one."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = []
    attachments: list[Json] = []
    metadata: Json | None = None
    thread_ts: str | None = None
    edited_ts: str | None = None
    only_for: str | None = None
    deleted: bool = False
    warning: str | None = None  # the error triangle a person sees after a failed press


class View(BaseModel):
    """A modal or home tab; `body` is what the app sent, `state` what the person has entered."""

    id: str
    user: str
    hash: str
    body: Json
    root_id: str
    previous_id: str | None = None
    open: bool = True
    state: Json = {}
    errors: dict[str, str] = {}
    warning: str | None = None


class Trigger(BaseModel):
    """A trigger id: it opens one view within seconds of the person's action."""

    id: str
    user: str
    expires_at: float
    used: bool = False
    view_id: str | None = None


class ResponseUrl(BaseModel):
    """A response_url and what is left of it."""

    id: str
    channel: str
    user: str
    message_ts: str | None
    uses_left: int
    expires_at: float


class Sms(BaseModel):
    """One SMS; times are epoch seconds, `itself` marks Twilio's own answers to STOP, START and HELP."""

    sid: str
    direction: Literal["inbound", "outbound-api", "outbound-reply"]
    sender: str
    to: str
    body: str
    status: str
    created: float
    updated: float
    sent: float | None = None
    send_at: float | None = None
    media: list[str] = []
    service_sid: str | None = None
    status_callback: str | None = None
    error_code: int | None = None
    itself: bool = False
    content_sid: str | None = None
    approved: bool = False  # made from a template that WhatsApp has approved
    missing: list[str] = []  # placeholders of the template without a value
    actions: list[Json] = []  # quick replies: id and title


class Content(BaseModel):
    """A template of the Content API; `approval`: name, category, and when it was handed to WhatsApp."""

    sid: str
    created: float
    language: str
    types: Json
    friendly_name: str = ""
    variables: dict[str, str] = {}
    approval: Json | None = None


class Medium(BaseModel):
    """A picture or other file of a message, kept by Twilio; `ticket` opens it on the other host."""

    sid: str
    message_sid: str
    content_type: str
    data: str  # base64
    created: float
    ticket: str


class Call(BaseModel):
    """One voice call; times are epoch seconds, `said` is what was heard and pressed, oldest first."""

    sid: str
    sender: str
    to: str
    status: str
    created: float
    updated: float
    started: float | None = None
    ended: float | None = None
    answered_by: str | None = None
    detect: bool = False
    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback: tuple[str, str] | None = None  # URL and method
    timeout: float = 60.0
    status_callback: str | None = None
    status_method: str = "POST"
    events: list[str] = []
    sequence: int = 0
    said: list[Json] = []
    gathering: bool = False


class Mail(BaseModel):
    """One message in one mailbox, as the server took it; `times` > 1: its Message-ID came again."""

    id: str
    to: str
    sender: str
    message_id: str
    subject: str
    text: str
    html: str
    headers: dict[str, str] = {}
    created: float
    raw: str
    times: int = 1


class OptOut(BaseModel):
    """A number that said STOP to one of ours."""

    phone: str
    sender: str


class Settings(BaseModel):
    """Settings changed while running."""

    changes: Json = {}


class Messages(Collection[Message]):
    """The Slack messages, also by conversation: a history must not walk through all others."""

    def __init__(self, documents: Documents, changed: Callable[[], None]) -> None:
        super().__init__(documents, "messages", Message, changed)
        self._by_channel: dict[str, dict[str, Message]] = {}
        for key, message in self.items():
            self._by_channel.setdefault(message.channel, {})[key] = message

    def put(self, key: str, item: Message) -> Message:
        """Keep a message under `channel:ts`."""
        self._by_channel.setdefault(item.channel, {})[key] = item
        return super().put(key, item)

    def clear(self) -> None:
        """Forget all messages."""
        self._by_channel.clear()
        super().clear()

    def of(self, channel: str) -> list[Message]:
        """The messages of one conversation, oldest first."""
        return list(self._by_channel.get(channel, {}).values())


class State:
    """All records of both vendors over one SQLite file; `revision` grows with every visible change."""

    def __init__(self, config: PhonesConfig, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.documents = Documents(data / "phones.sqlite3")
        # Starting from the wall clock keeps the number growing over a restart.
        self.revision = time.time_ns() // 1_000_000
        self._changed = asyncio.Event()
        self._settings = Collection(self.documents, "settings", Settings)
        self._file_config = config
        self.config = config.merged(self._changes())
        self.channels = Collection(self.documents, "channels", Channel, self.bump)
        self.messages = Messages(self.documents, self.bump)
        self.views = Collection(self.documents, "views", View, self.bump)
        self.triggers = Collection(self.documents, "triggers", Trigger)
        self.response_urls = Collection(self.documents, "response_urls", ResponseUrl)
        self.sms = Collection(self.documents, "sms", Sms, self.bump)
        self.opt_outs = Collection(self.documents, "opt_outs", OptOut, self.bump)
        self.contents = Collection(self.documents, "contents", Content)
        self.media = Collection(self.documents, "media", Medium)
        self.calls = Collection(self.documents, "phone_calls", Call, self.bump)
        self.mail = Collection(self.documents, "mail", Mail, self.bump)
        self._seed_channels()

    def _changes(self) -> Json:
        kept = self._settings.get("changes")
        return kept.changes if kept else {}

    def _seed_channels(self) -> None:
        everybody = [p.slack_user_id for p in self.config.people if p.slack_user_id]
        for given in self.config.slack.channels:
            record = Channel(kind="channel", **given.model_dump())
            record.members = record.members or everybody
            self.channels.put(record.id, record)

    def configure(self, changes: Json) -> None:
        """Replace some settings, now and after a restart; raises ValidationError."""
        merged = dict(self._changes())  # a refused change leaves what was kept
        for part in ("slack", "twilio", "email"):
            merged[part] = merged.get(part, {}) | changes.get(part, {})
        self.config = self._file_config.merged(merged)
        self._settings.put("changes", Settings(changes=merged))
        self._seed_channels()

    def reset(self) -> None:
        """Forget every message, view and opt-out; settings stay."""
        for records in (self.channels, self.messages, self.views, self.triggers, self.response_urls, self.sms):
            records.clear()
        for more in (self.opt_outs, self.contents, self.media, self.calls, self.mail):
            more.clear()
        self._seed_channels()

    def bump(self) -> None:
        """Wake everybody who waits for a change."""
        self.revision += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed_after(self, revision: int, timeout: float) -> int:
        """The revision as soon as it is past `revision`, or as it is after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.revision <= revision and (left := deadline - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        return self.revision

    def person(self, key: str) -> Person | None:
        """The person with this name, Slack user id, number or e-mail address."""
        for person in self.config.people:
            numbers = (person.phone, person.whatsapp, person.voice)
            if key in (person.name, person.slack_user_id, person.email, *numbers):
                return person
        return None


def new_id(prefix: str, length: int = 10) -> str:
    """A fresh Slack-like id: the prefix and capital letters or digits."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))
