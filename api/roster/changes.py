"""Forms of the pages of people and schedules: parse, one call, back to the page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from admin.actors import Actor
from admin.roster import calendars as feeds
from admin.roster import people, schedules, time_off
from api.access.visitors import Visitor, VisitorDocument, VisitorForm
from api.deps import ApiDeps, Deps
from api.rendering import show
from api.roster.pages import EDITED, Name
from api.roster.view import local_moment
from domain.errors import InvalidPayloadError
from domain.ids import make_id
from domain.language import misfits
from domain.rosters.model import EVERYBODY, Absence, Override, Schedule, Swap
from domain.rosters.people import Person, zone_of
from store.read.rosters import pages as read

router = APIRouter()


@router.post("/people")
async def add_person(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    name = form.get("id", "").strip()
    await people.put_person(
        deps.database, _person({"id": name}, form), people.NEW, by=Actor(login.person.id), now=deps.now()
    )
    return _to("people", name)


@router.post("/people/{name}")
async def change_person(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    known = (await read.person(deps.database, name)).person
    person = _person(known.model_dump(mode="json"), form)
    await people.put_person(deps.database, person, form.get("revision", "?"), by=Actor(login.person.id), now=deps.now())
    return _to("people", name)


def _person(base: dict[str, Any], form: Mapping[str, str]) -> Person:
    """`roles` and the like: one a line or with commas; `contacts`: channel and address a line; `certificates`: name
    and last day a line."""
    told: dict[str, Any] = {name: _several(form[name]) for name in EDITED if name in form}
    told |= {name: form[name].strip() for name in ("name", "language", "timezone") if name in form}
    if "contacts" in form:
        old = {(one["channel"], one["address"]): one for one in base.get("contacts", [])}
        pairs = [_pair(line) for line in form["contacts"].splitlines() if line.strip()]
        told["contacts"] = [old.get(pair, {"channel": pair[0], "address": pair[1]}) for pair in pairs]
    if "certificates" in form:
        lines = [line.rpartition(" ") for line in form["certificates"].splitlines() if line.strip()]
        told["certificates"] = [_certificate(*line) for line in lines]
    checked: Person = _checked(Person, {"roles": [], **base, **told})
    return checked


def _several(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.replace("\n", ",").split(",") if part.strip()))


def _pair(line: str) -> tuple[str, str]:
    channel, _, address = line.strip().partition(" ")
    return channel, address.strip()


def _certificate(head: str, _: str, last: str) -> dict[str, str]:
    is_day = last.count("-") == 2 and bool(head)
    return {"name": head.strip(), "until": last.strip()} if is_day else {"name": f"{head} {last}".strip()}


@router.post("/people/{name}/active")
async def set_active(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    active, revision = form.get("active") == "true", form.get("revision", "?")
    await people.set_active(deps.database, name, active, revision, by=Actor(login.person.id), now=deps.now())
    return _to("people", name)


@router.post("/people/{name}/absences")
async def add_absence(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    """Times are the person's."""
    found = await read.person(deps.database, name)
    zone = zone_of(found.person, ZoneInfo(found.staff.site.timezone))
    told = {
        "id": _id(deps, "abs"),
        "person": name,
        "kind": form.get("kind", "other"),
        "begins": local_moment(form.get("begins", ""), zone, "The begin"),
        "ends": local_moment(form["ends"], zone, "The end") if form.get("ends") else None,
    }
    await time_off.add_absence(deps.database, _checked(Absence, told), by=Actor(login.person.id), now=deps.now())
    return _to("people", name, "#away")


@router.post("/absences/{name}/remove")
async def remove_absence(deps: Deps, login: Visitor, _: VisitorForm, name: Name) -> Response:
    person = await time_off.remove_absence(deps.database, name, by=Actor(login.person.id), now=deps.now())
    return _to("people", person, "#away")


@router.post("/schedules")
async def put_schedule(deps: Deps, login: Visitor, form: VisitorDocument) -> Response:
    """A new one (without `revision`) or a change, as YAML."""
    try:
        data = yaml.safe_load(form.get("text", ""))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidPayloadError(f"This is no YAML: {str(error).splitlines()[0]}") from None
    schedule = _checked(Schedule, data)
    if schedule.overrides:
        raise InvalidPayloadError("overrides are entered by their own form")
    revision = form.get("revision", "")
    await schedules.put_schedule(deps.database, schedule, revision, by=Actor(login.person.id), now=deps.now())
    return _to("schedules", schedule.id)


@router.post("/schedules/{name}/remove")
async def remove_schedule(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    revision = form.get("revision", "?")
    await schedules.remove_schedule(deps.database, name, revision, by=Actor(login.person.id), now=deps.now())
    return RedirectResponse("/people", 303)


@router.post("/schedules/{name}/overrides")
async def add_override(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    """`person` instead of `instead_of` (empty = everybody, `-` = nobody, as well), in the schedule's zone."""
    zone = (await read.schedule(deps.database, name)).schedule.zone()
    instead = {"": [EVERYBODY], "-": []}.get(form.get("instead_of", ""), [form.get("instead_of", "")])
    told = {
        "id": _id(deps, "ovr"),
        "begins": local_moment(form.get("begins", ""), zone, "The begin"),
        "ends": local_moment(form.get("ends", ""), zone, "The end"),
        "people": [form["person"]] if form.get("person") else [],
        "instead_of": instead,
        "reason": form.get("reason", ""),
    }
    override = _checked(Override, told)
    await schedules.add_override(deps.database, name, override, by=Actor(login.person.id), now=deps.now())
    return _to("schedules", name, f"?week={override.begins.astimezone(zone):%Y-%m-%d}")


@router.post("/schedules/{name}/overrides/{override}/remove")
async def remove_override(deps: Deps, login: Visitor, _: VisitorForm, name: Name, override: Name) -> Response:
    await schedules.remove_override(deps.database, override, by=Actor(login.person.id), now=deps.now())
    return _to("schedules", name)


@router.post("/schedules/{name}/swaps")
async def ask_swap(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    """`taker` takes over from `asker` (by default who asks); with `back_begins` and `back_ends` the other way then."""
    zone = (await read.schedule(deps.database, name)).schedule.zone()
    told: dict[str, Any] = {
        "id": _id(deps, "swp"),
        "schedule": name,
        "asker": form.get("asker") or login.person.id,
        "taker": form.get("taker", ""),
    }
    for field in ("begins", "ends", "back_begins", "back_ends"):
        if form.get(field) or not field.startswith("back"):
            told[field] = local_moment(form.get(field, ""), zone, "A time of the swap")
    await time_off.ask_swap(deps.database, _checked(Swap, told), by=Actor(login.person.id), now=deps.now())
    return _to("schedules", name, "#swaps")


@router.post("/swaps/{name}/{answer}")
async def answer_swap(deps: Deps, login: Visitor, _: VisitorForm, name: Name, answer: Name) -> Response:
    by, now = Actor(login.person.id), deps.now()
    if answer == "withdraw":
        swap = await time_off.withdraw_swap(deps.database, name, by=by, now=now)
    elif answer in ("agree", "refuse"):
        swap = await time_off.answer_swap(deps.database, name, answer == "agree", by=by, now=now)
    else:
        raise InvalidPayloadError("agree, refuse or withdraw")
    return _to("schedules", swap.schedule, "#swaps")


@router.post("/feeds/{kind}/{name}")
async def make_feed(
    request: Request, deps: Deps, login: Visitor, form: VisitorForm, kind: Name, name: Name
) -> Response:
    """The secret address, as a page of its own that is shown once."""
    by, subject = Actor(login.person.id), {"people": "person", "schedules": "schedule"}.get(kind, kind)
    if form.get("end"):
        await feeds.end_feed(deps.database, subject, name, by=by, now=deps.now())
        return _to(kind, name)
    token = await feeds.make_feed(deps.database, subject, name, deps.randomness, by=by, now=deps.now())
    address = f"{deps.public_url}/calendar/{token}.ics"
    return await show(request, login, "feed.html", address=address, back=f"/{kind}/{name}")


def _checked(model: type[Any], data: Any) -> Any:
    assert issubclass(model, BaseModel)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidPayloadError(misfits.first(error, model, whole="This")) from None


def _id(deps: ApiDeps, prefix: str) -> str:
    return make_id(prefix, deps.now(), deps.randomness(10))


def _to(kind: str, name: str, more: str = "") -> Response:
    return RedirectResponse(f"/{kind}/{quote(name, safe='')}{more}", 303)
