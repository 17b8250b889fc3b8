"""A picture that somebody sent is shown to whoever is signed in: as evidence, with its hash, or why it is not here."""

import asyncio
from io import BytesIO
from typing import Any

from PIL import Image

from admin.audit.auditing import verify
from admin.audit.keys import Trusted
from api.exceptions.dossier import paper
from connectors.pictures import picture
from intake.photos import develop
from store.db import Database
from store.read.evidence import media
from store.read.evidence.dossier import dossier
from store.tables import MediaRow, PictureRow
from tests.api.seeding import BREAKDOWN, HOSTILE, NOW, PLANNER, TECHNICIAN, ago
from tests.api.site import Browser
from tests.api.test_console_pages import plain
from tests.support.everything_said import text_of_pdf


async def seed(database: Database) -> PictureRow:
    out = BytesIO()
    Image.new("RGB", (600, 400), "red").save(out, "JPEG")
    kept = PictureRow(**develop(picture(out.getvalue())).row(), kept_at=NOW)
    seen: dict[str, Any] = {"channel": "whatsapp", "person": TECHNICIAN, "url": "https://x.example/1", "next_at": NOW}
    seen |= {"received_at": ago(3), "claimed_type": "image/jpeg", "caption": HOSTILE}
    ended = {"state": "kept", "picture": kept.sha256}
    why = "The picture is not taken: send a PNG or JPEG photo."
    async with database.transaction() as session:
        session.add_all(
            [
                kept,
                MediaRow(id="pic_a", inbox_seq=1, place=0, exception_id=BREAKDOWN, **seen | ended),
                MediaRow(id="pic_b", inbox_seq=1, place=1, exception_id=BREAKDOWN, state="refused", error=why, **seen),
                MediaRow(id="pic_c", inbox_seq=2, place=0, attempts=3, error="Twilio is away", **seen),
            ]
        )  # fmt: skip
    return kept


async def test_pictures_stand_on_the_exceptions_page_and_in_its_story(database: Database, somebody: Browser) -> None:
    kept = await seed(database)
    await somebody.sign_in(PLANNER)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    shown = plain(page)
    assert page.count('src="/pictures/pic_a/small"') == 2, "as evidence and in the story"
    assert f"SHA-256 {kept.sha256[:12]}" in shown
    assert shown.count("send a PNG or JPEG photo") == 2
    assert "onerror=&#34;" in page
    assert "<script>alert" not in page
    assert "Tried 3 times" in plain((await somebody.get("/inbox")).text)


async def test_a_picture_needs_a_log_in_and_is_nothing_but_a_picture(database: Database, somebody: Browser) -> None:
    kept = await seed(database)
    assert (await somebody.get("/pictures/pic_a")).headers["location"].startswith("/login")
    await somebody.sign_in(PLANNER)
    whole, small = await somebody.get("/pictures/pic_a"), await somebody.get("/pictures/pic_a/small")
    assert (whole.content, small.content) == (kept.data, kept.small)
    assert (whole.headers["content-type"], whole.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    again = await somebody.client.get("/pictures/pic_a", headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert [(await somebody.get(f"/pictures/{name}")).status_code for name in ("pic_b", "pic_c", "nil")] == [404] * 3


async def made(database: Database) -> bytes:
    found, report = await dossier(database, BREAKDOWN), await verify(database, Trusted([]))
    assert found is not None
    return await asyncio.to_thread(paper, found, report, maker=PLANNER, now=NOW)


async def test_pictures_are_in_the_dossier_with_who_when_and_their_hash(database: Database) -> None:
    without = await made(database)
    kept = await seed(database)
    told = await made(database)
    text = "".join(text_of_pdf(told).split())
    assert (without.count(b"/Subtype /Image"), told.count(b"/Subtype /Image")) == (0, 1)
    assert "Picturesthatpeoplesent" not in "".join(text_of_pdf(without).split())
    said = (
        "Picture1fromAnnaNováková(anna),WhatsApp,2026-11-2210:27:00",
        kept.sha256,
        "Nothererefused",
        "600x400pixels",
    )
    assert [part for part in said if part not in text] == []


async def test_paper_takes_so_many_pictures_and_names_the_others(database: Database) -> None:
    kept = await seed(database)
    async with database.transaction() as session:
        rows = await media.of_exception(session, BREAKDOWN)
        taken = [await media.printed(session, rows, *bounds) for bounds in ((1, kept.size), (0, 10**9), (9, 10))]
    assert [[one.sha256 for one in found] for found in taken] == [[kept.sha256], [], []]
