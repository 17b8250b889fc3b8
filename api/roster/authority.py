"""The authority page: who may decide what, who may decide this much now, and what is lent to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from admin import authority as admin
from admin.actors import Actor
from api.access.visitors import Visitor, VisitorForm
from api.deps import Deps
from api.rendering import show, site_of
from domain.authority.matrix import (
    Asked,
    Granted,
    Refused,
    decide_authority,
    held_actions,
    impact_of,
    risk_of,
    signature_of,
)
from domain.errors import InvalidPayloadError
from domain.rosters.people import ChannelName, Person
from domain.site import Site
from store.read.access import authority as read
from store.read.access.authority import Overview

router = APIRouter()
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_PROBED = ("action", "money", "quantity", "lot", "customer", "area")
_LIMIT = 200


@dataclass(frozen=True)
class Verdict:
    """One person in the probe."""

    person: Person
    granted: Granted | None
    refused: Refused | None


@dataclass(frozen=True)
class Probe:
    """Who may decide this now; `others`: those who hold the action, but not for this."""

    asked: Asked
    risk: str
    signature: str
    may: Sequence[Verdict]
    others: Sequence[Verdict]


@router.get("/authority")
async def authority(request: Request, deps: Deps, login: Visitor) -> Response:
    """The matrix; with `action` (and money, quantity, lot, customer, area) the people who may decide that now."""
    given = {name: request.query_params.get(name, "").strip()[:_LIMIT] for name in _PROBED}
    action, area = given["action"], given["area"]
    found, site = await read.overview(deps.database, deps.now()), await site_of(deps)
    shifts = _on(site, deps.now())
    asked = Asked(action, deps.now(), impact_of(given), area, shifts, ChannelName.CONSOLE.value, signed=True)
    return await show(
        request,
        login,
        "authority.html",
        found=found,
        given=given,
        probe=_probe(found, asked) if action else None,
        actions=_actions(found, deps.now()),
        areas=[node for node in site.equipment if node.level.value == "area"] if site else [],
        lend=held_actions(found.matrix, login.person, deps.now()),
        names={person.id: person.name for person in found.roster.people},
    )


def _on(site: Site | None, now: datetime) -> frozenset[str]:
    if site is None:
        return frozenset()
    return frozenset(shift.name for shift in site.shifts if shift.covers(now, ZoneInfo(site.timezone)))


def _actions(found: Overview, now: datetime) -> list[str]:
    if found.matrix is not None:
        return sorted({*found.matrix.actions, *(grant.action for grant in found.matrix.grants)})
    return sorted({name for person in found.roster.people for name in held_actions(None, person, now)})


def _probe(found: Overview, asked: Asked) -> Probe:
    people = {person.id: person for person in found.roster.people}
    lent = [read.as_delegation(row) for row in found.standing]
    verdicts = []
    for person in found.roster.people:
        answer = decide_authority(found.matrix, person, asked, lent, people)
        mine = answer if isinstance(answer, Granted) else None
        verdicts.append(Verdict(person, mine, answer if isinstance(answer, Refused) else None))
    near = [one for one in verdicts if one.refused and one.refused.code != "not_allowed"]
    risk = risk_of(found.matrix, asked.action, "low", [asked.impact])
    signature = signature_of(found.matrix, asked.action, risk).value
    return Probe(asked, risk, signature, [one for one in verdicts if one.granted], near)


@router.post("/delegations")
async def lend(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`to`, `reason`, `start` (empty: now) and `end` in the site's time; `action:<name>` for each action."""
    site = await site_of(deps)
    zone = ZoneInfo(site.timezone if site else "UTC")
    await admin.lend(
        deps.database,
        to_person=form.get("to", ""),
        actions=[name.removeprefix("action:") for name in form if name.startswith("action:")],
        start=_moment(form["start"], zone) if form.get("start") else deps.now(),
        end=_moment(form.get("end", ""), zone),
        reason=form.get("reason", ""),
        by=Actor(login.person.id),
        now=deps.now(),
    )
    return RedirectResponse("/authority#delegations", 303)


@router.post("/delegations/{delegation}/end")
async def take_back(deps: Deps, login: Visitor, _: VisitorForm, delegation: _Number) -> Response:
    await admin.take_back(deps.database, delegation, by=Actor(login.person.id), now=deps.now())
    return RedirectResponse("/authority#delegations", 303)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidPayloadError("Write day and time as 2026-12-24 18:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)
