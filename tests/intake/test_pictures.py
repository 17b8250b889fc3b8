"""What people photograph is kept: fetched after its message is committed, whatever the vendor does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from PIL import Image
from sqlalchemy import select, update
from sqlmodel import col

from admin.definitions import publish
from connectors.pictures import picture
from connectors.roles import InboundMessage, Media
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackChannel
from connectors.twilio.connector import TwilioChannel
from domain.errors import RejectedError
from domain.rosters.people import ChannelName
from intake import answers
from intake.photos import EDGE, MAX_KEPT, develop
from intake.pictures import Gatherer
from store.tables import AuditHoldRow, AuditRow, DocumentRow, ExceptionRow, InboxRow, MediaRow, PictureRow
from tests.connectors.twilio.lab import config
from tests.connectors.twilio.test_media import PATH, Host, chunk, png, serving
from tests.intake.hand import Hand
from tests.intake.test_resolving_answers import AMIRA, add_task
from tests.support.plant import address_of, utcnow

GPS = 0x8825


def photo(width: int = 60, height: int = 40, *, turned: int = 1) -> bytes:
    """A JPEG as a phone makes it: its left half red, how it was held, and where."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste((255, 0, 0), (0, 0, width // 2, height))
    exif, out = Image.Exif(), BytesIO()
    exif[0x0112], exif[GPS] = turned, {1: "N", 2: (49.0, 11.0, 42.0)}
    image.save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


@pytest.fixture
async def vendor() -> AsyncIterator[Host]:
    """Twilio's and Slack's host of files."""
    async with serving() as host:
        yield host


def gatherer(hand: Hand, vendor: Host) -> Gatherer:
    slack = SlackConfig.model_validate(
        {"bot_token": "xoxb-1", "signing_secret": "s", "team_id": "T01", "app_id": "A01", "api_base": vendor.url}
    )
    channels: Any = {ChannelName.SMS: TwilioChannel(config(vendor.url)), ChannelName.SLACK: SlackChannel(slack)}
    return Gatherer(hand.database, channels, lambda: hand.now)


async def send(hand: Hand, vendor: Host, key: str = "m1", path: str = PATH, **more: Any) -> InboxRow:
    channel, address = more.pop("channel", ChannelName.SMS), more.pop("address", AMIRA)
    media = [Media(vendor.url + path, "image/jpeg")]
    await answers.receive(hand.database, InboundMessage(channel, key, address, media=media, **more), hand.now)
    await hand.turn()
    return await hand.row(key)


async def media(hand: Hand) -> MediaRow:
    (row,) = await hand.rows(select(MediaRow))
    assert isinstance(row, MediaRow)
    return row


async def kinds(hand: Hand) -> list[str]:
    wanted = select(col(AuditRow.kind)).where(col(AuditRow.kind).like("picture.%")).order_by(col(AuditRow.id))
    return list(await hand.rows(wanted))


async def test_a_picture_alone_is_a_note_on_the_only_task_and_is_kept_without_what_hides_in_it(
    hand: Hand, vendor: Host
) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    vendor.answers[PATH] = web.Response(body=photo(turned=6))
    await send(hand, vendor)
    (answer,) = hand.temporal.answers
    assert (answer.task_id, answer.verb, answer.fields) == ("tsk_1", "inform", {"text": "Photo"})
    assert await gatherer(hand, vendor).step() == 1
    row, (kept,) = await media(hand), await hand.rows(select(PictureRow))
    assert (row.state, row.exception_id, row.person, row.picture) == ("kept", "exc_1", "amira", kept.sha256)
    image = Image.open(BytesIO(kept.data))
    red, green, blue = image.convert("RGB").getpixel((20, 5))  # type: ignore[misc]
    assert (image.size, not image.getexif(), red > 200, blue < 60) == ((40, 60), True, True, True), green
    (fact,) = await hand.rows(select(AuditRow).where(col(AuditRow.kind) == "picture.kept"))
    assert (fact.subject, fact.actor, fact.data["sha256"]) == ("exc_1", "amira", kept.sha256)


async def test_what_the_vendor_has_not_is_tried_again_and_can_be_seen_meanwhile(hand: Hand, vendor: Host) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await send(hand, vendor, text="the belt")
    vendor.answers[PATH] = web.Response(status=503)
    gathering = gatherer(hand, vendor)
    await gathering.step()
    waiting = await media(hand)
    assert (waiting.state, waiting.attempts, "HTTP 503" in (waiting.error or "")) == ("pending", 1, True)
    assert await gathering.step() == 0
    hand.later(days=2)
    vendor.answers[PATH] = web.Response(body=photo())
    await gathering.step()
    found = await media(hand)
    assert (found.state, found.error, found.caption) == ("kept", None, "the belt")


@pytest.mark.parametrize(
    "body, status, days, state",
    [(b"<html>", 200, 0, "refused"), (b"", 404, 0, "pending"), (b"", 404, 1, "gone"), (b"", 401, 8, "lost")],
)
async def test_what_is_no_picture_is_refused_in_sight(
    hand: Hand, vendor: Host, body: bytes, status: int, days: int, state: str
) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await send(hand, vendor)
    vendor.answers[PATH] = web.Response(body=body, status=status)
    hand.later(days=days)
    await gatherer(hand, vendor).step()
    row = await media(hand)
    assert (row.state, bool(row.error)) == (state, True)
    assert await kinds(hand) == ([] if state == "pending" else [f"picture.{state}"])


async def test_a_picture_over_which_workers_die_is_left_alone(hand: Hand, vendor: Host) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await send(hand, vendor)
    vendor.answers[PATH] = web.Response(body=photo())
    async with hand.database.transaction() as session:
        await session.execute(update(MediaRow).values(attempts=5))
    await gatherer(hand, vendor).step()
    assert ((await media(hand)).state, vendor.asked, await kinds(hand)) == ("refused", [], ["picture.refused"])


async def test_nothing_of_a_stranger_is_fetched(hand: Hand, vendor: Host) -> None:
    await send(hand, vendor, address="+447700900999")
    await gatherer(hand, vendor).step()
    assert (await hand.rows(select(MediaRow)), vendor.asked) == ([], [])


async def test_words_that_follow_take_the_picture_along(hand: Hand, vendor: Host) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await add_task(hand, 2, "WXYZ", ["amira"])
    row = await send(hand, vendor)
    assert (row.outcome, (await media(hand)).exception_id) == ({"accepted": False, "code": "which_task"}, None)
    hand.later(minutes=3)
    words = InboundMessage(ChannelName.SMS, "m2", AMIRA, task="ABCD", verb="inform", fields={"text": "the belt"})
    await answers.receive(hand.database, words, hand.now)
    await hand.turn()
    assert (await media(hand)).exception_id == "exc_1"


async def test_a_reports_picture_belongs_to_what_the_report_opened(hand: Hand, vendor: Host) -> None:
    vendor.answers[PATH] = web.Response(body=photo())
    await send(hand, vendor, verb="report", fields={"equipment": "lathe-1", "text": "oil on the floor"})
    await hand.turn()
    await gatherer(hand, vendor).step()
    (opened,) = await hand.exceptions()
    row = await media(hand)
    assert (opened.definition, row.exception_id, row.state) == ("operator_report", opened.id, "kept")


async def test_a_file_at_slack_is_fetched_with_the_token_and_a_remote_one_is_not(hand: Hand, vendor: Host) -> None:
    await add_task(hand, 1, "ABCD", ["jonas"])
    vendor.answers["/files-pri/T01-F1/belt.jpg"] = web.Response(body=photo())
    slack = {"channel": ChannelName.SLACK, "address": address_of("jonas")}
    await send(hand, vendor, "e1", "/files-pri/T01-F1/belt.jpg", **slack)
    await send(hand, vendor, "e2", "/elsewhere/belt.jpg", **slack)
    await gatherer(hand, vendor).step()
    assert vendor.asked == [("/files-pri/T01-F1/belt.jpg", "Bearer xoxb-1")]
    states = await hand.rows(select(col(MediaRow.state)).order_by(col(MediaRow.inbox_seq)))
    assert states == ["kept", "refused"]


async def test_an_exception_keeps_no_more_than_the_site_says(hand: Hand, vendor: Host) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await _parameters(hand, {"most": 1})
    vendor.answers[PATH] = web.Response(body=photo())
    for key in ("m1", "m2"):
        await send(hand, vendor, key)
        await gatherer(hand, vendor).step()
    rows = await hand.rows(select(MediaRow).order_by(col(MediaRow.inbox_seq)))
    assert [row.state for row in rows] == ["kept", "too_many"]
    assert len(vendor.asked) == 1


async def _parameters(hand: Hand, pictures: dict[str, Any]) -> None:
    (row,) = await hand.rows(select(DocumentRow).where(col(DocumentRow.kind) == "site"))
    site = row.content | {"parameters": row.content["parameters"] | {"pictures": pictures}}
    await publish.publish_site(hand.database, site, author="eng", now=utcnow())


async def test_after_its_time_the_picture_goes_and_its_hash_stays_but_not_under_a_legal_hold(
    hand: Hand, vendor: Host
) -> None:
    await add_task(hand, 1, "ABCD", ["amira"])
    await _parameters(hand, {"keep": "30d"})
    vendor.answers[PATH] = web.Response(body=photo())
    await send(hand, vendor)
    gathering = gatherer(hand, vendor)
    await gathering.step()
    sha256 = (await media(hand)).picture
    hold = AuditHoldRow(subject="exc_1", since=0, reason="r", placed_by="amira", placed_at=hand.now)
    async with hand.database.transaction() as session:
        closed = {"closed_at": hand.now}
        await session.execute(update(ExceptionRow).where(col(ExceptionRow.id) == "exc_1").values(closed))
        session.add(hold)
    hand.later(days=31)
    await gathering.sweep()
    assert (await media(hand)).state == "kept"
    async with hand.database.transaction() as session:
        (await session.get_one(AuditHoldRow, hold.id)).lifted_at = hand.now
    hand.now += timedelta(hours=1)
    await gathering.sweep()
    gone = await media(hand)
    assert (gone.state, gone.picture, await hand.rows(select(PictureRow))) == ("expired", sha256, [])
    assert await kinds(hand) == ["picture.kept", "picture.expired"]


def test_c31_large_transparent_and_damaged_pictures() -> None:
    large = develop(picture(photo(3000, 1500)))
    assert (large.width, large.height, len(large.data) <= MAX_KEPT) == (EDGE, EDGE // 2, True)
    assert Image.open(BytesIO(large.small)).size == (320, 160)
    out = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    seen = Image.open(BytesIO(develop(picture(out.getvalue())).data)).convert("RGB").getpixel((4, 4))
    assert seen == (255, 255, 255)
    whole = png(40, 40)
    lines = whole.index(b"IDAT") + 4
    inside = chunk(b"IDAT", b"\0" * 30)
    with pytest.raises(RejectedError):  # its outside is a PNG's, its inside is not
        develop(picture(whole[: lines - 8] + inside + whole[-12:]))


def test_c31_what_pillow_stumbles_over_ends_no_worker() -> None:
    """Behind the picture stands an empty colour profile: reading how it was held raises what nobody documents."""
    whole = png(40, 40)
    assert develop(picture(whole[:-12] + chunk(b"iCCP", b"") + whole[-12:])).width == 40
