"""Pure translation between Twilio's parameters and ours (twilio.com/docs: Message resource, messaging webhooks)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage
from connectors.twilio.words import HELP, NOT_DELIVERED, START, STOP, UNITS, VERBS
from domain.errors import InvalidPayloadError
from domain.people import ChannelName
from domain.values import Json

MAX_BODY = 1600  # error 21617 beyond
MAX_FIELDS = 200
TRIAL = "Sent from your Twilio trial account - "
_CODE = re.compile(r"[A-HJ-NP-Z2-9]{4}")  # domain.ids.task_code
_DURATION = re.compile(r"\s*(\d{1,4})(?:[.,](\d{1,2}))?\s*([a-zA-Z]+)")
_NO_CODES = VERBS.keys() | STOP | START | HELP
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
    key = parse_qs(urlsplit(request.url).query).get("key", [""])[0]
    if not name or not sid or "Body" in fields:
        return None
    return DeliveryStatus(key, sid, name, _RANKS.get(name, 0), single(fields, "ErrorCode"))


def inbound(fields: Mapping[str, list[str]]) -> list[InboundMessage]:
    """A person's SMS. Raises InvalidPayloadError without a sid, a sender or a body."""
    sid, sender = single(fields, "MessageSid"), single(fields, "From")
    if not sid or not sender or "Body" not in fields:
        raise InvalidPayloadError("Twilio's callback lacks MessageSid, From or Body.", code="twilio.callback")
    text = " ".join(single(fields, "Body").split())
    answer = understand(text, single(fields, "OptOutType"))
    return [
        InboundMessage(
            channel=ChannelName.SMS,
            dedupe_key=f"twilio:{sid}",
            address=sender,
            verb=answer.verb,
            task=answer.code,
            text=text,
            fields=answer.fields,
            reply_to={"to": sender, "from": single(fields, "To")},
        )
    ]


@dataclass(frozen=True)
class Answer:
    """`verb` empty = free text: whoever reads it asks back. `code` empty = none was written."""

    verb: str
    code: str
    fields: Mapping[str, Json]


def understand(text: str, opt_out: str = "") -> Answer:
    """`<CODE> <word> <rest>` in any case and with any punctuation between; without a code when only the word is there.

    A four-letter word is taken for a code only when an answer follows, or when it looks like one (all capitals or with
    a digit): `need help` is free text, not task NEED; an answer word such as HERE never is one. Opt-out words count
    only alone, as at Twilio: verbs `opt_out`, `opt_in`, `help`.
    """
    keyword = _keyword(text, opt_out)
    if keyword:
        return Answer(keyword, "", {})
    first, rest = _split(text)
    code = first.upper() if _CODE.fullmatch(first.upper()) and first.upper() not in _NO_CODES else ""
    verb, fields = _answer(rest) if code else ("", {})
    if verb:
        return Answer(verb, code, fields)
    bare, bare_fields = _answer(text)
    if bare:
        return Answer(bare, "", bare_fields)
    return Answer("", code if _looks_like_code(first, rest) else "", {})


def _keyword(text: str, opt_out: str) -> str:
    word = opt_out.upper() or text.strip(" .!").upper()
    for verb, words in (("opt_out", STOP), ("opt_in", START), ("help", HELP)):
        if word in words:
            return verb
    return ""


def _looks_like_code(first: str, rest: str) -> bool:
    return not rest or first.isupper() or any(char.isdigit() for char in first)


def _answer(text: str) -> tuple[str, dict[str, Json]]:
    """The verb and fields of what follows the code: a word with its rest, a number, or a duration alone."""
    word, rest = _split(text)
    verb = VERBS.get(word.upper(), "")
    if verb == "answer":
        return verb, {"estimate": duration(rest) or rest} if rest else {}
    if verb == "done":
        return verb, {"cause": rest} if rest else {}
    if verb:
        return verb, {"reason": rest} if rest else {}
    if re.fullmatch(r"[0-9]{1,2}", word) and not rest:
        return "choose", {"number": int(word)}
    span = duration(text)
    return ("answer", {"estimate": span}) if span else ("", {})


def duration(text: str) -> str:
    """`2 hours`, `1,5h`, `1h 30min`, `90 Min.` as `2h`, `1h30m`, `1h30m`, `1h30m`; empty when it is none."""
    minutes = 0
    rest = text.strip(" .!")
    while rest:
        match = _DURATION.match(rest)
        unit = UNITS.get(match[3].lower(), "") if match else ""
        if not match or not unit:
            return ""
        minutes += round(float(f"{match[1]}.{match[2] or 0}") * {"m": 1, "h": 60, "d": 1440}[unit])
        rest = rest[match.end() :].strip(" .,")
    return "".join(_parts(minutes))


def _parts(minutes: int) -> Iterator[str]:
    for unit, size in (("d", 1440), ("h", 60), ("m", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            yield f"{count}{unit}"


def _split(text: str) -> tuple[str, str]:
    """The first word without punctuation around it, and the rest."""
    match = re.match(r"[\W_]*([^\W_]+)[^\w]*(.*)", text, re.DOTALL)
    return (match[1], match[2].strip()) if match else ("", "")
