"""The control API of numbers and mailboxes: what people do by SMS, by WhatsApp and on the telephone."""

import base64
import binascii
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import AfterValidator, Field

from infra.phones.config import Person
from infra.phones.control import Strict, finder
from infra.phones.screen_phones import number_that_rings
from infra.phones.slack.inputs import CannotDo
from infra.phones.state import Call, Json, State
from infra.phones.twilio.people import TwilioPeople
from infra.phones.twilio.voice import Voice


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as problem:
        raise ValueError("must be base64") from problem
    return text


class Attachment(Strict):
    """A picture or other file."""

    content_type: str = Field(pattern=r"^[\w.+-]+/[\w.+-]+$")
    data: Annotated[str, AfterValidator(_base64)]


class Text(Strict):
    """An SMS to the product."""

    body: str
    to: str | None = None
    media: list[Attachment] = Field(default_factory=list, max_length=10)


class WhatsApp(Strict):
    """A WhatsApp message to the product; `reply_to`: the message it quotes."""

    body: str
    forwarded: bool = False
    reply_to: str | None = None
    media: list[Attachment] = Field(default_factory=list, max_length=10)


class QuickReply(Strict):
    """A quick reply of the message `sid`, by its id or title."""

    sid: str
    payload: str


class Handle(Strict):
    """What a person does with the telephone; `digits` for `press`, `answered_by` for `answer`."""

    act: Literal["answer", "decline", "press", "hang_up"]
    digits: str = Field(default="", pattern=r"^[0-9*#]*$")
    answered_by: Literal["human", "machine_start", "unknown"] = "human"


def _attached(media: list[Attachment]) -> list[tuple[str, str]]:
    return [(one.content_type, one.data) for one in media]


def phone_router(state: State, twilio: TwilioPeople, voice: Voice) -> APIRouter:
    """SMS, WhatsApp and voice."""
    router = APIRouter(prefix="/control/people/{name}")
    who = finder(state)

    @router.post("/sms")
    async def sms(name: str, given: Text) -> Json:
        return await twilio.text(who(name), given.body, given.to, _attached(given.media))

    @router.post("/whatsapp")
    async def whatsapp(name: str, given: WhatsApp) -> Json:
        return await twilio.whatsapp(
            who(name), given.body, _attached(given.media), forwarded=given.forwarded, reply_to=given.reply_to
        )

    @router.post("/quick-reply")
    async def quick_reply(name: str, given: QuickReply) -> Json:
        return await twilio.press(who(name), given.sid, given.payload)

    @router.post("/read")
    async def read(name: str) -> Json:
        return await twilio.read(who(name))

    @router.post("/telephone")
    async def telephone(name: str, given: Handle) -> Json:
        return _handled(voice, who(name), given)

    return router


def media_router(state: State) -> APIRouter:
    """The files of messages, for the page and the tests."""
    router = APIRouter(prefix="/control")

    @router.get("/media/{sid}")
    async def medium(sid: str) -> Response:
        found = state.media.get(sid)
        if found is None:
            raise HTTPException(404, "no such file")
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(base64.b64decode(found.data), media_type=found.content_type, headers=headers)

    return router


def _handled(voice: Voice, person: Person, given: Handle) -> Json:
    call = voice.ringing(number_that_rings(person) or "")
    if call is None or not _done(voice, call, given):
        raise CannotDo(f"{person.name} cannot {given.act.replace('_', ' ')}: no call is in that state")
    return {"ok": True, "sid": call.sid}


def _done(voice: Voice, call: Call, given: Handle) -> bool:
    if given.act == "answer":
        return voice.pick_up(call, "answer", given.answered_by)
    if given.act == "decline":
        return voice.pick_up(call, "decline")
    if given.act == "press":
        return bool(given.digits) and voice.press(call, given.digits)
    voice.end(call, "completed" if call.status == "in-progress" else "busy")
    return True
