"""What the stand-in phones play: the people, one Slack workspace and one Twilio account, read from one JSON file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SlackUserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{2,20}$")]
PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]


class Strict(BaseModel):
    """A configuration record: an unknown key is a mistake, not an extension."""

    model_config = ConfigDict(extra="forbid")


class Person(Strict):
    """One person with a phone: a Slack user, numbers, a mailbox, or several of them."""

    name: str = Field(min_length=1)
    title: str = ""
    slack_user_id: SlackUserId | None = None
    email: str | None = None
    phone: PhoneNumber | None = None  # SMS
    whatsapp: PhoneNumber | None = None
    voice: PhoneNumber | None = None  # the number that rings; none = `phone` rings
    line: Literal["mobile", "landline"] = "mobile"  # a landline takes no SMS
    reachable: bool = True  # False: switched off; SMS come back undelivered, calls are not answered
    is_restricted: bool = False  # a guest
    is_stranger: bool = False  # somebody of another organisation, by Slack Connect
    deleted: bool = False  # deactivated


class SlackChannel(Strict):
    """A channel of the workspace; `members` are Slack user ids, empty = everybody."""

    id: ChannelId
    name: str
    private: bool = False
    archived: bool = False
    app_is_member: bool = True
    members: list[SlackUserId] = []


class Shortcut(Strict):
    """A shortcut of the app: on a message, or anywhere."""

    callback_id: str = Field(min_length=1, max_length=255)
    name: str = Field(min_length=1, max_length=24)
    type: Literal["message", "global"]


class SlackLimits(Strict):
    """Slack's own clocks and rates; the defaults are the vendor's, tests may shorten or widen them."""

    trigger_seconds: float = 3.0
    acknowledge_seconds: float = 3.0
    response_url_uses: int = 5
    response_url_seconds: float = 1800.0
    event_retry_seconds: list[float] = [0.0, 60.0, 300.0]
    posts_per_second: float = 1.0  # chat.postMessage, each channel
    post_burst: int = 5
    socket_connections: int = 10  # open at once in Socket Mode
    socket_seconds: float = 3600.0  # how long one lasts before Slack asks for a fresh one
    socket_warning_seconds: float = 10.0  # how long before that it is announced
    calls_per_minute: dict[str, float] = {"t1": 1, "t2": 20, "t3": 50, "t4": 100, "t5": 600}


class Slack(Strict):
    """One workspace with one installed app."""

    team_id: Annotated[str, StringConstraints(pattern=r"^T[A-Z0-9]{2,20}$")]
    team_domain: str = "plant"
    app_id: Annotated[str, StringConstraints(pattern=r"^A[A-Z0-9]{2,20}$")]
    app_name: str = "Exception router"
    bot_user_id: SlackUserId
    bot_id: Annotated[str, StringConstraints(pattern=r"^B[A-Z0-9]{2,20}$")] = "B0ROUTER"
    bot_token: Annotated[str, StringConstraints(pattern=r"^xoxb-.+$")]
    scopes: list[str] = ["chat:write", "users:read", "users:read.email", "im:write", "im:history", "commands"]
    app_token: Annotated[str, StringConstraints(pattern=r"^xapp-.+$")] | None = None  # Socket Mode only
    socket_mode: bool = False  # callbacks go over the app's WebSockets instead of to the URLs
    signing_secret: str = Field(min_length=8)
    base_url: str = ""  # how the product reaches Slack (response_url); empty = the whole stand-in's
    interactivity_url: str | None = None
    commands_url: str | None = None
    events_url: str | None = None
    commands: list[str] = []
    shortcuts: list[Shortcut] = []
    events: list[str] = ["app_home_opened", "message.im", "message.channels"]  # what the app has subscribed to
    home_tab: bool = True
    channels: list[SlackChannel] = []
    limits: SlackLimits = SlackLimits()


class MessagingService(Strict):
    """A Twilio messaging service and its pool of senders."""

    sid: Annotated[str, StringConstraints(pattern=r"^MG[0-9a-fA-F]{32}$")]
    senders: list[PhoneNumber] = []


class Twilio(Strict):
    """One Twilio account with its numbers."""

    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: str = Field(min_length=8)
    from_numbers: list[PhoneNumber] = Field(min_length=1)
    whatsapp_senders: list[PhoneNumber] = []
    messaging_services: list[MessagingService] = []
    contents: dict[str, str] = {}  # HX sid -> text with {{1}} placeholders
    base_url: str = ""  # how the product reaches Twilio (media); empty = the whole stand-in's
    media_url: str = ""  # the other host that media are redirected to; empty = this process by the name localhost
    inbound_url: str | None = None
    webhook_seconds: float = 15.0
    status_delay_seconds: float = 0.2  # between queued, sent and delivered
    calls_per_second: float = 100.0
    session_seconds: float = 86_400.0  # how long a WhatsApp session stays open after the person's last message
    approval_seconds: float = 0.2  # until WhatsApp has judged a template
    call_delay_seconds: float = 0.2  # between initiated and ringing
    ring_seconds: float | None = None  # shortens the call's own Timeout
    word_seconds: float = 0.3  # how long <Say> takes for one word
    gather_seconds: float | None = None  # replaces the timeout of <Gather>


class Email(Strict):
    """One SMTP server that delivers to the people's mailboxes."""

    username: str | None = None  # with `password`: AUTH is required
    password: str = ""
    starttls: bool = False  # STARTTLS is offered, and required before MAIL
    size_limit: int = 10_000_000  # bytes of a message


class Ports(Strict):
    """Where each vendor listens beside the shared port, so that it alone can be down; 0 = a free one."""

    slack: int = 0
    socket: int = 0
    twilio: int = 0
    email: int = 0


class PhonesConfig(Strict):
    """The whole file. `base_url` is how the product reaches this process; empty = the bound address."""

    people: list[Person]
    slack: Slack
    twilio: Twilio
    email: Email = Email()
    ports: Ports = Ports()
    base_url: str = ""
    allowed_hosts: list[str] = ["127.0.0.1", "localhost"]

    def merged(self, changes: dict[str, Any]) -> "PhonesConfig":
        """This configuration with some `slack`, `twilio` and `email` settings replaced; raises ValidationError."""
        whole = self.model_dump()
        for part in ("slack", "twilio", "email"):
            whole[part] |= changes.get(part, {})
        return PhonesConfig.model_validate(whole)


def load_config(path: Path) -> PhonesConfig:
    """Read and check the JSON file at `path`; raises OSError or ValidationError."""
    return PhonesConfig.model_validate_json(path.read_text(encoding="utf-8"))
