"""The second step of a log-in: set up by the person, forced by the site, a code good for once, recovery codes too."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from admin.access.sessions import SecondFactorError
from api.deps import ApiDeps
from store.db import Database
from store.tables import AuditRow, DocumentRow, RecoveryCodeRow, SessionRow, TotpRow
from tests.api.hand_totp import code, fill, key_on
from tests.api.seeding import NOW, PASSWORD, PLANNER, SITE
from tests.api.site import Browser, application, browser, dependencies, hidden


class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deps(database: Database, clock: Clock) -> ApiDeps:
    return dependencies(database, now=clock)


@pytest.fixture
async def planner(deps: ApiDeps) -> AsyncIterator[Browser]:
    async with browser(application(deps)) as somebody:
        yield somebody


async def enrol(somebody: Browser, clock: Clock) -> tuple[pyotp.TOTP, list[str]]:
    """Sign in, set an authenticator up; gives it and the recovery codes."""
    await somebody.sign_in(PLANNER)
    otp = key_on(await fill(somebody, "/account", "/account/begin-authenticator", password=PASSWORD))
    page = await fill(somebody, "/account", "/account/finish-authenticator", code=code(otp, clock.now))
    return otp, re.findall(r"<li><code>([A-Z2-9-]+)</code>", page)


async def first_step(somebody: Browser) -> None:
    somebody.client.cookies.clear()
    answer = await somebody.sign_in(PLANNER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login/second")
    assert "mos" not in somebody.client.cookies, "the password alone opens nothing"


async def second_step(somebody: Browser, typed: str) -> int:
    page = await somebody.get("/login/second")
    return (await somebody.post("/login/second", hidden(page.text) | {"code": typed})).status_code


async def test_an_authenticator_is_asked_for_and_its_code_counts_once(planner: Browser, clock: Clock) -> None:
    otp, _ = await enrol(planner, clock)
    clock.later(seconds=60)
    await first_step(planner)
    assert (await planner.get("/")).status_code == 303
    assert await second_step(planner, "000000") == 401
    typed = code(otp, clock.now)
    assert await second_step(planner, typed) == 303
    assert (await planner.get("/")).status_code == 200
    await first_step(planner)
    assert await second_step(planner, typed) == 401, "a code that was seen is worth nothing"


@pytest.mark.parametrize("steps, status", [(-2, 401), (-1, 303), (0, 303), (1, 303), (2, 401)])
async def test_a_code_of_the_step_before_or_after_is_taken(
    planner: Browser, clock: Clock, steps: int, status: int
) -> None:
    otp, _ = await enrol(planner, clock)
    clock.later(minutes=5)
    await first_step(planner)
    assert await second_step(planner, code(otp, clock.now, steps)) == status


async def test_the_same_code_at_one_moment_counts_once(deps: ApiDeps, planner: Browser, clock: Clock) -> None:
    otp, _ = await enrol(planner, clock)
    clock.later(minutes=2)
    typed = code(otp, clock.now)
    tries = [deps.sessions.totp.check(PLANNER, typed, clock.now) for _ in range(2)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(one, SecondFactorError) for one in results) == [False, True]


async def test_guessing_the_code_is_stopped_after_five(planner: Browser, clock: Clock) -> None:
    otp, recovery = await enrol(planner, clock)
    clock.later(minutes=2)
    await first_step(planner)
    assert [await second_step(planner, "111111") for _ in range(5)] == [401] * 5
    assert await second_step(planner, code(otp, clock.now)) == 429
    assert await second_step(planner, recovery[0]) == 429
    clock.later(minutes=16)
    await first_step(planner)
    assert await second_step(planner, code(otp, clock.now)) == 303


async def test_a_recovery_code_signs_in_once(planner: Browser, clock: Clock, database: Database) -> None:
    _, recovery = await enrol(planner, clock)
    assert len(set(recovery)) == 10
    await first_step(planner)
    assert await second_step(planner, recovery[3].lower()) == 303
    await first_step(planner)
    assert await second_step(planner, recovery[3]) == 401
    async with database.transaction() as session:
        kept = list(await session.scalars(select(col(RecoveryCodeRow.code_hash))))
        used = await session.scalars(select(col(AuditRow.kind)).where(col(AuditRow.kind) == "recovery_code_used"))
    assert len(kept) == 9
    assert not set(kept) & set(recovery)
    assert len(list(used)) == 1


async def test_a_site_forces_it_for_roles(planner: Browser, clock: Clock, database: Database) -> None:
    content = SITE | {"parameters": {"console": {"second_factor_roles": ["planner"]}}}
    async with database.transaction() as session:
        document = update(DocumentRow).where(col(DocumentRow.kind) == "site")
        await session.execute(document.values(content=content, version="forced"))
    answer = await planner.sign_in(PLANNER)
    assert answer.headers["location"] == "/login/enrol"
    assert "mos" not in planner.client.cookies
    page = await planner.get("/login/enrol")
    picture = await planner.get("/login/code.svg")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert "<script" not in picture.text
    assert "style=" not in picture.text
    typed = code(key_on(page.text), clock.now)
    codes = await planner.post("/login/enrol", hidden(page.text) | {"code": typed})
    assert "Keep these codes" in html.unescape(codes.text)
    assert (await planner.get("/")).status_code == 200
    assert (await planner.get("/account/code.svg")).status_code == 404, "the key is never shown again"


async def test_the_last_step_draws_a_new_token(planner: Browser, clock: Clock, database: Database) -> None:
    otp, _ = await enrol(planner, clock)
    clock.later(minutes=2)
    await first_step(planner)
    planted = planner.client.cookies["mos_step"].partition("/")[0].strip('"')
    assert await second_step(planner, code(otp, clock.now)) == 303
    assert planner.client.cookies["mos"] != planted
    planner.client.cookies.set("mos", planted)
    assert (await planner.get("/")).status_code == 303


async def test_a_started_log_in_is_over_after_ten_minutes(planner: Browser, clock: Clock) -> None:
    otp, _ = await enrol(planner, clock)
    await first_step(planner)
    clock.later(minutes=11)
    assert await second_step(planner, code(otp, clock.now)) == 401


async def test_c7_the_secret_lies_encrypted_in_the_database(planner: Browser, clock: Clock, database: Database) -> None:
    otp, _ = await enrol(planner, clock)
    async with database.transaction() as session:
        (row,) = (await session.scalars(select(TotpRow))).all()
    assert otp.secret.encode() not in row.secret


async def test_a_signature_needs_both_first_and_the_password_then(
    deps: ApiDeps, planner: Browser, clock: Clock, database: Database
) -> None:
    otp, _ = await enrol(planner, clock)
    async with database.transaction() as session:
        number = str(await session.scalar(select(col(SessionRow.number))))
    clock.later(minutes=2)
    with pytest.raises(SecondFactorError):
        await deps.sessions.confirm(PLANNER, PASSWORD, clock.now, number=number)
    await deps.sessions.confirm(PLANNER, PASSWORD, clock.now, code=code(otp, clock.now), number=number)
    await deps.sessions.confirm(PLANNER, PASSWORD, clock.now, number=number)
    with pytest.raises(SecondFactorError):
        await deps.sessions.confirm(PLANNER, PASSWORD, clock.now, number="another")


async def test_log_ins_are_listed_and_ended(deps: ApiDeps, planner: Browser, clock: Clock) -> None:
    await planner.sign_in(PLANNER)
    async with browser(application(deps)) as stolen:
        await stolen.sign_in(PLANNER)
        other = next(one for one in await deps.sessions.all_of(PLANNER, clock.now) if one.browser.startswith("python"))
        page = (await planner.get("/account")).text
        csrf = hidden(page, 'action="/account/end-session"')["csrf"]
        mine = re.search(r'value="([0-9a-f]{16})">\s*<p><b [^>]*>[^<]*</b> <span class="chip good">this one', page)
        assert mine is not None
        numbers = {one.number for one in await deps.sessions.all_of(PLANNER, clock.now)} - {mine[1]}
        assert other.number in {*numbers, mine[1]}
        await planner.post("/account/end-session", {"csrf": csrf, "number": numbers.pop()})
        assert (await stolen.get("/")).status_code == 303
        assert (await planner.get("/")).status_code == 200


async def test_a_log_in_ends_when_nobody_uses_it_and_a_fresh_page_is_not_use(planner: Browser, clock: Clock) -> None:
    await planner.sign_in(PLANNER)
    for _ in range(3):
        clock.later(minutes=50)
        assert (await planner.get("/")).status_code == 200
    clock.later(minutes=50)
    refreshed = await planner.client.get("/", headers={"accept": "text/html", "sec-fetch-mode": "cors"})
    assert refreshed.status_code == 200
    clock.later(minutes=50)
    assert (await planner.get("/")).status_code == 303


async def test_a_log_in_lasts_no_longer_than_a_shift_however_busy(planner: Browser, clock: Clock) -> None:
    await planner.sign_in(PLANNER)
    statuses = []
    for _ in range(15):
        clock.later(minutes=50)
        statuses.append((await planner.get("/")).status_code)
    assert statuses[:14] == [200] * 14
    assert statuses[14] == 303
