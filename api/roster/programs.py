"""Changes of people and schedules by programs, as JSON: the console's rights, records and checks, nothing less.

A token needs `roster:write`, and the person who answers for it `manage_roster`. What was changed meanwhile is refused:
`If-Match` carries the revision that the change was made on; `If-None-Match: *` says that a schedule is to be new.
"""

import hmac
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from admin.access.sessions import Login
from admin.roster import people, schedules, time_off
from api.access.visitors import ForgedFormError, Visitor, actor_of
from api.bodies import DOCUMENT_LIMIT, FORM_LIMIT, read_body
from api.deps import ApiDeps, Deps
from api.openapi import takes
from api.roster.pages import Name
from domain.errors import InvalidPayloadError
from domain.ids import make_id
from domain.language import misfits
from domain.rosters.contacts import ChannelName, NotificationPolicy, ZoneName
from domain.rosters.model import EVERYBODY, Absence, Entry, Layer, Override, Schedule, Swap
from domain.rosters.people import Certificate, Person
from domain.values import Json
from store.read.rosters import pages as read

router = APIRouter(tags=["roster"])
Model = TypeVar("Model", bound=BaseModel)
UNTOLD: dict[str, Any] = {"contacts": True, "notify": {"steps": {"__all__": {"__all__": {"address"}}}}}
"""Addresses are nobody's business who only keeps the roster, wherever they stand."""
IfMatch = Annotated[str, Header(alias="if-match", max_length=80)]
IfNoneMatch = Annotated[str, Header(alias="if-none-match", max_length=80)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ContactIn(_In):
    """An address. One that is new here is not used until its owner has verified it."""

    channel: ChannelName
    address: str = Field(min_length=1, max_length=300)


class PersonChange(_In):
    """What is left out stays as it is; a list is replaced as a whole."""

    name: str = Field(default="", min_length=1, max_length=200)
    language: str = Field(default="en", max_length=20)
    languages: list[str] = []
    roles: list[str] = []
    skills: list[str] = []
    areas: list[str] = []
    shifts: list[str] = []
    authorities: list[str] = []
    certificates: list[Certificate] = []
    accounts: list[str] = []
    timezone: ZoneName = ""
    notify: NotificationPolicy = NotificationPolicy()
    contacts: list[ContactIn] = []


class PersonIn(PersonChange):
    """Somebody who is new."""

    id: str = Field(min_length=1, max_length=80)
    name: str = Field(min_length=1, max_length=200)


class ActiveIn(_In):
    """False: off the roster, with their history kept."""

    active: bool


class AbsenceIn(_In):
    """Without an end: until it is removed. Times carry a zone."""

    begins: datetime
    ends: datetime | None = None
    kind: str = Field(default="other", pattern="^(holiday|sick|training|other)$")


class ScheduleIn(_In):
    """All of it: layers of rotations, entries for once, holidays. What overrides it has calls of its own."""

    title: str = Field(min_length=1, max_length=120)
    timezone: ZoneName = ""
    layers: list[Layer] = Field(default=[], max_length=50)
    entries: list[Entry] = Field(default=[], max_length=5000)
    holidays: list[date] = []


class OverrideIn(_In):
    """`instead_of`: left out = of everybody; empty = as well."""

    begins: datetime
    ends: datetime
    people: list[str] = []
    instead_of: list[str] = [EVERYBODY]
    reason: str = Field(default="", max_length=500)


class SwapIn(_In):
    """`taker` takes over from `asker`; with `back_*` the other way then."""

    asker: str = Field(default="", max_length=80)
    taker: str = Field(max_length=80)
    begins: datetime
    ends: datetime
    back_begins: datetime | None = None
    back_ends: datetime | None = None


async def _writer(login: Visitor, x_csrf_token: Annotated[str, Header()] = "") -> Login:
    """A program, or a page of this log-in that proves it."""
    if not hmac.compare_digest(x_csrf_token.encode(), login.csrf.encode()):
        raise ForgedFormError("Send the token of your log-in in the header x-csrf-token.")
    return login


Writer = Annotated[Login, Depends(_writer)]


@router.get("/api/roster/people/{name}")
async def person(deps: Deps, login: Visitor, name: Name) -> Response:
    """One person without addresses; `revision` (also as ETag) is what a change has to carry."""
    return await _told(deps, name)


@router.post("/api/roster/people", **takes(PersonIn, status=201))
async def add_person(request: Request, deps: Deps, login: Writer) -> Response:
    """Somebody new. Addresses are not used until their owner has verified them."""
    wanted = await _read(request, PersonIn)
    told = _checked(Person, {"roles": [], **wanted.model_dump(mode="json", exclude_unset=True)})
    await people.put_person(deps.database, told, people.NEW, by=actor_of(login), now=deps.now())
    return await _told(deps, told.id, 201)


@router.patch("/api/roster/people/{name}", **takes(PersonChange))
async def change_person(request: Request, deps: Deps, login: Writer, name: Name, if_match: IfMatch = "") -> Response:
    """Roles, skills, certificates, shifts, addresses ...: what is given."""
    wanted = await _read(request, PersonChange)
    known = (await read.person(deps.database, name)).person
    told = _checked(Person, known.model_dump(mode="json") | wanted.model_dump(mode="json", exclude_unset=True))
    await people.put_person(deps.database, told, _revision(if_match), by=actor_of(login), now=deps.now())
    return await _told(deps, name)


@router.put("/api/roster/people/{name}/active", **takes(ActiveIn))
async def set_active(request: Request, deps: Deps, login: Writer, name: Name, if_match: IfMatch = "") -> Response:
    """Take somebody off the roster, or back on."""
    wanted, revision = await _read(request, ActiveIn), _revision(if_match)
    await people.set_active(deps.database, name, wanted.active, revision, by=actor_of(login), now=deps.now())
    return await _told(deps, name)


@router.post("/api/roster/people/{name}/absences", **takes(AbsenceIn, status=201))
async def add_absence(request: Request, deps: Deps, login: Writer, name: Name) -> Response:
    """Somebody is away: they are not asked then."""
    wanted = await _read(request, AbsenceIn)
    absence = _checked(Absence, _given(wanted) | {"id": _id(deps, "abs"), "person": name})
    await time_off.add_absence(deps.database, absence, by=actor_of(login), now=deps.now())
    return JSONResponse(absence.model_dump(mode="json"), 201)


@router.delete("/api/roster/absences/{name}")
async def remove_absence(deps: Deps, login: Writer, name: Name) -> Response:
    """They are there after all: 204."""
    await time_off.remove_absence(deps.database, name, by=actor_of(login), now=deps.now())
    return Response(status_code=204)


@router.get("/api/roster/schedules/{name}")
async def schedule(deps: Deps, login: Visitor, name: Name) -> Response:
    """One schedule with the overrides that are not over; `revision` (also as ETag) is what a change has to carry.
    `feed`: the other system that replaces its layers and entries."""
    return await _schedule_told(deps, name)


@router.put("/api/roster/schedules/{name}", **takes(ScheduleIn))
async def put_schedule(
    request: Request, deps: Deps, login: Writer, name: Name, if_match: IfMatch = "", if_none_match: IfNoneMatch = ""
) -> Response:
    """The whole schedule: new (201) with `If-None-Match: *`, else in place of what `If-Match` names. Its overrides
    stay."""
    new = not if_match and if_none_match.strip() == "*"
    revision = people.NEW if new else _revision(if_match)
    wanted = await _read(request, ScheduleIn, DOCUMENT_LIMIT)
    told = _checked(Schedule, _given(wanted) | {"id": name})
    await schedules.put_schedule(deps.database, told, revision, by=actor_of(login), now=deps.now())
    return await _schedule_told(deps, name, 201 if new else 200)


@router.delete("/api/roster/schedules/{name}")
async def remove_schedule(deps: Deps, login: Writer, name: Name, if_match: IfMatch = "") -> Response:
    """For good, with its overrides: 204."""
    await schedules.remove_schedule(deps.database, name, _revision(if_match), by=actor_of(login), now=deps.now())
    return Response(status_code=204)


@router.post("/api/roster/schedules/{name}/overrides", **takes(OverrideIn, status=201))
async def add_override(request: Request, deps: Deps, login: Writer, name: Name) -> Response:
    """Who is on for once."""
    wanted = await _read(request, OverrideIn)
    override = _checked(Override, _given(wanted) | {"id": _id(deps, "ovr")})
    await schedules.add_override(deps.database, name, override, by=actor_of(login), now=deps.now())
    return JSONResponse(override.model_dump(mode="json"), 201)


@router.delete("/api/roster/overrides/{name}")
async def remove_override(deps: Deps, login: Writer, name: Name) -> Response:
    """As if it had never been entered: 204."""
    await schedules.remove_override(deps.database, name, by=actor_of(login), now=deps.now())
    return Response(status_code=204)


@router.post("/api/roster/schedules/{name}/swaps", **takes(SwapIn, status=201))
async def ask_swap(request: Request, deps: Deps, login: Writer, name: Name) -> Response:
    """Ask somebody to take over; without `asker`, from the one who answers for the program."""
    wanted = _given(await _read(request, SwapIn))
    told = wanted | {"asker": wanted.get("asker") or login.person.id, "id": _id(deps, "swp"), "schedule": name}
    swap = _checked(Swap, told)
    await time_off.ask_swap(deps.database, swap, by=actor_of(login), now=deps.now())
    return JSONResponse(swap.model_dump(mode="json"), 201)


@router.post("/api/roster/swaps/{name}/{answer}")
async def answer_swap(deps: Deps, login: Writer, name: Name, answer: Name) -> Response:
    """agree, refuse or withdraw."""
    by, now = actor_of(login), deps.now()
    if answer == "withdraw":
        swap = await time_off.withdraw_swap(deps.database, name, by=by, now=now)
    elif answer in ("agree", "refuse"):
        swap = await time_off.answer_swap(deps.database, name, answer == "agree", by=by, now=now)
    else:
        raise InvalidPayloadError("agree, refuse or withdraw")
    return JSONResponse(swap.model_dump(mode="json"))


async def _told(deps: ApiDeps, name: str, status: int = 200) -> Response:
    found = await read.person(deps.database, name)
    told = {"person": found.person.model_dump(mode="json", exclude=UNTOLD), "revision": found.revision}
    return JSONResponse(told, status, headers={"etag": f'"{found.revision}"'})


async def _schedule_told(deps: ApiDeps, name: str, status: int = 200) -> Response:
    found = await read.schedule(deps.database, name)
    told = {
        "schedule": schedules.plain(found.schedule),
        "overrides": [row.data for row in found.overrides],
        "feed": next((row.name for row in found.staff.feeds), None),
        "revision": found.revision,
    }
    return JSONResponse(told, status, headers={"etag": f'"{found.revision}"'})


async def _read(request: Request, model: type[Model], limit: int = FORM_LIMIT) -> Model:
    return _checked(model, await read_body(request, limit))


def _checked(model: type[Model], given: Any) -> Model:
    """Raises InvalidPayloadError naming the first place that is wrong."""
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        raise InvalidPayloadError(misfits.first(error, model, whole="The body")) from None


def _given(wanted: BaseModel) -> dict[str, Json]:
    return wanted.model_dump(mode="json", exclude_unset=True)


def _revision(given: str) -> str:
    """A strong ETag or the bare revision. Raises InvalidPayloadError: a change without one may undo another's."""
    found = given.strip().strip('"')
    if not found:
        raise InvalidPayloadError("Send the revision that you changed in the header If-Match.")
    return found


def _id(deps: ApiDeps, prefix: str) -> str:
    return make_id(prefix, deps.now(), deps.randomness(10))
