"""Authority: looked up when somebody decides (C10), never when they were asked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.contracts import calls
from activities.contracts.asking import DecisionMade
from activities.contracts.model import Authorised, AuthoriseRequest, SettleRequest, TellRequest
from activities.world import World
from domain.asking.messages import Message, Standing
from domain.authority.matrix import (
    NOTHING,
    Asked,
    AuthorityMatrix,
    Delegation,
    Granted,
    Refused,
    Risk,
    SignatureClass,
    decide_authority,
    impact_of,
    risk_of,
    same_human,
    signature_of,
)
from domain.authority.signing import binding, shown_hash, snapshot
from domain.rosters.people import Person
from domain.values import Json
from store.read import site as site_read
from store.read.access import authority as read
from store.read.access import identity
from store.read.messages import tasks as tasks_read
from store.tables import SignatureRow, TaskRow
from store.write import exceptions
from store.write.access import authority as write

_REJECT, _LOW = "reject", "low"


@dataclass(frozen=True)
class _Known:
    """What is looked up for one answer. `cooling`: it came from an address that was changed lately (C9)."""

    matrix: AuthorityMatrix | None
    people: dict[str, Person]
    delegations: list[Delegation]
    signed: SignatureRow | None
    task: TaskRow | None
    cooling: bool = False


class AuthorityActivities:
    """One question, answered from what is in force at this moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.AUTHORISE.name)
    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        """May this person decide this, now, with these figures? High risk only signed in the console (C14).

        Idempotency: reads only. Raises: nothing of its own. Timeouts: database only.
        """
        now = self._world.now()
        async with self._world.database.transaction() as session:
            known = await _look(session, request, await read.delegations(session, request.person, now), now)
            site = await site_read.site(session)
        signed = known.signed is not None and _signs(known.signed, request)
        if known.signed is not None and signed and known.task and known.signed.shown_hash != known.task.shown_hash:
            return Authorised(allowed=False, code="superseded")
        asked = Asked(
            action=request.authority,
            at=now,
            impact=NOTHING if request.verb == _REJECT else impact_of(request.impact),
            area=request.area,
            shifts=frozenset(one.name for one in site.shifts if one.covers(now, ZoneInfo(site.timezone))),
            channel=request.channel,
            risk=as_risk(request.risk),
            signed=signed,
        )
        found = decide_authority(known.matrix, known.people.get(request.person), asked, known.delegations, known.people)
        if isinstance(found, Refused):
            return Authorised(allowed=False, code=found.code, over=list(found.over))
        if known.cooling and found.risk != _LOW:
            return Authorised(allowed=False, code="new_address")
        return _distinct(known, request, found) or _authorised(known, request, found)


async def _look(
    session: AsyncSession, request: AuthoriseRequest, delegations: list[Delegation], now: datetime
) -> _Known:
    """Only the people in question: the roster may be long."""
    lenders = [delegation.from_person for delegation in delegations]
    names = {request.person, *request.others, *request.requesters, *lenders}
    people = {name: found for name in sorted(names) if (found := await site_read.person(session, name))}
    return _Known(
        matrix=await read.matrix(session),
        people=people,
        delegations=delegations,
        signed=await read.signature(session, request.person, request.press) if request.press else None,
        task=await tasks_read.by_id(session, request.task_id) if request.task_id else None,
        cooling=await identity.cooling_press(session, request.channel, request.press, now) if request.press else False,
    )


def _signs(row: SignatureRow, request: AuthoriseRequest) -> bool:
    """Is it for exactly this answer?"""
    return (row.task_id, row.version, row.verb) == (request.task_id, request.version, request.verb)


def _distinct(known: _Known, request: AuthoriseRequest, found: Granted) -> Authorised | None:
    """Four eyes: neither this person nor who lent them the authority is, under another roster entry or channel, one of
    the others; nor, where the action wants that, who asked for it."""
    mine = [known.people[name] for name in (request.person, found.lent_by) if name in known.people]
    if _any_same(mine, request.others, known.people, apart=request.person):
        return Authorised(allowed=False, code="four_eyes")
    rule = known.matrix.action(request.authority) if known.matrix else None
    if rule is not None and rule.not_requester and _any_same(mine, request.requesters, known.people):
        return Authorised(allowed=False, code="own_request")
    return None


def _any_same(mine: Sequence[Person], names: Sequence[str], people: dict[str, Person], apart: str = "") -> bool:
    """`apart`: who may be among the others under this very id (a vote may be changed)."""
    others = [people[name] for name in names if name in people and name != apart]
    return any(same_human(one, other) for one in mine for other in others)


def _authorised(known: _Known, request: AuthoriseRequest, found: Granted) -> Authorised:
    rule = known.matrix.action(request.authority) if known.matrix else None
    facts: dict[str, Json] = {
        "person": request.person,
        "channel": request.channel,
        "grant": found.grant,
        "limits": dict(found.limits),
        "impact": dict(request.impact),
        "risk": found.risk,
        "signature_class": found.signature.value,
        "shown_hash": known.task.shown_hash if known.task else "",
    }
    lent = {"delegation": found.delegation, "lent_by": found.lent_by} if found.delegation else {}
    signed = {"signature": known.signed.id} if known.signed and found.signature is SignatureClass.CONSOLE else {}
    return Authorised(allowed=True, granted=facts | lent | signed, quorum=2 if rule and rule.four_eyes else 1)


def as_risk(text: str) -> Risk:
    """What is not known to be less is high."""
    return next((risk for risk in get_args(Risk) if risk == text), "high")


async def asked_risk(session: AsyncSession, request: TellRequest) -> str:
    """The risk under which people are asked: high when it has to be signed, so that a message carries only the link.
    Of a task only its end is under an authority: it may be accepted anywhere."""
    if not request.authority or request.kind != "approve":
        return request.risk
    matrix = await read.matrix(session)
    risk = risk_of(matrix, request.authority, request.risk, [impact_of(one) for one in request.impacts])
    signed = signature_of(matrix, request.authority, risk) is SignatureClass.CONSOLE
    return "high" if signed else risk


async def keep_shown(session: AsyncSession, world: World, shown: Message) -> str:
    """Keep what people decide on, for good; gives its hash, to which the decision is bound (C20)."""
    task, _, version = shown.task.partition(":")
    found = shown_hash(shown)
    await write.keep_shown(session, found, snapshot(shown), task_id=task, version=int(version or 1), at=world.now())
    return found


def bound(task: TaskRow | None, message: Message) -> Message:
    """An approval that is asked again or voted on reads as it did: under one version everybody decides on one text."""
    if task is None or task.kind != "approve" or message.standing is not Standing.OPEN:
        return message
    asked = Message.model_validate(task.shown)
    return message.model_copy(update=binding(asked)) if asked.task == message.task else message


async def renewed(
    session: AsyncSession, request: SettleRequest, task: TaskRow, fresh: Callable[[AsyncSession], Awaitable[str]]
) -> str:
    """The task's code. When its version rose it is a new one: a text carries no version, so the old code must not
    answer the new question. Made again, it stays."""
    if request.kind != "approve" or request.version <= task.version:
        return task.code
    code = await fresh(session)
    await exceptions.update_task(session, task.id, version=request.version, code=code)
    return code


async def keep_signatures(session: AsyncSession, made: DecisionMade) -> None:
    """The signatures that this decision rests on."""
    found = [str(one["signature"]) for one in made.granted if one.get("signature")]
    await write.bind(session, found, made.id)
