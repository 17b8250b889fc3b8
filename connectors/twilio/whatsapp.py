"""WhatsApp by Twilio as a channel: free text inside a person's session of 24 hours, approved templates outside it.

A template's buttons carry the verb, the task and a code that only we can make for this person and this task, so that a
forwarded, copied or typed "Accept" decides nothing (twilio.com/docs: WhatsApp, Content API quick replies).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from connectors.pictures import Picture
from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, Media, SentMessage
from connectors.twilio import mapping
from connectors.twilio.callbacks import Callbacks, of_message
from connectors.twilio.client import TwilioClient
from connectors.twilio.config import TwilioConfig
from connectors.twilio.connector import SKEW, unclaimed
from connectors.twilio.mapping import DeliveryStatus, Form, single
from connectors.twilio.media import MediaFetcher
from connectors.twilio.memory import Memory, Nothing
from connectors.twilio.understanding import OUTSIDE, understand
from domain.errors import InvariantError, RejectedError
from domain.rosters.people import ChannelName
from domain.values import Json

PREFIX = "whatsapp:"
SESSION = timedelta(hours=24) - timedelta(minutes=2)  # clocks differ: what is nearly over counts as over
TEXTS = ("1", "2", "3")
"""The variables of a template that are text; its buttons' ids are `4` and on."""
CODE = "code"
"""The template of an enrolment's code."""
MAX_BUTTON = 200  # characters of a quick reply's id


class WhatsAppChannel:
    """Speaks to people on WhatsApp. An address is a phone number in E.164, without a prefix."""

    name = ChannelName.WHATSAPP
    can_edit = False
    can_find = True

    def __init__(
        self,
        config: TwilioConfig,
        memory: Memory | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config, self._memory, self._now = config, memory or Nothing(), now
        self._client = TwilioClient(config)
        self._callbacks = Callbacks(config, [PREFIX + config.whatsapp_number], of_message)

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        """Raises RejectedError without a template when the session is over, so that another channel is taken."""
        config, body = self._config, mapping.body(message)
        content = await self._content(message) or {"body": body}
        callback = mapping.status_url(config.public_url, config.status_path, message.key)
        to, sender = PREFIX + message.address, PREFIX + config.whatsapp_number
        sid = await self._client.create(to=to, from_=sender, status_callback=callback, **content)
        return SentMessage(vendor_id=sid)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """By the number and the text, free or of a template: Twilio keeps no key of ours."""
        text, pieces, oldest = mapping.body(message), _texts(message.payload), since - SKEW
        sids = [
            sid
            for sid, body, created in await self._client.sent_to(PREFIX + message.address)
            if (mapping.same_text(body, text) or _holds(body, pieces)) and (created is None or created >= oldest)
        ]
        return await unclaimed(self._memory, sids, message.key)

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        raise InvariantError("A WhatsApp message cannot be changed after it was sent.")

    async def picture(self, media: Media) -> Picture:
        """See MediaFetcher.fetch."""
        return await MediaFetcher(self._config).fetch(media)

    def verify(self, request: CallbackRequest) -> None:
        """See Callbacks.verify."""
        self._callbacks.verify(request)

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """What a person pressed or wrote; nothing for a delivery state (see `status`)."""
        fields = self._callbacks.form(request)
        return [] if mapping.status(request, fields) else [inbound(fields, self._config.tokens)]

    def status(self, request: CallbackRequest) -> DeliveryStatus | None:
        """The delivery state that a verified callback reports, or None."""
        fields = self._callbacks.fields(request)
        return mapping.status(request, fields) if fields is not None else None

    async def _content(self, message: ChannelMessage) -> dict[str, str] | None:
        """The template's parameters; None = free text, because nothing better is set and the session is open."""
        payload = message.payload
        name = f"{payload.get('content') or 'reply'}.{payload.get('language', 'en')}"
        sid = self._config.contents.get(name, "")
        if sid:
            made = variables(payload, message.address, self._config.tokens[0])
            return {"content_sid": sid, "content_variables": json.dumps(made, ensure_ascii=False)}
        last = await self._memory.last_inbound(self.name, message.address)
        if last is not None and self._now() - last < SESSION:
            return None
        raise RejectedError(
            f"Not sent on WhatsApp: this person has not written for 24 hours, and no template '{name}' is set.",
            detail="Set it in the connector's contents.",
            code="twilio.63016",
        )


def variables(payload: Mapping[str, Json], address: str, token: str) -> dict[str, str]:
    """A template's variables: three texts of one line each, then the ids of its buttons. None may be empty, nor hold a
    line break or a tab (errors 21655, 21656)."""
    texts = dict(zip(TEXTS, _texts(payload), strict=True))
    if payload.get("content") == CODE:  # of WhatsApp's category authentication: it holds the code and nothing else
        return {TEXTS[0]: texts[TEXTS[0]]}
    task = str(payload.get("task") or "")
    verbs = [str(button["verb"]) for button in payload.get("buttons") or []]
    return texts | {str(len(TEXTS) + n): stamp(token, address, verb, task) for n, verb in enumerate(verbs, 1)}


def stamp(token: str, address: str, verb: str, task: str) -> str:
    """A button's id: what it does, and proof that we made it for this person, task and version. A press is then judged
    by who pressed it; on any other phone it proves nothing. Raises RejectedError when it is too long."""
    made = f"{verb}|{task}|{_proof(token, address, verb, task)}"
    if len(made) > MAX_BUTTON:
        raise RejectedError("A WhatsApp button's reference is too long.", detail=verb, code="twilio.button")
    return made


def stamped(payload: str, address: str, tokens: list[str]) -> tuple[str, str]:
    """Verb and task of a button that we made for this address; empty for everything else."""
    verb, task, proof = [*payload.rsplit("|", 2), "", ""][:3]
    ours = [_proof(token, address, verb, task) for token in tokens]
    real = sum(hmac.compare_digest(one.encode(), proof.encode()) for one in ours) > 0
    return (verb, task) if real and verb and task else ("", "")


def _proof(token: str, address: str, verb: str, task: str) -> str:
    """130 bits that nobody without the account's token can guess; the key is used for nothing else."""
    key = hmac.digest(token.encode(), b"mos whatsapp button 1", hashlib.sha256)
    digest = hmac.digest(key, "\0".join((address, verb, task)).encode(), hashlib.sha256)
    return base64.b32encode(digest).decode()[:26]


def inbound(fields: Form, tokens: list[str]) -> InboundMessage:
    """What a person pressed or wrote. Without one of our buttons only a text with a task's code is an answer; of what
    was forwarded nothing is. ProfileName is the sender's own claim and is not read (C9, C12)."""
    plain = mapping.inbound(fields)
    sender = plain.address.removeprefix(PREFIX)
    verb, task, answered = _meant(fields, plain, sender, tokens)
    return InboundMessage(
        channel=ChannelName.WHATSAPP,
        dedupe_key=plain.dedupe_key,
        address=sender,
        verb=verb,
        task=task,
        text=plain.text,
        fields=answered,
        reply_to={"to": sender, "answers": single(fields, "OriginalRepliedMessageSid")},
        media=plain.media,
    )


def _meant(fields: Form, plain: InboundMessage, sender: str, tokens: list[str]) -> tuple[str, str, Mapping[str, Json]]:
    payload = single(fields, "ButtonPayload")
    if single(fields, "Forwarded").lower() == "true" or single(fields, "FrequentlyForwarded").lower() == "true":
        return "", "", {}
    if payload or "ButtonText" in fields:
        return *stamped(payload, sender, tokens), {}
    answer = understand(plain.text, single(fields, "OptOutType"))
    return (answer.verb, answer.code, answer.fields) if answer.code or answer.verb in OUTSIDE else ("", "", {})


def _texts(payload: Mapping[str, Json]) -> list[str]:
    """What the templates say, one line each; a dash where there is nothing to say."""
    said = [*(payload.get("texts") or []), "", "", ""][: len(TEXTS)]
    return [" ".join(str(text).split()) or "-" for text in said]


def _holds(body: str, pieces: list[str]) -> bool:
    """Is this body a template's with these texts in it?"""
    words = " ".join(body.split())
    telling = [piece for piece in pieces if piece != "-"]
    return bool(telling) and all(piece in words for piece in telling)


def build(config: TwilioConfig, memory: Memory | None = None) -> WhatsAppChannel:
    return WhatsAppChannel(config, memory)
