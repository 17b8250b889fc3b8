"""Slack, Twilio or the internet gone: every page says so, and since when; the console itself works."""

import re
from datetime import timedelta

import pytest

from store.db import Database
from store.tables import ChannelHealthRow
from tests.api.seeding import NOW, PLANNER
from tests.api.site import Browser


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def breaks(database: Database, channel: str, *, since: int | None) -> None:
    down = NOW - timedelta(minutes=since) if since is not None else None
    row = ChannelHealthRow(channel=channel, failures=3, down_since=down, error=f"{channel} is away.", changed_at=NOW)
    async with database.transaction() as session:
        session.add(row)


@pytest.mark.parametrize("page", ["/", "/inbox", "/ledger"])
async def test_a_banner_names_the_channel_and_since_when(database: Database, somebody: Browser, page: str) -> None:
    await somebody.sign_in(PLANNER)
    await breaks(database, "sms", since=7)
    await breaks(database, "voice", since=None)
    text = plain((await somebody.get(page)).text)
    assert "SMS does not work since 10:23:00" in text
    assert "Calling" not in text
    assert (await somebody.get("/api/channels")).json() == {
        "down": [{"channel": "sms", "since": "2026-11-22T09:23:00Z", "error": "sms is away."}],
        "everything": False,
    }


async def test_with_every_channel_gone_the_console_says_call(database: Database, somebody: Browser) -> None:
    """All of those that somebody here has: slack alone."""
    await somebody.sign_in(PLANNER)
    await breaks(database, "slack", since=3)
    answer = await somebody.get("/")
    assert (answer.status_code, "No message gets out since 10:27:00" in plain(answer.text)) == (200, True)


async def test_without_an_outage_nothing_is_said(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    assert "does not work since" not in plain((await somebody.get("/")).text)
    assert (await somebody.get("/api/channels")).json() == {"down": [], "everything": False}


async def test_strangers_learn_nothing(somebody: Browser) -> None:
    assert (await somebody.get("/api/channels")).status_code in (303, 401, 403)
