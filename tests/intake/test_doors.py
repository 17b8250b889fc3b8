"""The HTTP doors: what each caller is answered, and that nothing is acknowledged that is not in the inbox."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from connectors.roles import CallbackRequest
from domain.errors import AuthError, InvalidPayloadError
from domain.rosters.people import ChannelName
from domain.signals import RawSignal
from intake.doors import Doors
from intake.gate import Gate
from intake.twilio_door import TwilioDoor
from store.db import Database
from store.tables import InboxRow, RefusedCall
from tests.intake.hand import START
from tests.support.channels import FakeChannel


class Sms(FakeChannel):
    """Its callbacks are texts, never delivery reports."""

    def status(self, request: CallbackRequest) -> None:
        return None


class Line:
    """Every callback is this channel's, and none asks what to say."""

    def __init__(self, channel: Sms) -> None:
        self._channel = channel

    def at(self, request: CallbackRequest) -> Sms:
        return self._channel

    def caller(self, request: CallbackRequest) -> None:
        return None


SIGNED: Mapping[str, str] = {"signature": "right"}


class Events:
    """Reads a body as the event's id."""

    def verify(self, request: CallbackRequest) -> None:
        if request.headers.get("signature") != "right":
            raise AuthError("the signature is wrong")

    def read(self, request: CallbackRequest) -> RawSignal:
        if not request.body:
            raise InvalidPayloadError("the body is empty")
        return RawSignal(source="mes", event_id=request.body.decode(), kind="cloudevent", body={})


@pytest.fixture
def doors(database: Database) -> Doors:
    return Doors(database, Events(), None, TwilioDoor(Gate(database), Line(Sms(ChannelName.SMS))))


async def rows(database: Database, table: type[Any]) -> list[Any]:
    async with database.transaction() as session:
        return list((await session.scalars(select(table))).all())


@pytest.mark.parametrize(
    "headers, body, status, refused",
    [(SIGNED, b"e1", 202, 0), ({}, b"e1", 401, 1), (SIGNED, b"", 422, 1), ({}, b"", 401, 1)],
)
async def test_webhook(
    doors: Doors, database: Database, headers: Mapping[str, str], body: bytes, status: int, refused: int
) -> None:
    answer = await doors.webhook("https://mos.example/webhooks/events", headers, body, START)
    assert answer.status == status
    assert len(await rows(database, InboxRow)) == (status == 202)
    assert len(await rows(database, RefusedCall)) == refused


async def test_webhook_again_is_known(doors: Doors, database: Database) -> None:
    statuses = [(await doors.webhook("https://mos.example", SIGNED, b"e1", START)).status for _ in range(2)]
    assert statuses == [202, 200]
    assert len(await rows(database, InboxRow)) == 1


@pytest.mark.parametrize(
    "headers, body, status, answers",
    [
        (SIGNED, b"U1 accept tsk_1:1", 200, 1),
        (SIGNED, b"", 200, 0),
        ({"signature": "wrong"}, b"U1 accept tsk_1:1", 403, 0),
        (SIGNED, b"nonsense", 400, 0),
    ],
)
async def test_twilios_door(
    doors: Doors, database: Database, headers: Mapping[str, str], body: bytes, status: int, answers: int
) -> None:
    answer = await doors.twilio("/twilio", "https://mos.example/twilio", headers, body, START)
    assert answer.status == status
    assert [row.category for row in await rows(database, InboxRow)] == ["answer"] * answers
    assert len(await rows(database, RefusedCall)) == (status >= 400)


async def test_twilio_gets_empty_twiml(doors: Doors) -> None:
    twilio = await doors.twilio("/twilio", "https://mos.example", SIGNED, b"+44 accept ABCD", START)
    assert (twilio.body, twilio.content_type) == ("<Response/>", "text/xml")


async def test_a_channel_that_is_not_connected_has_no_door(database: Database) -> None:
    doors = Doors(database, Events(), None, None)
    assert (await doors.slack("/slack", "u", SIGNED, b"", START)).status == 404
    assert (await doors.twilio("/twilio", "u", SIGNED, b"", START)).status == 404


async def test_a_refused_body_is_kept_cut(doors: Doors, database: Database) -> None:
    await doors.refuse("webhook", "too large", b"x" * 100_000, START)
    (refused,) = await rows(database, RefusedCall)
    assert len(refused.body) == 4096
