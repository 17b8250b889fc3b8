"""Who may decide what, now: the authority matrix as data, and the one function that reads it. Pure.

An action is what a step calls its `authority` (reschedule, disposition ...). Grants are looked up when somebody
decides, never when it is asked for. A figure that is not known counts as over every limit that is set on it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.rosters.people import ChannelName, Person
from domain.values import Json

Risk = Literal["low", "normal", "high"]
RISKS: tuple[Risk, ...] = ("low", "normal", "high")
MEANINGS = ("approve", "review", "responsible")
REJECTED = "reject"  # what a signature under a rejection means
REPORTERS = ("reporter", "reported_by", "requested_by", "person")  # facts of a signal that name who sent it


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignatureClass(StrEnum):
    """How a decision is given: by a press on any channel, or signed in the console with the password again."""

    PRESS = "press"
    CONSOLE = "console_signature"


class Impact(_Part):
    """What a decision moves. None = not known. Money in the site's currency, quantity in the material's unit."""

    money: float | None = None
    quantity: float | None = None
    lots: tuple[str, ...] | None = None
    customers: tuple[str, ...] | None = None


NOTHING = Impact(money=0, quantity=0, lots=(), customers=())
UNKNOWN = Impact()


class Limits(_Part):
    """How far a grant goes; what is not set is not limited. Lots and customers are names or patterns (`L-BAR-*`)."""

    money: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    quantity: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    lots: tuple[str, ...] | None = None
    customers: tuple[str, ...] | None = None

    def exceeded(self, impact: Impact) -> list[str]:
        """The limits that this impact does not keep."""
        figures = ("money", "quantity")
        over = [name for name in figures if _over(getattr(self, name), getattr(impact, name))]
        return over + [n for n in ("lots", "customers") if _outside(getattr(self, n), getattr(impact, n))]


def _over(limit: float | None, figure: float | None) -> bool:
    return limit is not None and (figure is None or math.isnan(figure) or abs(figure) > limit)


def _outside(allowed: tuple[str, ...] | None, named: tuple[str, ...] | None) -> bool:
    if allowed is None:
        return False
    return named is None or any(not any(fnmatchcase(one, pattern) for pattern in allowed) for one in named)


class To(_Part):
    """Who has a grant; everything given must hold. `authority`: whoever has this name on the roster."""

    role: str = ""
    person: str = ""
    authority: str = ""

    @model_validator(mode="after")
    def _somebody(self) -> "To":
        if not (self.role or self.person or self.authority):
            raise ValueError("this would be everybody: name a role, a person or an authority")
        return self

    def fits(self, person: Person) -> bool:
        return (
            self.person in ("", person.id)
            and (not self.role or self.role in person.roles)
            and (not self.authority or self.authority in person.authorities)
        )


class Grant(_Part):
    """Somebody may decide an action, within limits; `areas` and `shifts` empty = all of them."""

    id: str = Field(min_length=1, max_length=100)
    action: str = Field(min_length=1, max_length=100)
    to: To
    limits: Limits = Limits()
    areas: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    def valid(self, at: datetime) -> bool:
        """From `valid_from` until just before `valid_until`."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


class Action(_Part):
    """What an action needs of everybody. `high_above`: beyond these figures its risk is high. `four_eyes`: two people
    must approve the same option. `not_requester`: whoever reported or proposed it may not decide it. `meanings`: what
    a signature may state."""

    risk: Risk = "high"
    signature: SignatureClass = SignatureClass.PRESS
    high_above: Limits | None = None
    four_eyes: bool = False
    not_requester: bool = False
    meanings: tuple[str, ...] = Field(default=MEANINGS, min_length=1)


UNLISTED = Action(not_requester=True)


class AuthorityMatrix(_Part):
    """The site document `authority`."""

    currency: str = ""
    actions: dict[str, Action] = {}
    grants: tuple[Grant, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> "AuthorityMatrix":
        names = [grant.id for grant in self.grants]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two grants are called '{twice[0]}': the audit names them")
        return self

    def action(self, name: str) -> Action:
        """The rule of an action; one that is not listed is high."""
        return self.actions.get(name, UNLISTED)


class Delegation(_Part):
    """A person's authority, lent to another from `start` until just before `end`. Never lent on."""

    id: str
    from_person: str
    to_person: str
    actions: tuple[str, ...]
    start: AwareDatetime
    end: AwareDatetime
    reason: str = ""

    def covers(self, action: str, at: datetime) -> bool:
        return action in self.actions and self.start <= at < self.end


@dataclass(frozen=True)
class Asked:
    """What is to be decided, where, when, and by which channel. `shifts`: those that are on now. `risk`: what the step
    says itself. `signed`: a signature for exactly this was given."""

    action: str
    at: datetime
    impact: Impact = UNKNOWN
    area: str = ""
    shifts: frozenset[str] = frozenset()
    channel: str = ""
    risk: Risk = "low"
    signed: bool = False


@dataclass(frozen=True)
class Granted:
    """It may be decided. `limits`: those of the grant that was used; `delegation` and `lent_by` when it was lent."""

    grant: str
    limits: Mapping[str, Json] = field(default_factory=dict)
    risk: Risk = "low"
    signature: SignatureClass = SignatureClass.PRESS
    delegation: str = ""
    lent_by: str = ""


@dataclass(frozen=True)
class Refused:
    """It may not. code: not_allowed | over_limit | off_shift | sign_in. `over`: the limits that were not kept."""

    code: str
    over: tuple[str, ...] = ()


def risk_of(matrix: AuthorityMatrix | None, action: str, step: str, impacts: Sequence[Impact]) -> Risk:
    """The highest of what the step says, what the matrix says, and what these figures make of it. Without a matrix
    only the step counts."""
    found = [_risk(step)]
    if matrix is not None and action:
        rule = matrix.action(action)
        found.append(rule.risk)
        if rule.high_above is not None and any(rule.high_above.exceeded(impact) for impact in impacts or (UNKNOWN,)):
            found.append("high")
    return max(found, key=RISKS.index)


def _risk(text: str) -> Risk:
    return next((risk for risk in RISKS if risk == text), "high")


def signature_of(matrix: AuthorityMatrix | None, action: str, risk: Risk) -> SignatureClass:
    """High risk is always signed in the console (C14)."""
    if risk == "high" or (matrix is not None and action and matrix.action(action).signature is SignatureClass.CONSOLE):
        return SignatureClass.CONSOLE
    return SignatureClass.PRESS


def decide_authority(
    matrix: AuthorityMatrix | None,
    person: Person | None,
    asked: Asked,
    delegations: Iterable[Delegation] = (),
    people: Mapping[str, Person] | None = None,
) -> Granted | Refused:
    """May this person decide this, now? `people`: who is on the roster, for what they lend.

    Without a matrix whoever has the authority on the roster has it without limits.
    """
    if person is None or not person.active:
        return Refused("not_allowed")
    found = _held(matrix, person, asked)
    if isinstance(found, Refused):
        found = _lent(matrix, person, asked, delegations, people or {}) or found
    if isinstance(found, Refused):
        return found
    risk = risk_of(matrix, asked.action, asked.risk, [asked.impact])
    signature = signature_of(matrix, asked.action, risk)
    if signature is SignatureClass.CONSOLE and not (asked.signed and asked.channel == ChannelName.CONSOLE.value):
        return Refused("sign_in")
    return Granted(found.grant, found.limits, risk, signature, found.delegation, found.lent_by)


def _held(matrix: AuthorityMatrix | None, person: Person, asked: Asked) -> Granted | Refused:
    """By a grant of one's own."""
    if not person.active or (asked.area and person.areas and asked.area not in person.areas):
        return Refused("not_allowed")
    grants = roster_grants(person) if matrix is None else matrix.grants
    refusals = [Refused("not_allowed")]
    for grant in grants:
        if grant.action != asked.action or not grant.to.fits(person):
            continue
        refused = _refused(grant, asked)
        if refused is None:
            return Granted(grant.id, grant.limits.model_dump(mode="json", exclude_none=True))
        refusals.append(refused)
    return max(refusals, key=lambda one: _TELLING.index(one.code))


_TELLING = ("not_allowed", "off_shift", "over_limit")  # the one that helps most is told


def _refused(grant: Grant, asked: Asked) -> Refused | None:
    if not grant.valid(asked.at) or (grant.areas and asked.area not in grant.areas):
        return Refused("not_allowed")
    if grant.shifts and not asked.shifts & set(grant.shifts):
        return Refused("off_shift")
    over = grant.limits.exceeded(asked.impact)
    return Refused("over_limit", tuple(over)) if over else None


def _lent(
    matrix: AuthorityMatrix | None,
    person: Person,
    asked: Asked,
    delegations: Iterable[Delegation],
    people: Mapping[str, Person],
) -> Granted | None:
    """By what somebody lends: they must hold it themselves at this moment (C13), so what was lent is not lent on."""
    for delegation in delegations:
        lender = people.get(delegation.from_person)
        if delegation.to_person != person.id or lender is None or lender.id == person.id:
            continue
        held = _held(matrix, lender, asked) if delegation.covers(asked.action, asked.at) else None
        if isinstance(held, Granted):
            return Granted(held.grant, held.limits, delegation=delegation.id, lent_by=lender.id)
    return None


def roster_grants(person: Person) -> tuple[Grant, ...]:
    """What the roster alone gives: every authority of the person, without limits."""
    return tuple(Grant(id=f"roster:{name}", action=name, to=To(person=person.id)) for name in person.authorities)


def same_human(one: Person, other: Person) -> bool:
    """Are two roster entries the same person as far as can be told: by id, name or a common address?"""
    mine = {(contact.channel, contact.address) for contact in one.contacts}
    named = _folded(one.name) == _folded(other.name)
    return _folded(one.id) == _folded(other.id) or named or any((c.channel, c.address) in mine for c in other.contacts)


def _folded(text: str) -> str:
    return text.strip().casefold()


def impact_of(values: Mapping[str, Any]) -> Impact:
    """An impact from evaluated values; what is missing, empty or no number is not known."""
    return Impact(
        money=_figure(values.get("money")),
        quantity=_figure(values.get("quantity")),
        lots=_names(values.get("lots", values.get("lot"))),
        customers=_names(values.get("customers", values.get("customer"))),
    )


def _figure(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _names(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,) if value else None
    return tuple(str(one) for one in value) if isinstance(value, list) else None


def requesters(signals: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Who reported it: the people named by signals (type, facts) that a person sent."""
    found = {str(facts[name]) for _, facts in signals for name in REPORTERS if facts.get(name)}
    return sorted(found)


def holds(matrix: AuthorityMatrix | None, person: Person, action: str, at: datetime) -> bool:
    """Has this person any grant of their own for this action now, whatever its limits, areas and shifts?"""
    grants = roster_grants(person) if matrix is None else matrix.grants
    return person.active and any(
        grant.action == action and grant.valid(at) and grant.to.fits(person) for grant in grants
    )


def held_actions(matrix: AuthorityMatrix | None, person: Person, at: datetime) -> list[str]:
    """The actions that this person may decide in some case, and so may lend."""
    named = {grant.action for grant in (roster_grants(person) if matrix is None else matrix.grants)}
    return sorted(action for action in named if holds(matrix, person, action, at))
