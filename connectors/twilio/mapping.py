"""Pure translation between Twilio's parameters and ours (twilio.com/docs: Message resource, messaging webhooks)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, Media
from connectors.twilio.understanding import understand
from connectors.twilio.words import NOT_DELIVERED
from domain.errors import InvalidPayloadError
from domain.rosters.people import ChannelName

MAX_BODY = 1600  # error 21617 beyond
MAX_FIELDS = 200
MAX_MEDIA = 10
TRIAL = "Sent from your Twilio trial account - "
_RANKS = {
    **{"accepted": 0, "scheduled": 0, "queued": 1, "sending": 2, "sent": 3},
    **{"delivered": 4, "undelivered": 4, "failed": 4, "canceled": 4, "read": 5},
}


@dataclass(frozen=True)
class DeliveryStatus:
    """What became of the message with our outbox `key`. Callbacks repeat and overtake each other: never go back in
    `rank`. `error_code` is Twilio's (30003 unreachable, 21610 opted out ...) or empty."""

    key: str
    vendor_id: str
    status: str
    rank: int
    error_code: str

    @property
    def delivered(self) -> bool:
        """It is on the phone."""
        return self.status in ("delivered", "read")

    @property
    def failure(self) -> str:
        """Why it never will be; empty while it still may."""
        if self.status not in ("undelivered", "failed", "canceled"):
            return ""
        why = NOT_DELIVERED.get(self.error_code, "no reason is known")
        return f"Not delivered: {why} (Twilio: {self.status}{' ' + self.error_code if self.error_code else ''})."


def body(message: ChannelMessage) -> str:
    """The text of a message within Twilio's limit. Raises InvalidPayloadError when there is none."""
    text = message.payload.get("body")
    if not isinstance(text, str) or not text.strip():
        raise InvalidPayloadError("An SMS needs a body.", code="twilio.no_body")
    text = text.strip()
    return text if len(text) <= MAX_BODY else text[: MAX_BODY - 3].rstrip() + "..."


def status_url(public_url: str, path: str, key: str) -> str:
    return f"{public_url}{path}?key={quote(key, safe='')}"


def same_text(listed: str, sent: str) -> bool:
    """Is the listed message ours? A trial account puts its own words before the text."""
    return listed.strip().removeprefix(TRIAL) == sent


def asked(request: CallbackRequest, name: str) -> str:
    """A parameter of the callback's own URL: ours, and covered by Twilio's signature."""
    return parse_qs(urlsplit(request.url).query).get(name, [""])[0]


class Form(dict[str, list[str]]):
    """A multi-dict in the shape that Twilio's validator asks for: `dict(form)` would lose repeated parameters."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def form(request: CallbackRequest) -> Form:
    """All parameters, blank ones too: the signature covers them. Raises InvalidPayloadError."""
    fields = Form()
    try:
        pairs = parse_qsl(
            request.body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(request.body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise InvalidPayloadError(
            "Twilio's callback cannot be read.", detail=str(error), code="twilio.callback"
        ) from error
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def single(fields: Mapping[str, list[str]], name: str) -> str:
    """The one value of a parameter, empty when absent. Raises InvalidPayloadError when it is repeated."""
    values = fields.get(name, [""])
    if len(values) != 1:
        raise InvalidPayloadError(f"Twilio's callback repeats {name}.", code="twilio.callback")
    return values[0]


def status(request: CallbackRequest, fields: Mapping[str, list[str]]) -> DeliveryStatus | None:
    """A delivery state, or None for any other callback. An unknown status has rank 0, so that it never overtakes."""
    name, sid = single(fields, "MessageStatus"), single(fields, "MessageSid")
    if not name or not sid or "Body" in fields:
        return None
    return DeliveryStatus(asked(request, "key"), sid, name, _RANKS.get(name, 0), single(fields, "ErrorCode"))


def inbound(fields: Mapping[str, list[str]]) -> InboundMessage:
    """A person's SMS. Raises InvalidPayloadError without a sid, a sender or a body."""
    sid, sender = single(fields, "MessageSid"), single(fields, "From")
    if not sid or not sender or "Body" not in fields:
        raise InvalidPayloadError("Twilio's callback lacks MessageSid, From or Body.", code="twilio.callback")
    text = " ".join(single(fields, "Body").split())
    answer = understand(text, single(fields, "OptOutType"))
    return InboundMessage(
        channel=ChannelName.SMS,
        dedupe_key=f"twilio:{sid}",
        address=sender,
        verb=answer.verb,
        task=answer.code,
        text=text,
        fields=answer.fields,
        reply_to={"to": sender, "from": single(fields, "To")},
        media=media(fields),
    )


def media(fields: Mapping[str, list[str]]) -> list[Media]:
    """What came with a message: at most ten, each by its URL at Twilio."""
    count = single(fields, "NumMedia")
    numbers = range(min(int(count), MAX_MEDIA)) if count.isdecimal() else range(0)
    found = [Media(single(fields, f"MediaUrl{n}"), single(fields, f"MediaContentType{n}")) for n in numbers]
    return [item for item in found if item.url]
