"""The pages of people and schedules, and the calendar feeds."""

from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from admin.access.sessions import Login
from admin.roster.calendars import token_hash
from admin.roster.people import AUTHORITY
from api.access.visitors import Visitor
from api.deps import Deps
from api.rendering import show
from api.roster import notifying, view
from domain.errors import InvalidPayloadError, NotFoundError
from domain.rosters.ical import calendar
from domain.rosters.people import ChannelName, Person, zone_of
from store.read.rosters import feeds
from store.read.rosters import pages as read

router = APIRouter()
Name = Annotated[str, Path(max_length=80)]
_Text = Annotated[str, Query(max_length=100)]
_SHOWN = 100
_EMPTY = {"id": "", "title": "", "timezone": "", "layers": [{"turns": [[]], "starts": "", "turn": "7d"}]}
EDITED = ("roles", "skills", "areas", "shifts", "authorities", "accounts", "languages")


def keeps(login: Login) -> bool:
    """May this reader change the roster?"""
    return AUTHORITY in login.person.authorities


@router.get("/people")
async def people(
    request: Request, deps: Deps, login: Visitor, at: _Text = "", q: _Text = "", page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """Who is on now, or at a time; and everybody, a hundred a page."""
    staff = await read.staff(deps.database)
    zone = ZoneInfo(staff.site.timezone)
    moment = view.local_moment(at, zone, "The time") if at else deps.now()
    wanted = q.casefold().strip()
    rows = [(person, _state(staff, person, moment, zone)) for person in staff.roster.people if _fits(person, wanted)]
    rows.sort(key=lambda row: (_ORDER.index(row[1]), row[0].name))
    values = {"rows": rows[(page - 1) * _SHOWN : page * _SHOWN], "count": len(rows), "page": page, "q": q, "at": at}
    values |= {"more": len(rows) > page * _SHOWN, "moment_shown": moment, "on_call": view.on_call(staff.roster, moment)}
    values["feeds"] = [(row, feeds.is_stale(row, deps.now())) for row in staff.feeds]
    asked = [one for one in staff.waiting if login.person.id in (one.asker, one.taker) or keeps(login)]
    return await show(request, login, "people.html", staff=staff, keeps=keeps(login), asked=asked, **values)


_ORDER = ("on shift", "off", "away", "inactive")


def _state(staff: read.Staff, person: Person, moment: Any, zone: ZoneInfo) -> str:
    if not person.active:
        return "inactive"
    if staff.roster.absent(person.id, moment):
        return "away"
    return "on shift" if staff.roster.on_shift(person, moment, zone) else "off"


def _fits(person: Person, wanted: str) -> bool:
    return not wanted or any(
        wanted in word.casefold() for word in (person.id, person.name, *person.roles, *person.skills)
    )


@router.get("/people/new")
async def new_person(request: Request, deps: Deps, login: Visitor) -> Response:
    staff = await read.staff(deps.database)
    empty = Person(id="", name="", roles=[])
    values = {"person": empty, "revision": "", "contact_text": "", "certificate_text": "", "edited": EDITED}
    return await show(request, login, "person_new.html", staff=staff, keeps=keeps(login), **values)


@router.get("/people/{name}")
async def person(request: Request, deps: Deps, login: Visitor, name: Name, feed: _Text = "") -> Response:
    """One person: how they are reached, what they may and can, when they are on, when they are away."""
    found = await read.person(deps.database, name)
    now, who = deps.now(), found.person
    absences = [one for one in found.staff.roster.absences_of(name) if one.ends is None or one.ends > now]
    values = {
        "found": found,
        "person": who,
        "staff": found.staff,
        "revision": found.revision,
        "calls": view.calls(found.staff.roster, who, now, now + view.AHEAD)[:12],
        "absences": sorted(absences, key=lambda one: one.begins),
        "own": login.person.id == name,
        "keeps": keeps(login),
        "contact_text": "\n".join(f"{one.channel.value} {one.address}" for one in who.contacts),
        "certificate_text": "\n".join(f"{one.name} {one.until or ''}".strip() for one in who.certificates),
        "channels": [one.value for one in ChannelName if one is not ChannelName.CONSOLE],
        "edited": EDITED,
        "today": now.astimezone(zone_of(who, ZoneInfo(found.staff.site.timezone))).date(),
        "soon": timedelta(days=30),
        "reaching": notifying.panel(found, found.staff.site, now),
    }
    return await show(request, login, "person.html", **values)


@router.get("/schedules/new")
async def new_schedule(request: Request, deps: Deps, login: Visitor) -> Response:
    staff = await read.staff(deps.database)
    text = _yaml(_EMPTY | {"timezone": staff.site.timezone})
    return await show(request, login, "schedule_new.html", staff=staff, text=text, keeps=keeps(login))


@router.get("/schedules/{name}")
async def schedule(request: Request, deps: Deps, login: Visitor, name: Name, week: _Text = "") -> Response:
    """A week of a schedule, what overrides it, and the forms to change it."""
    found = await read.schedule(deps.database, name)
    zone = found.schedule.zone()
    first = view.monday(week, deps.now().astimezone(zone).date())
    values = {
        "found": found,
        "staff": found.staff,
        "schedule_zone": zone,
        "first": first,
        "before": _moved(first, -7),
        "after": _moved(first, 7),
        "days": view.week(found.staff.roster, name, first),
        "on": found.staff.roster.on_call(name, deps.now()),
        "today": deps.now().astimezone(zone).date(),
        "keeps": keeps(login),
        "feeds": [(row, feeds.is_stale(row, deps.now())) for row in found.staff.feeds],
        "text": _yaml({key: value for key, value in found.data.items() if value not in ([], "")}),
    }
    return await show(request, login, "schedule.html", **values)


def _moved(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise InvalidPayloadError("The week is too far away") from None


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


@router.get("/calendar/{token}.ics")
async def feed(deps: Deps, token: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
    """A feed for calendar programs: who knows the address reads it, and nothing else."""
    found = await read.feed(deps.database, token_hash(token))
    if found is None:
        raise NotFoundError("This calendar address has ended: make a new one in the console.")
    kind, subject, staff = found
    told = staff.roster.schedule(subject) if kind == "schedule" else staff.roster.by_id.get(subject)
    title = getattr(told, "title", "") or getattr(told, "name", subject)
    text = calendar(title, view.events(staff.roster, kind, subject, deps.now()), deps.now())
    return Response(text, media_type="text/calendar; charset=utf-8")
