"""The control API of numbers: SMS, and later what else rings."""

from fastapi import APIRouter

from infra.phones.control import Strict, finder
from infra.phones.state import Json, State
from infra.phones.twilio_people import TwilioPeople


class Text(Strict):
    """An SMS to the product."""

    body: str
    to: str | None = None


def sms_router(state: State, twilio: TwilioPeople) -> APIRouter:
    """What people do by SMS."""
    router = APIRouter(prefix="/control/people/{name}")
    who = finder(state)

    @router.post("/sms")
    async def sms(name: str, given: Text) -> Json:
        return await twilio.text(who(name), given.body, given.to)

    return router
