"""How I am reached is mine to say, and a lead's for others: kept on the roster, on record, used by the next message."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from domain.rosters import reach
from domain.rosters.contacts import ChannelName
from domain.rosters.people import Person
from store.db import Database
from store.tables import AuditRow, PersonRow
from tests.api.seeding import NOW, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import Browser, hidden
from tests.api.test_console_pages import plain
from tests.api.test_roster_pages import promote

WISH = {
    "step.high.0.contact": "slack",
    "step.high.1.contact": "sms +420777000222",
    "step.high.1.after": "5m",
    "quiet.0.start": "22:00",
    "quiet.0.end": "06:00",
    "quiet.0.day.0": "1",
    "quiet.0.channel.sms": "1",
    "quiet.0.broken_from": "critical",
    "fallback": "sms",
}


async def with_phones(database: Database, name: str) -> None:
    """Slack and two numbers, one of them not verified yet."""
    numbers = [("+420777000111", True), ("+420777000222", True), ("+420777000333", False)]
    more = [{"channel": "sms", "address": number, "verified": known} for number, known in numbers]
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, name)
        row.data = row.data | {"contacts": [*row.data["contacts"], *more]}


async def person(database: Database, name: str) -> Person:
    async with database.transaction() as session:
        return Person.model_validate((await session.get_one(PersonRow, name)).data)


async def send(browser: Browser, page: str, name: str, **fields: str) -> tuple[int, str]:
    form = hidden((await browser.get(page)).text, 'id="notify"')
    answer = await browser.post(f"/people/{name}/notify", form | fields)
    return answer.status_code, answer.headers.get("location", "") or plain(answer.text)


async def test_my_wishes_are_kept_on_record_and_used(database: Database, somebody: Browser) -> None:
    await with_phones(database, TECHNICIAN)
    await somebody.sign_in(TECHNICIAN)
    assert await send(somebody, "/account", TECHNICIAN, **WISH) == (303, "/account?said=notify#notify")
    kept = await person(database, TECHNICIAN)
    plan = reach.plan(kept, "high", NOW, ZoneInfo("Europe/Prague"))
    assert [(one.channel, one.address, at - NOW) for one, at in plan] == [
        (ChannelName.SLACK, "UANNA", timedelta(0)),
        (ChannelName.SMS, "+420777000222", timedelta(minutes=5)),
    ]
    [quiet] = kept.notify.quiet
    assert (quiet.weekdays, quiet.channels, quiet.broken_from) == ([0], [ChannelName.SMS], "critical")
    assert kept.notify.fallback is ChannelName.SMS
    async with database.transaction() as session:
        [fact] = await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "person.changed"))
    assert (fact.actor, fact.subject, fact.data["changed"]) == (TECHNICIAN, TECHNICIAN, ["notify"])
    page = (await somebody.get("/account")).text
    assert "Slack at once, SMS after 5 min" in plain(page)
    assert "+420777000333</option>" not in page, "what is not verified is not offered"


async def test_the_form_as_it_is_shown_changes_nothing(database: Database, somebody: Browser) -> None:
    await with_phones(database, TECHNICIAN)
    await somebody.sign_in(TECHNICIAN)
    await send(somebody, "/account", TECHNICIAN, **WISH)
    before = await person(database, TECHNICIAN)
    again = WISH | {"step.high.0.after": "0s"}
    await send(somebody, "/account", TECHNICIAN, **again)
    assert await person(database, TECHNICIAN) == before
    await send(somebody, "/account", TECHNICIAN)
    assert (await person(database, TECHNICIAN)).notify.steps == {}, "without steps it is the site's default again"


async def test_a_lead_says_it_for_others_and_nobody_else_does(database: Database, somebody: Browser) -> None:
    await promote(database, QUALITY)
    await somebody.sign_in(QUALITY)
    wish = {"step.low.0.contact": "slack", "step.low.0.after": "1h"}
    assert await send(somebody, f"/people/{TECHNICIAN}", TECHNICIAN, **wish) == (303, f"/people/{TECHNICIAN}#notify")
    kept = (await person(database, TECHNICIAN)).notify.steps
    assert [step.after for step in kept["low"]] == [timedelta(hours=1)]
    await somebody.sign_in(PLANNER)
    assert 'id="notify"' not in (await somebody.get(f"/people/{TECHNICIAN}")).text
    form = hidden((await somebody.get("/account")).text, 'id="notify"')
    refused = await somebody.post(f"/people/{TECHNICIAN}/notify", form | wish)
    assert refused.status_code == 403


async def test_what_is_wrong_is_said_and_what_is_old_is_refused(database: Database, somebody: Browser) -> None:
    await somebody.sign_in(TECHNICIAN)
    for wish, told in (
        ({"quiet.0.start": "22:00"}, "a begin and an end"),
        ({"quiet.0.start": "22:00", "quiet.0.end": "06:00"}, "at least one day"),
        ({"step.high.0.contact": "pigeon"}, "steps.high.0.channel: &#39;pigeon&#39; is none of"),
        ({"step.high.0.contact": "slack", "step.high.0.after": "3d"}, "steps.high.0.after"),
    ):
        status, said = await send(somebody, "/account", TECHNICIAN, **wish)
        assert (status, told in said) == (400, True), said
    status, said = await send(somebody, "/account", TECHNICIAN, revision="0" * 16)
    assert (status, "meanwhile" in said) == (409, True)
