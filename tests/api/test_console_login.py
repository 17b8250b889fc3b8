"""Signing in: only with the password, only from our own form, not by guessing; and it ends."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlmodel import col

from admin.access.sessions import set_password
from api.access.login import local_path
from store.db import Database
from store.tables import AuditRow, PersonRow, SessionRow
from tests.api.seeding import NOW, PASSWORD, PLANNER, QUALITY
from tests.api.site import Browser, application, browser, dependencies, hidden


async def count(database: Database, table: type) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_the_right_password_opens_the_page_that_was_asked_for(somebody: Browser, database: Database) -> None:
    page = await somebody.get("/login?next=/ledger")
    answer = await somebody.post("/login", hidden(page.text) | {"person": PLANNER, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ledger")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("mos="))
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert (await somebody.get("/ledger")).status_code == 200
    async with database.transaction() as session:
        stored = await session.scalar(select(col(SessionRow.token_hash)))
    assert str(stored) not in cookie, "the table alone must not open a session"


async def test_cookies_on_https_are_secure_and_bound_to_the_host(database: Database) -> None:
    app = application(dependencies(database, public_url="https://mos.example.com"))
    async with browser(app) as somebody:
        somebody.client.base_url = "https://mos.example.com"
        answer = await somebody.sign_in(PLANNER)
        cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("__Host-mos="))
        assert "secure" in cookie.lower()
        assert "strict-transport-security" in answer.headers


async def test_a_wrong_password_and_an_unknown_name_read_the_same(somebody: Browser, database: Database) -> None:
    wrong, unknown = await somebody.sign_in(PLANNER, "wrong"), await somebody.sign_in("nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert "Name or password is wrong" in wrong.text
    assert wrong.text.replace(PLANNER, "?") == unknown.text.replace("nobody", "?")
    assert await count(database, SessionRow) == 0
    assert await count(database, AuditRow) == 2


async def test_guessing_is_slowed_down_even_with_the_right_password(database: Database) -> None:
    now = [NOW]
    async with browser(application(dependencies(database, now=lambda: now[0]))) as somebody:
        for _ in range(5):
            assert (await somebody.sign_in(PLANNER, "wrong")).status_code == 401
        assert (await somebody.sign_in(PLANNER)).status_code == 429
        assert (await somebody.sign_in(QUALITY)).status_code == 303, "others are not locked out"
        now[0] += timedelta(minutes=6)
        assert (await somebody.sign_in(PLANNER)).status_code == 303


async def test_a_log_in_form_of_another_site_is_refused(somebody: Browser, database: Database) -> None:
    forged = {"person": PLANNER, "password": PASSWORD}
    assert (await somebody.post("/login", forged)).status_code == 403
    page = await somebody.get("/login")
    somebody.client.cookies.clear()
    assert (await somebody.post("/login", hidden(page.text) | forged)).status_code == 403
    assert await count(database, SessionRow) == 0


async def test_logging_out_needs_our_form_and_ends_the_session(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    page = await somebody.get("/")
    assert (await somebody.post("/logout", {"csrf": "0" * 64})).status_code == 403
    token = somebody.client.cookies["mos"]
    assert (await somebody.post("/logout", hidden(page.text))).headers["location"] == "/login"
    somebody.client.cookies.set("mos", token)
    assert (await somebody.get("/")).status_code == 303
    assert await count(database, SessionRow) == 0


async def test_a_session_ends_with_the_shift_the_person_or_the_password(database: Database) -> None:
    now = [NOW]
    async with browser(application(dependencies(database, now=lambda: now[0]))) as somebody:
        await somebody.sign_in(PLANNER)
        now[0] += timedelta(hours=13)
        assert (await somebody.get("/")).status_code == 303
        await somebody.sign_in(PLANNER)
        await set_password(database, PLANNER, "another long password", now[0], actor="admin")
        assert (await somebody.get("/")).status_code == 303
        await somebody.sign_in(PLANNER, "another long password")
        assert (await somebody.get("/")).status_code == 200
        async with database.transaction() as session:
            gone = col(PersonRow.data).op("||")({"active": False})
            await session.execute(update(PersonRow).where(col(PersonRow.id) == PLANNER).values(data=gone))
        assert (await somebody.get("/")).status_code == 303


def test_a_log_in_leads_only_to_pages_of_this_console() -> None:
    outside = ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nx: y"]
    assert {local_path(path) for path in outside} == {"/"}
    assert local_path("/exceptions/exc_1?answer=x") == "/exceptions/exc_1?answer=x"
