"""My account and the enrolments of others on a phone, a tablet and a desk: everything reachable, nothing too wide."""

from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import select, update
from sqlmodel import col

from admin.access.enrolment import Address, Enrolments
from admin.actors import Actor
from store.db import Database
from store.tables import IdentityRow, OutboxRow, PersonRow, UnknownSenderRow
from tests.api.seeding import HOSTILE, NOW, PASSWORD, PEOPLE, PLANNER, QUALITY
from tests.browser.conftest import Console
from tests.browser.screens import opened, picture

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
PHONE, OTHER = "+420777000111", "+420777000222"


async def newest_code(database: Database) -> str:
    async with database.transaction() as session:
        mine = select(OutboxRow).where(col(OutboxRow.purpose) == "enrolment").order_by(col(OutboxRow.created_at).desc())
        row = (await session.scalars(mine.limit(1))).one()
    return str(row.payload["code"])


async def test_my_account(console: Console, chromium: Browser, pictures: Path | None) -> None:
    page = await opened(console, chromium, PLANNER)
    await page.get_by_role("link", name="Petr Dvořák").click()
    await expect(page.get_by_role("heading", name="How I am reached")).to_be_visible()
    await page.get_by_text("Add a phone number").click()
    form = page.locator('form[action="/account/add-address"]')
    await form.get_by_label("Number or address").fill(PHONE)
    await form.get_by_label("Your password, again").fill(PASSWORD)
    await form.get_by_role("button", name="Send me a code").click()
    await page.get_by_label("The six digits that came there").fill(await newest_code(console.database))
    mine = page.get_by_role("button", name="This is mine")
    await picture(page, pictures, "account-code", mine)
    await mine.click()
    await expect(page.get_by_text("The address is yours.")).to_be_visible()
    await page.get_by_text("Set up an authenticator").click()
    form = page.locator('form[action="/account/begin-authenticator"]')
    await form.get_by_label("Your password, again").fill(PASSWORD)
    await form.get_by_role("button", name="Set it up").click()
    drawn = await page.locator("img.qr").evaluate("async image => { await image.decode(); return image.naturalWidth }")
    assert drawn > 100
    use = page.get_by_role("button", name="Use it")
    await picture(page, pictures, "account", use)
    key = (await page.locator(".key code").inner_text()).replace(" ", "")
    await page.get_by_label("The six digits that the app shows").fill(pyotp.TOTP(key).at(NOW))
    await use.click()
    await expect(page.get_by_role("heading", name="Keep these codes")).to_be_visible()
    leave = page.get_by_role("button", name="Sign out")
    await picture(page, pictures, "recovery-codes", leave)
    code = await page.locator("ul.codes code").first.inner_text()
    await leave.click()
    await page.get_by_label("Name").fill(PLANNER)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Code of your authenticator").fill(code)
    enter = page.get_by_role("button", name="Sign in")
    await picture(page, pictures, "login-second", enter)
    await enter.click()
    await expect(page.get_by_role("link", name="Petr Dvořák")).to_be_visible()
    await page.goto(f"{console.url}/account#tokens")
    await page.get_by_text("Make a token").click()
    await page.get_by_text("Change my password", exact=True).click()
    await picture(page, pictures, "account-forms")
    assert console.complaints == []


async def test_enrolments_of_others(console: Console, chromium: Browser, pictures: Path | None) -> None:
    manager = next(one for one in PEOPLE if one.id == QUALITY).model_dump(mode="json") | {
        "authorities": ["manage_roster"]
    }
    issuer = "https://login.example.com/tenant/0f3c"
    async with console.database.transaction() as session:
        await session.execute(update(PersonRow).where(col(PersonRow.id) == QUALITY).values(data=manager))
        session.add(UnknownSenderRow(channel="sms", address=OTHER, times=3, first_at=NOW, last_at=NOW, text=HOSTILE))
        session.add(
            IdentityRow(
                issuer=issuer, subject="9" * 36, person=PLANNER, standing="proposed", email="petr@example.com",
                proposed_at=NOW,
            )
        )  # fmt: skip
    ceremonies = Enrolments(console.database, b"s" * 32, lambda count: b"\x07" * count)
    for number, address in enumerate((PHONE, f"{PHONE}9")):
        enrolment = Enrolments(console.database, b"s" * 32, lambda count, n=number: bytes([n + 1]) * count)  # type: ignore[misc]
        key = await enrolment.begin(PLANNER, Address("sms", address), Actor(PLANNER), NOW)
        async with console.database.transaction() as session:
            rows = (await session.scalars(select(OutboxRow).where(col(OutboxRow.address) == address))).all()
        code = next(row.payload["code"] for row in rows if row.payload["reply_code"] == "enrol_code")
        await ceremonies.verify(key, str(code), Actor(PLANNER), NOW)
    page = await opened(console, chromium, QUALITY)
    await page.goto(f"{console.url}/enrolments")
    await expect(page.get_by_text(OTHER)).to_be_visible()
    await page.get_by_text("This is ...").click()
    await page.get_by_text("Vouch for it").click()
    await page.get_by_text("Confirm or refuse").click()
    form = page.locator('form[action="/enrolments/vouch"]')
    theirs = form.get_by_role("button", name="It is theirs")
    await picture(page, pictures, "enrolments", theirs)
    assert await page.title() != "owned"
    await form.get_by_label("Your password, again").fill(PASSWORD)
    await theirs.click()
    await expect(page.get_by_text("Done.")).to_be_visible()
    assert console.complaints == []
