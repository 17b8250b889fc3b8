"""C6, C7, C28: without its secrets the API does not start; no secret is in a log line; no log line is forged."""

import io
import logging
import re
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from admin.access.enrolment import Address, WrongCodeError
from admin.access.oidc import Provider
from admin.access.tokens import Wanted
from admin.actors import Actor
from domain.errors import AuthError, ConfigError
from infra.log_lines import FORMAT, OneLine
from infra.processes import api
from infra.provider_calls import HttpCalls
from infra.settings import Settings, load_settings
from store.db import Database
from tests.api.hand_totp import code, fill, key_on
from tests.api.seeding import NOW, PASSWORD, PLANNER
from tests.api.site import PUBLIC, application, browser, dependencies
from tests.api.test_addresses import PHONE, sent_code
from tests.support.issuer import CLIENT, ISSUER, SECRET, Issuer, unsigned

WHOLE: dict[str, Any] = {
    "webhook_secret": SecretStr("whsec_" + "a" * 32),
    "session_secret": SecretStr("s" * 32),
    "public_url": PUBLIC,
}


@pytest.mark.parametrize("missing", sorted(WHOLE))
async def test_c6_a_missing_secret_refuses_the_start(database: Database, missing: str) -> None:
    settings = Settings(**(WHOLE | {missing: None}))
    with pytest.raises(ConfigError, match="MOS_SESSION_SECRET"):
        await api.make_deps(settings, database)


@pytest.mark.parametrize("missing", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"])
def test_c6_half_a_provider_refuses_the_start(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    given = {"ISSUER": ISSUER, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
    for name, value in given.items():
        monkeypatch.setenv(f"MOS_OIDC_{name}", "" if name == missing else value)
    with pytest.raises(ConfigError, match="MOS_OIDC_CLIENT_SECRET") as refused:
        load_settings()
    assert SECRET not in refused.value.message


async def test_c7_no_ceremony_leaves_a_secret_in_the_logs(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    issuer = Issuer(now=lambda: NOW, sign=unsigned)
    provider = Provider(ISSUER, CLIENT, SECRET, f"{PUBLIC}/login/callback")
    deps = dependencies(database, provider=provider, provider_calls=HttpCalls(issuer.client), api_token="the-own-token")
    async with browser(application(deps)) as somebody:
        await somebody.sign_in(PLANNER, "a wrong but telling password")
        await somebody.sign_in(PLANNER)
        secrets = {PASSWORD, "a wrong but telling password", SECRET, "the-own-token", somebody.client.cookies["mos"]}
        otp = key_on(await fill(somebody, "/account", "/account/begin-authenticator", password=PASSWORD))
        page = await fill(somebody, "/account", "/account/finish-authenticator", code=code(otp, NOW))
        secrets |= {otp.secret, *re.findall(r"<li><code>([A-Z2-9-]+)</code>", page)}
        token = await deps.tokens.create(Wanted("x", ["signals:write"], 3), Actor(PLANNER), NOW)
        await somebody.client.get("/api/shelves", headers={"authorization": f"Bearer {token}"})
        number = await deps.enrolments.begin(PLANNER, Address("sms", PHONE), Actor(PLANNER), NOW)
        with pytest.raises(WrongCodeError):
            await deps.enrolments.verify(number, "no", Actor(PLANNER), NOW)
        secrets |= {token, await sent_code(database), await deps.enrolments.begin_link(PLANNER, Actor(PLANNER), NOW)}
        away = await somebody.get("/login/oidc")
        back = issuer.authorise(away.headers["location"])
        await somebody.get(f"/login/callback?{httpx.QueryParams(back)}")
        secrets |= set(back.values())
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore", "asyncio"))]  # test's client
    said = "\n".join(OneLine(FORMAT).format(one) for one in ours)
    assert not [secret for secret in secrets if secret in said]


async def test_c7_a_failed_statement_tells_nothing_of_what_it_carried(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with database.transaction() as session:
            await session.execute(text("SELECT :secret FROM nowhere"), {"secret": "hunter2"})
    assert "hunter2" not in str(failed.value)


def test_c28_a_log_line_stays_a_line() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine(FORMAT))
    log = logging.Logger("mos.test")
    log.addHandler(handler)
    forged = "x\r\n2026-11-22 09:30:00 INFO mos.audit approved\x1b[2K\x1b]0;owned\x07\u2028\x85end"
    log.warning("refused: %s", forged)
    try:
        raise AuthError(forged)
    except AuthError:
        log.exception("broke")
    lines = stream.getvalue().split("\n")
    assert [line for line in lines if "mos.audit" in line and not line.startswith("  | ")] == [lines[0]]
    assert re.match(r"[0-9-]+ [0-9:,]+ WARNING mos.test refused: x\\r\\n2026", lines[0])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", stream.getvalue())
