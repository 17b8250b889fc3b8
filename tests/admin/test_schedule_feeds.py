"""Feeds in, over HTTP into a database: what changes, what does not, and that nothing bad takes a schedule away."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select
from sqlmodel import col

from admin.actors import Actor, NotAllowedError
from admin.definitions import publish
from admin.roster import followed as roster_feeds
from admin.roster import schedules
from admin.roster.followed import Look
from authoring.check.published import facts
from domain.errors import ConfigError, InvalidPayloadError, NotFoundError
from domain.rosters.imported import Imported
from domain.rosters.model import Override
from domain.rosters.people import Person
from domain.values import Json
from infra import connect
from infra.commands.roster_sources import read_apart, source
from infra.processes.feeds import Feeds
from store.db import Database
from store.read import site as site_read
from store.read.rosters import feeds as feeds_read
from store.tables import AuditRow, ScheduleFeedRow
from store.write.rosters import feeds as write
from tests.support.eventually import eventually

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = "s3cr3t-part"
HALL: dict[str, Any] = {"schedule": "hall", "timezone": "Europe/Prague"}


def calendar(*events: tuple[str, str, str], more: str = "", stamp: str = "20261122T090000Z") -> bytes:
    """Events as (begin, end, summary)."""
    told = [
        f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:{stamp}\r\nDTSTART:{begins}\r\nDTEND:{ends}\r\n"
        f"SUMMARY:{summary}\r\n{more}END:VEVENT\r\n"
        for number, (begins, ends, summary) in enumerate(events)
    ]
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{''.join(told)}END:VCALENDAR\r\n".encode()


JONAS = ("20261123T050000Z", "20261123T170000Z", "Jonas Weber")
AMIRA = ("20261123T170000Z", "20261124T050000Z", "Amira Haddad")


@dataclass
class Site:
    """A server elsewhere, our database, and a clock."""

    database: Database
    url: str = ""
    answer: Any = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    now: datetime = NOW
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers.get("Authorization", "")))
        if self.answer is None:
            await self.over.wait()
            return web.Response(status=503)
        if callable(self.answer):
            made: web.StreamResponse = self.answer(request)
            return made
        return web.Response(body=self.answer)

    async def publish(self, kind: str = "roster_ical", secrets: dict[str, str] | None = None, **config: Json) -> None:
        known = {"url": f"{self.url}/file", "allow": ["127.0.0.1"], **config}
        entry = {"name": "theirs", "kind": kind, "role": "roster", "config": known, "secrets": secrets or {}}
        connect.check_document([entry])
        await publish.publish_connectors(self.database, [entry], author="piotr", now=self.now)

    async def look(self, later: float = 20) -> ScheduleFeedRow:
        """Some minutes later."""
        self.now += timedelta(minutes=later)
        assert await Feeds(self.database, read_here, lambda: self.now).look() == "theirs"
        return await self.row()

    async def row(self) -> ScheduleFeedRow:
        async with self.database.transaction() as session:
            row = await feeds_read.one(session, "theirs")
        assert row is not None
        return row

    async def on(self, moment: str, schedule: str = "hall") -> tuple[str, ...]:
        async with self.database.transaction() as session:
            return (await site_read.roster(session)).on_call(schedule, datetime.fromisoformat(moment))

    async def audited(self) -> list[Json]:
        async with self.database.transaction() as session:
            mine = select(AuditRow).where(col(AuditRow.actor) == "feed:theirs").order_by(col(AuditRow.id))
            return [(row.kind, row.subject, row.data) for row in await session.scalars(mine)]


async def read_here(format: str, settings: dict[str, Json], data: bytes, people: Sequence[Person]) -> Imported:
    """Without a child process."""
    return source(format, settings).read(data, people)


@pytest.fixture
async def site(published: Database) -> AsyncIterator[Site]:
    found, app = Site(published), web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        found.over.set()
        await runner.cleanup()


async def test_what_changes_there_changes_here_with_one_record_and_nothing_else_does(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS, AMIRA)
    row = await site.look()
    assert (row.error, row.schedules, row.good_at, row.changed_at) == ("", ["hall"], site.now, site.now)
    assert (await site.on("2026-11-23T10:00+00:00"), await site.on("2026-11-23T20:00+00:00")) == (
        ("jonas",),
        ("amira",),
    )
    first = site.now
    site.answer = calendar(AMIRA, JONAS, stamp="20261122T093000Z")
    row = await site.look()
    assert (row.good_at, row.changed_at, len(await site.audited())) == (site.now, first, 1)
    site.answer = calendar(JONAS, (*AMIRA[:2], "Jonas Weber"))
    await site.look()
    assert await site.on("2026-11-23T20:00+00:00") == ("jonas",)
    kind, subject, data = (await site.audited())[-1]
    assert (len(await site.audited()), kind, subject) == (2, "schedule.imported", "hall")
    assert data["entries_new"] == {"count": 1, "first": [["2026-11-23T17:00:00Z", "2026-11-24T05:00:00Z", "jonas"]]}
    assert (data["entries_gone"]["first"][0][2], data["feed"]) == ("amira", "theirs")


async def test_what_is_over_is_no_change(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS, AMIRA)
    await site.look()
    site.answer = calendar(AMIRA)
    await site.look(2080)
    assert len(await site.audited()) == 1


def redirected(to: str) -> Any:
    return lambda _: web.Response(status=302, headers={"Location": to})


BAD: list[tuple[str, Any, str, str]] = [
    ("gone", lambda _: web.Response(status=404), "HTTP 404", "Look the address up"),
    ("broken", lambda _: web.Response(status=500), "HTTP 500", "tried again"),
    ("locked", lambda _: web.Response(status=403), "HTTP 403", "new secret"),
    ("garbage", b"\x00\xff no calendar", "UTF-8", "Open the address"),
    ("page", lambda request: web.Response(text=f"<html>{request.path}</html>"), "no iCalendar", "Open the address"),
    ("oversize", b"x" * 5_000_001, "more than 5000000 bytes", "allow"),
    ("private", redirected("http://10.0.0.8/file"), "not allowed", "allow"),
    ("metadata", redirected("http://169.254.169.254/latest"), "not allowed", "allow"),
    ("nonsense", redirected("http://[::1"), "cannot be fetched", "tried again"),
    ("empty", calendar(), "empty in the feed", ""),
    ("stranger", calendar(JONAS, (*AMIRA[:2], "Somebody Else")), "'Somebody Else' name nobody", "Mend the names"),
]


async def test_nothing_that_goes_wrong_takes_the_last_good_schedule_away(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS, AMIRA)
    good = (await site.look()).good_at
    for name, answer, told, advice in BAD:
        site.answer = answer
        row = await site.look()
        assert told in row.error, name
        assert advice in row.advice, name
        assert (row.good_at, row.tried_at, row.schedules) == (good, site.now, ["hall"]), name
        assert await site.on("2026-11-23T20:00+00:00") == ("amira",), name
    async with site.database.transaction() as session:
        assert (await facts(session, site.now)).stale == {}
        assert (await facts(session, site.now + timedelta(days=1))).stale == {"hall": "theirs"}
    assert not feeds_read.is_stale(row, site.now)
    assert feeds_read.is_stale(row, site.now + timedelta(days=1))
    assert len(await site.audited()) == 1
    site.answer = calendar(JONAS, AMIRA)
    assert (await site.look()).error == ""


async def test_who_does_not_answer_is_left_after_its_time(site: Site) -> None:
    await site.publish(**HALL, timeout=0.2)
    row = await site.look()
    assert "cannot be fetched" in row.error
    assert (row.good_at, row.claimed_at, row.next_at) == (None, None, site.now + timedelta(minutes=15))
    assert await Feeds(site.database, read_here, lambda: site.now).look() == ""


async def test_what_can_be_read_is_taken_where_the_feed_says_so(site: Site) -> None:
    await site.publish(**HALL, despite_problems=True)
    site.answer = calendar(JONAS, (*AMIRA[:2], "Somebody Else"))
    row = await site.look()
    assert (row.error, len(row.notes), await site.on("2026-11-23T10:00+00:00")) == ("", 1, ("jonas",))


async def test_hours_stay_on_the_wall_when_clocks_change(site: Site) -> None:
    await site.publish(**HALL)
    night = ("20270320T220000", "20270321T060000", "Jonas Weber")
    site.answer = calendar(night, more="RRULE:FREQ=WEEKLY;COUNT=3\r\n")
    await site.look()
    assert [await site.on(f"2027-03-20T{hour}:30+00:00") for hour in ("20", "21")] == [(), ("jonas",)]
    assert [await site.on(f"2027-03-28T{hour}:30+00:00") for hour in ("03", "04")] == [("jonas",), ()]
    assert [await site.on(f"2027-04-03T{hour}:30+00:00") for hour in ("19", "20")] == [(), ("jonas",)]


async def test_a_secret_part_of_the_address_is_shown_nowhere(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FEED_SECRET", SECRET)
    secrets = {"address": "env:FEED_SECRET", "token": "env:FEED_SECRET"}
    await site.publish(**HALL, url=f"{site.url}/{{address}}/basic.ics", secrets=secrets)
    site.answer = f"<html>you asked for {SECRET}</html>".encode()
    row = await site.look()
    assert site.asked == [(f"/{SECRET}/basic.ics", f"Bearer {SECRET}")]
    assert row.error
    assert SECRET not in f"{row.model_dump()} {await site.audited()} {caplog.text}"
    monkeypatch.delenv("FEED_SECRET")
    row = await site.look()
    assert ("env:FEED_SECRET" in row.error, "connectors.yaml" in row.advice) == (True, True)


def goalert(overrides: list[Json], name: str = "Hall", shift: int = 0) -> bytes:
    """Jonas and Amira by turns of a day; `shift`: told so many turns later."""
    rotation: dict[str, Json] = {
        "id": "r1",
        "name": "R",
        "start": "2026-11-01T06:00:00Z",
        "timeZone": "UTC",
        "type": "daily",
    }
    rotation |= {"shiftLength": 1, "userIDs": ["u1", "u2"], "activeUserIndex": shift % 2}
    rotation |= {"nextHandoffTimes": [f"2026-11-{23 + shift}T06:00:00Z"]}
    rules = [{"start": "00:00", "end": "00:00", "weekdayFilter": [True] * 7}]
    target = {"target": {"id": "r1", "type": "rotation", "name": "R"}, "rules": rules}
    users = [{"id": "u1", "name": "Jonas Weber", "email": ""}, {"id": "u2", "name": "Amira Haddad", "email": ""}]
    schedule = {"id": "s1", "name": name, "timeZone": "UTC", "targets": [target], "temporarySchedules": []}
    data = {"users": users, "rotations": [rotation], "schedules": [schedule], "userOverrides": overrides}
    return json.dumps({"data": {key: {"nodes": value} for key, value in data.items()}}).encode()


async def test_overrides_that_are_gone_there_are_gone_here_and_those_of_people_stay(site: Site) -> None:
    await site.publish("roster_goalert")
    one: dict[str, Json] = {"id": "o1", "start": "2026-12-01T06:00:00Z", "end": "2026-12-02T06:00:00Z"}
    one |= {"addUserID": "u1", "removeUserID": "u2", "target": {"id": "s1"}}
    site.answer = goalert([one])
    await site.look()
    assert await site.on("2026-12-01T12:00+00:00") == ("jonas",)
    day = datetime(2026, 12, 5, 6, tzinfo=UTC)
    mine = Override(id="ovr_1", begins=day, ends=day + timedelta(days=1), people=["piotr"])
    await schedules.add_override(site.database, "hall", mine, by=Actor("piotr"), now=site.now)
    site.answer = goalert([one], shift=1)  # GoAlert tells a rotation from the turn of now on
    await site.look(1440)
    assert len(await site.audited()) == 1
    site.answer = goalert([], shift=1)
    await site.look()
    assert (await site.on("2026-12-01T12:00+00:00"), await site.on("2026-12-05T12:00+00:00")) == (
        ("amira",),
        ("piotr",),
    )
    assert (await site.audited())[-1][2]["overrides_gone"] == ["ga.o1"]


async def test_a_feed_replaces_no_schedule_of_this_site_unless_it_may(site: Site) -> None:
    await site.publish("roster_goalert")
    site.answer = goalert([], name="maintenance")
    before = await site.on("2026-11-23T12:00+00:00", "maintenance")
    row = await site.look()
    assert "name it in its 'schedules'" in row.error
    assert (await site.on("2026-11-23T12:00+00:00", "maintenance"), await site.audited()) == (before, [])
    await site.publish("roster_goalert", schedules=["maintenance"])
    assert (await site.look(0.1)).error == ""  # new settings are tried at once
    site.answer = goalert([], name="Other")
    row = await site.look()
    assert row.notes == ["maintenance is no more in the feed: it stays until you remove it"]


async def test_one_worker_looks_at_a_feed_and_one_that_was_overtaken_changes_nothing(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS)
    async with site.database.transaction() as session:
        await write.keep(
            session, {"theirs": {"kind": "x", "host": "", "version": "", "minutes": 5, "stale_after": 1}}, NOW
        )
        claimed = await write.claim(session, ["theirs"], NOW)
    assert claimed is not None
    async with site.database.transaction() as one, site.database.transaction() as other:
        assert await write.claim(one, ["theirs"], NOW + timedelta(seconds=1)) is None
        assert await write.claim(other, ["theirs"], NOW + write.LEASE) is None  # the first one is still at it
    await site.look(5)  # killed, and followed by another after the lease
    late = source("ical", {**HALL, "begins": NOW}).read(calendar(AMIRA), await _people(site))
    assert await roster_feeds.take_over(site.database, Look("theirs", NOW), late, site.now) == []
    assert await site.on("2026-11-23T20:00+00:00") == ()


async def _people(site: Site) -> list[Person]:
    async with site.database.transaction() as session:
        return list((await site_read.roster(session)).people)


async def test_somebody_who_keeps_the_roster_has_it_looked_at(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS)
    await site.look()
    with pytest.raises(NotAllowedError):
        await roster_feeds.ask(site.database, "theirs", by=Actor("mei"), now=site.now)
    with pytest.raises(NotFoundError):
        await roster_feeds.ask(site.database, "nobodys", by=Actor("piotr"), now=site.now)
    await roster_feeds.ask(site.database, "theirs", by=Actor("piotr"), now=site.now)
    assert (await site.row()).asked_at == site.now
    assert (await site.look(0.1)).asked_at is None


async def test_the_loop_looks_by_itself_and_a_feed_that_is_published_no_more_is_gone(site: Site) -> None:
    await site.publish(**HALL)
    site.answer = calendar(JONAS)
    loop = asyncio.create_task(Feeds(site.database, read_here, lambda: site.now).run(0.05))

    async def names() -> list[str]:
        async with site.database.transaction() as session:
            return [row.name for row in await feeds_read.every(session) if row.good_at]

    async def gone() -> bool:
        return await names() == []

    async def there() -> bool:
        return await names() == ["theirs"]

    try:
        await eventually(there, "a look")
        await publish.publish_connectors(site.database, [], author="piotr", now=site.now)
        await eventually(gone, "the feed is gone")
    finally:
        loop.cancel()
    assert await site.on("2026-11-23T10:00+00:00") == ("jonas",)


async def test_a_child_reads_and_is_ended_when_a_calendar_keeps_it_busy() -> None:
    people = [Person(id="jonas", name="Jonas Weber", roles=[])]
    settings = {"schedule": "hall", "begins": NOW, "timezone": "UTC"}
    found = await read_apart("ical", settings, calendar(JONAS, AMIRA), people)
    assert ([one.people for one in found.schedules[0].entries], len(found.problems)) == ([["jonas"]], 1)
    with pytest.raises(InvalidPayloadError, match="no iCalendar"):
        await read_apart("ical", settings, b"nothing", people)
    endless = calendar(JONAS, more="RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n")
    with pytest.raises(InvalidPayloadError, match="repeat without end"):
        await read_apart("ical", settings, endless, people, seconds=2)


@pytest.mark.parametrize(
    "config, told",
    [
        ({"url": "http://calendar.example.com/x.ics"}, "use https"),
        ({"url": "https://10.1.2.3/x.ics"}, "use https and a public address"),
        ({"url": "https://me:pw@calendar.example.com/x.ics"}, "no user or password"),
        ({"url": "file:///etc/passwd"}, "an address looks like"),
        ({"url": "https://{address}/x.ics"}, "an address looks like"),
        ({}, "give url, or parts"),
        ({"url": "https://a.example/x", "redirects": ["http://b.example"]}, "use https"),
        ({"url": "https://a.example/x", "timezone": "Mars/Base"}, "no time zone"),
    ],
)
def test_settings_that_are_not_safe_are_refused_before_they_are_published(config: Json, told: str) -> None:
    entry = {"name": "theirs", "kind": "roster_ical", "role": "roster", "config": {"schedule": "hall", **config}}
    with pytest.raises(ConfigError, match=told):
        connect.check_document([entry])
