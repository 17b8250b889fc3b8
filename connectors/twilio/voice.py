"""Voice calls by Twilio as a channel: the call says the message, keys answer it (twilio.com/docs: Calls, TwiML).

Twilio asks us what to say when somebody picks up. What each key means stands in the URL that it then calls, which its
signature covers: a key is read without looking anything up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from connectors.twilio import mapping
from connectors.twilio.callbacks import Callbacks, of_call
from connectors.twilio.client import TwilioClient, asking, spoken
from connectors.twilio.config import TwilioConfig
from connectors.twilio.connector import SKEW, unclaimed
from connectors.twilio.mapping import Form, asked, single
from connectors.twilio.memory import Memory, Nothing
from domain.errors import InvalidPayloadError, InvariantError
from domain.rosters.people import ChannelName
from domain.values import Json

AGAIN, MORE = "9", "0"
MENU = "menu:"
"""Before the name of a menu, in place of a verb: the key leads there and answers nothing."""
HAND_OVER = "hand_over"
_MINUTES, _A_DAY = 4, 1440  # digits, minutes
ROUNDS = 3  # it is said so often to somebody who presses nothing
_LANGUAGES = {"en": "en-GB", "de": "de-DE", "es": "es-ES", "pl": "pl-PL"}
_FAILED = {
    "busy": "the line was busy",
    "no-answer": "nobody picked up",
    "failed": "the number cannot be called",
    "canceled": "the call was cancelled",
}
_RANKS = {"queued": 0, "initiated": 1, "ringing": 2, "in-progress": 3}


@dataclass(frozen=True)
class CallStatus:
    """What became of the call with our outbox `key`. `answered_by` is Twilio's finding: human, machine_..., fax,
    unknown, or empty."""

    key: str
    vendor_id: str
    status: str
    answered_by: str
    error_code: str = ""

    @property
    def rank(self) -> int:
        """Callbacks overtake each other: a lower rank is older."""
        return _RANKS.get(self.status, 4)

    @property
    def delivered(self) -> bool:
        """Somebody heard it."""
        return self.status == "completed" and not machine(self.answered_by)

    @property
    def failure(self) -> str:
        """Why nobody did; empty while somebody still may."""
        if self.status == "completed" and machine(self.answered_by):
            return f"Not heard: an answering machine took the call (Twilio: {self.answered_by})."
        why = _FAILED.get(self.status, "")
        return f"Not heard: {why} (Twilio: {self.status})." if why else ""


class VoiceChannel:
    """Calls people up. An address is a phone number in E.164."""

    name = ChannelName.VOICE
    can_edit = False
    can_find = True

    def __init__(self, config: TwilioConfig, memory: Memory | None = None) -> None:
        self._config, self._memory = config, memory or Nothing()
        self._client = TwilioClient(config)
        self._callbacks = Callbacks(config, config.numbers, of_call)

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        """Starts the call; what it says is asked of us once somebody has picked up (see `speak`)."""
        if not str(message.payload.get("say") or "").strip():
            raise InvalidPayloadError("A call needs something to say.", code="twilio.no_words")
        config = self._config
        sid = await self._client.call(
            to=message.address,
            from_=config.numbers[0],
            url=self._url("", message.key),
            method="POST",
            status_callback=mapping.status_url(config.public_url, config.status_path, message.key),
            status_callback_event=["initiated", "answered", "completed"],
            machine_detection="Enable",
            timeout=config.ring_seconds,
            time_limit=300,
        )
        return SentMessage(vendor_id=sid)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """By the number: a call that we made since then and that is no other message's. Twilio lists no key of ours;
        its first status callback carries it, and so `claimed` knows whose a call is."""
        oldest = since - SKEW
        calls = await self._client.called(message.address, self._config.numbers[0])
        sids = [sid for sid, created in calls if created is None or created >= oldest]
        return await unclaimed(self._memory, sids, message.key)

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        raise InvariantError("What was said on the phone cannot be changed.")

    def verify(self, request: CallbackRequest) -> None:
        """See Callbacks.verify."""
        self._callbacks.verify(request)

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """The key that a person pressed, when it answers something; one answer for each time that it was asked."""
        fields = self._callbacks.form(request)
        digits, sid, task = single(fields, "Digits"), single(fields, "CallSid"), asked(request, "task")
        verb, answered = _meant(request, digits)
        if not verb or verb.startswith(MENU) or not task or not sid or single(fields, "Direction") == "inbound":
            return []
        return [
            InboundMessage(
                channel=self.name,
                dedupe_key=f"twilio:{sid}:{asked(request, 'menu')}{asked(request, 'round')}",
                address=single(fields, "To"),
                verb=verb,
                task=task,
                text=digits,
                fields=answered,
                reply_to={"call": sid},
            )
        ]

    def status(self, request: CallbackRequest) -> CallStatus | None:
        """The state of a call that a verified callback reports; None for a key pressed or a question what to say."""
        fields = self._callbacks.fields(request)
        if fields is None or request.path != self._config.status_path:
            return None
        name, sid = single(fields, "CallStatus"), single(fields, "CallSid")
        if not name or not sid:
            return None
        return CallStatus(asked(request, "key"), sid, name, single(fields, "AnsweredBy"), single(fields, "ErrorCode"))

    def subject(self, request: CallbackRequest) -> str:
        """The key of the message that this call is about."""
        return asked(request, "key")

    def speak(self, request: CallbackRequest, script: Mapping[str, Json] | None) -> str:
        """The TwiML that answers a verified callback of a call. `script` is what the voice template rendered for its
        message, None when there is none: then only hang up, as for an answering machine."""
        fields = self._callbacks.form(request)
        if script is None or machine(single(fields, "AnsweredBy")) or single(fields, "Direction") == "inbound":
            return spoken("", "")
        digits, menu = single(fields, "Digits"), asked(request, "menu")
        verb, _ = _meant(request, digits)
        if verb and not verb.startswith(MENU):
            return spoken(str(script.get("received", "")), _language(script))
        turn = int(asked(request, "round")) if asked(request, "round").isdecimal() else 0
        if verb:
            menu, turn, digits = verb.removeprefix(MENU), 0, ""
        shown = _Menu.of(script, menu)
        if shown is None or turn >= ROUNDS or (turn and not shown.answerable and digits != AGAIN):
            return spoken(str(script.get("bye", "")), _language(script))
        if menu and not shown.answerable:
            return spoken(shown.say, _language(script))
        unclear = f"{script.get('unclear', '')} " if digits and (digits != AGAIN or shown.asks) else ""
        return self._ask(asked(request, "key"), unclear, shown, turn + 1, script)

    def _ask(self, key: str, before: str, shown: "_Menu", turn: int, script: Mapping[str, Json]) -> str:
        """What the keys mean goes along in the URL, with the menu that they are of."""
        meanings = ",".join(f"{digit}.{verb}" for digit, verb in shown.keys.items())
        here = {"round": str(turn)} | ({"menu": shown.name} if shown.name else {})
        known = here | {"task": str(script.get("task") or ""), "keys": meanings}
        known |= {"asks": shown.asks} if shown.asks else {}
        digits, urls = _MINUTES if shown.asks else 1, (self._url("/answer", key, **known), self._url("", key, **here))
        return asking(before + shown.say, _language(script), *urls, digits=digits)

    def _url(self, path: str, key: str, **more: str) -> str:
        query = urlencode({"key": key, **more}, quote_via=quote, safe="")
        return f"{self._config.public_url}{self._config.voice_path}{path}?{query}"


@dataclass(frozen=True)
class _Menu:
    """What is said and which keys count; `asks`: the verb that any digits (minutes) answer. The first has no name."""

    name: str
    say: str
    keys: Mapping[str, str]
    asks: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.keys or self.asks)

    @classmethod
    def of(cls, script: Mapping[str, Json], name: str) -> "_Menu | None":
        menus = dict(script.get("menus") or {})
        if not name:
            more = {MORE: f"{MENU}more"} if "more" in menus else {}
            return cls("", str(script["say"]), dict(script.get("keys") or {}) | more)
        found = menus.get(name)
        return cls(name, found["say"], found.get("keys") or {}, found.get("asks", "")) if found else None


def _meant(request: CallbackRequest, digits: str) -> tuple[str, dict[str, Json]]:
    """The verb of these digits and its fields, or the menu that they lead to; empty when they mean nothing here."""
    if digits and asked(request, "asks"):
        fits = digits.isdecimal() and 0 < int(digits) <= _A_DAY
        return (asked(request, "asks"), {"for": f"{int(digits)}m"}) if fits else ("", {})
    verb = _meanings(asked(request, "keys")).get(digits, "")
    if verb.startswith(f"{HAND_OVER}:"):
        return HAND_OVER, {"to": verb.partition(":")[2]}
    return verb, {}


def _language(script: Mapping[str, Json]) -> str:
    return _LANGUAGES.get(str(script.get("language", "en"))[:2], _LANGUAGES["en"])


def machine(answered_by: str) -> bool:
    """Did something else than a person pick up?"""
    return answered_by.startswith("machine") or answered_by == "fax"


def _meanings(text: str) -> dict[str, str]:
    """`1.accept,2.decline` by key."""
    return dict(part.split(".", 1) for part in text.split(",") if "." in part)


def is_call(fields: Form) -> bool:
    return "CallSid" in fields


def build(config: TwilioConfig, memory: Memory | None = None) -> VoiceChannel:
    return VoiceChannel(config, memory)
