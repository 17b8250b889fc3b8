"""The form of a notification policy (which contact when, quiet hours, fallback), on my account and a person's page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from admin.actors import Actor
from admin.roster import notifying
from api.access.visitors import Visitor, VisitorForm
from api.deps import ApiDeps, Deps
from domain.errors import InvalidPayloadError
from domain.language import misfits
from domain.rosters import reach
from domain.rosters.contacts import ChannelName, NotificationPolicy, Priority, QuietHours, ReachStep
from domain.rosters.people import Person
from domain.site import Site
from store.read.rosters import pages as read

router = APIRouter()
Name = Annotated[str, Path(max_length=80)]
PRIORITIES: tuple[str, ...] = tuple(reversed(get_args(Priority)))  # critical first
STEPS, QUIETS = 4, 2  # as many as the form holds; more stay as they are in people.yaml
_AFTER = ("0s", "1m", "2m", "5m", "10m", "15m", "30m", "1h")


@dataclass(frozen=True)
class Panel:
    """What the form shows. `contacts`: value of an option -> what it is called; `coming`: priority -> the contacts
    that a message of now would go to, each with its delay."""

    person: str
    revision: str
    policy: NotificationPolicy
    contacts: Mapping[str, tuple[ChannelName, str]]
    coming: Mapping[str, list[tuple[ChannelName, timedelta]]]
    zone: str
    priorities: tuple[str, ...] = PRIORITIES
    delays: tuple[str, ...] = _AFTER

    def steps(self, priority: str) -> list[ReachStep | None]:
        """The filled places of the form, then empty ones."""
        found = {str(name): steps for name, steps in self.policy.steps.items()}
        known = sorted(found.get(priority, []), key=lambda step: step.after)
        return [*known, *([None] * max(1, STEPS - len(known)))]

    def quiets(self) -> list[QuietHours | None]:
        return [*self.policy.quiet, *([None] * max(1, QUIETS - len(self.policy.quiet)))]


def panel(found: read.PersonPage, site: Site, now: datetime) -> Panel:
    """For one person, as seen now."""
    person, zone = found.person, ZoneInfo(site.timezone)
    coming = {
        priority: [(contact.channel, at - now) for contact, at in reach.plan(person, priority, now, zone)]
        for priority in PRIORITIES
    }
    names = _contacts(person)
    return Panel(person.id, found.revision, person.notify, names, coming, person.timezone or site.timezone)


async def of(deps: ApiDeps, name: str) -> Panel:
    """The same, looked up. Raises NotFoundError."""
    found = await read.person(deps.database, name)
    return panel(found, found.staff.site, deps.now())


def _contacts(person: Person) -> dict[str, tuple[ChannelName, str]]:
    """The channels that may be written to; where one has several addresses, each as well."""
    verified = [one for one in person.contacts if one.verified and one.channel is not ChannelName.CONSOLE]
    found: dict[str, tuple[ChannelName, str]] = {one.channel.value: (one.channel, "") for one in verified}
    for one in verified:
        if sum(other.channel is one.channel for other in verified) > 1:
            found[f"{one.channel.value} {one.address}"] = (one.channel, one.address)
    return found


@router.post("/people/{name}/notify")
async def change(deps: Deps, login: Visitor, form: VisitorForm, name: Name) -> Response:
    """Both pages send it here; `back` says which one."""
    policy, revision = policy_of(form), form.get("revision", "?")
    await notifying.set_policy(deps.database, name, policy, revision, by=Actor(login.person.id), now=deps.now())
    own = form.get("back") == "account" and name == login.person.id
    return RedirectResponse("/account?said=notify#notify" if own else f"/people/{name}#notify", 303)


def policy_of(form: Mapping[str, str]) -> NotificationPolicy:
    """Raises InvalidPayloadError naming what is wrong."""
    fallback = form.get("fallback", "")
    told: dict[str, Any] = {
        "steps": {one: steps for one in PRIORITIES if (steps := _steps(form, one))},
        "quiet": [quiet for place in range(20) if (quiet := _quiet(form, f"quiet.{place}."))],
        "fallback": fallback or None,
    }
    try:
        return NotificationPolicy.model_validate(told)
    except ValidationError as error:
        raise InvalidPayloadError(misfits.first(error, NotificationPolicy)) from None


def _steps(form: Mapping[str, str], priority: str) -> list[dict[str, str]]:
    found = []
    for place in range(20):
        channel, _, address = form.get(f"step.{priority}.{place}.contact", "").partition(" ")
        if channel:
            after = form.get(f"step.{priority}.{place}.after", "") or "0s"
            found.append({"channel": channel, "after": after, "address": address})
    return found


def _quiet(form: Mapping[str, str], at: str) -> dict[str, Any] | None:
    start, end = form.get(f"{at}start", ""), form.get(f"{at}end", "")
    if not start and not end:
        return None
    if not start or not end:
        raise InvalidPayloadError("Quiet hours need a begin and an end.")
    days = [day for day in range(7) if form.get(f"{at}day.{day}")]
    if not days:
        raise InvalidPayloadError("Quiet hours need at least one day.")
    channels = [one.value for one in ChannelName if form.get(f"{at}channel.{one.value}")]
    known = {"broken_from": form.get(f"{at}broken_from", "high"), "channels": channels, "weekdays": days}
    return {"start": start, "end": end} | known
