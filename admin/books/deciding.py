"""May this person decide a transaction now: by the site's matrix where it happened, as somebody else, and signed.

The ledger asks no less than an approval does (C10, C11, C14): a second look, a mended payload and a reversal post, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, FourEyesError, NotAllowedError, may, may_decide
from admin.books.signing import ChangedError, meanings
from domain.authority.matrix import (
    REJECTED,
    RISKS,
    Asked,
    AuthorityMatrix,
    Granted,
    Risk,
    SignatureClass,
    requesters,
    risk_of,
    same_human,
    signature_of,
)
from domain.authority.signing import signature_hash, statement
from domain.books.ledger import State
from domain.books.outcome_rules import authorities_of, impact_of_all
from domain.books.outcomes import OutcomeTransaction
from domain.books.trouble import KEEPERS
from domain.errors import ConflictError, InvalidPayloadError
from domain.ids import derived_id
from domain.language import misfits
from domain.rosters.people import ChannelName
from domain.values import Json, content_hash
from store.db import Database
from store.read import site as site_read
from store.read.access import authority as read
from store.read.books import ledger as ledger_read
from store.tables import DecisionRow, ExceptionRow, LedgerRow
from store.write.access import authority as write
from store.write.books import ledger

_REVERSE = "reverse"  # what cancels documents is kept by those who keep the ledger


@dataclass(frozen=True)
class Signed:
    """Who signs has proved it just now with both components; what it means, and how it was proved."""

    printed_name: str
    meaning: str
    method: str


@dataclass(frozen=True)
class Deed:
    """Who does something about a transaction, when and why. `shown`: the hash of what their page shows of it, None
    when there was no page."""

    by: Actor
    now: datetime
    reason: str = ""
    shown: str | None = None
    signed: Signed | None = None


@dataclass(frozen=True)
class Press:
    """What is done by it. `content`: what it is about, as it stands. `first`: who decided or asked before. `rejects`:
    nothing is posted by it."""

    verb: str
    content: Json
    first: Sequence[str] = ()
    rejects: bool = False


@dataclass(frozen=True)
class Ruling:
    """Under what it was decided: a grant for each action, and the signature if one was given."""

    granted: list[dict[str, Json]] = field(default_factory=list)
    signature: str = ""

    @property
    def told(self) -> dict[str, Json]:
        """For the audit."""
        return ({"granted": self.granted} if self.granted else {}) | (
            {"signature": self.signature} if self.signature else {}
        )


@dataclass(frozen=True)
class Need:
    """What the page has to ask for: one of these meanings, and the two components."""

    meanings: tuple[str, ...]


def checked(row: LedgerRow, outcomes: Json, system: str) -> OutcomeTransaction:
    """Raises InvalidPayloadError naming the first place that is wrong."""
    drafted = {"id": row.id, "key": row.key, "exception_id": row.exception_id, "decision": row.decision}
    try:
        return OutcomeTransaction.model_validate(drafted | {"outcomes": outcomes, "system": system})
    except ValidationError as error:
        said = misfits.first(error, OutcomeTransaction)
        raise InvalidPayloadError(f"This is no valid transaction: {said}.") from error


def mended(row: LedgerRow, outcomes: Json, system: str) -> tuple[OutcomeTransaction, Json]:
    """It with other outcomes (None: its own) or for another system, and what whoever mends it is shown and signs: with
    a key of its own, so that the old payload is never posted beside it. Raises as `checked`."""
    found = checked(row, row.outcomes if outcomes is None else outcomes, system or row.system)
    base, _, number = row.key.partition("+")
    posted = [outcome.model_dump(mode="json") for outcome in found.outcomes]
    return found, {"key": f"{base}+{int(number or 0) + 1}", "system": found.system.value, "outcomes": posted}


def content_of(row: LedgerRow) -> Json:
    """What its page shows to whoever decides it: the difference, or what a reversal would do."""
    if row.reverses and row.status != State.SENT_BACK:
        return {"reverses": row.reverses, "outcomes": row.outcomes, "preview": row.preview}
    return row.drift or {}


async def deciders(session: AsyncSession, row: LedgerRow) -> list[str]:
    """Who answers for it as it stands: who approved the reversal, mended it last, decided it, or signed the version.
    Of four eyes the next are another's; whoever decided before that may be the other again."""
    decision = await session.get(DecisionRow, row.decision) if row.decision else None
    mended = row.approved_by if row.reverses else row.requested_by
    last = mended or (decision.person if decision else row.standing_grantor)
    return [last] if last else []


async def holds(
    session: AsyncSession, row: LedgerRow, by: Actor, now: datetime, *, signed: bool = True
) -> list[Granted]:
    """Every action that its outcomes declare, with what they move, where it happened, as of now. Raises
    NotAllowedError; UnsignedError when the matrix wants a signature and none was `signed`."""
    outcomes = checked(row, row.outcomes, row.system).outcomes
    place, risk = await _area(session, row), await _risk(session, row)
    found = []
    for action in authorities_of(outcomes):
        if action == _REVERSE:
            await may(session, by, KEEPERS)
            continue
        asked = Asked(action, now, impact_of_all(outcomes), place, risk=risk, signed=signed)
        granted = await may_decide(session, by, asked)
        found += [granted] if granted else []
    if by.signed_in and await site_read.person(session, by.id) is None:
        raise NotAllowedError("Sign in to decide this.")
    return found


async def decide(
    session: AsyncSession, row: LedgerRow, deed: Deed, press: Press, *, reversal: LedgerRow | None = None
) -> Ruling:
    """Of what this transaction moves (its `reversal`: of taking that back). They may, they are somebody else where that
    is asked for, and their signature is kept. Raises NotAllowedError, UnsignedError, FourEyesError, ConflictError (it
    reads otherwise now), InvalidPayloadError (no meaning)."""
    by = deed.by
    found = await holds(session, row, by, deed.now, signed=deed.signed is not None)
    if by.signed_in:
        await _distinct(session, row, by, press, found)
    actions = [name for name in authorities_of(checked(row, row.outcomes, row.system).outcomes) if name != _REVERSE]
    signature = await _sign(session, reversal or row, deed, press, actions) if deed.signed else ""
    granted = [_told(one, action, by, signature) for action, one in zip(actions, found, strict=False)]
    return Ruling(granted, signature)


def _told(one: Granted, action: str, by: Actor, signature: str) -> dict[str, Json]:
    lent: dict[str, Json] = {"delegation": one.delegation, "lent_by": one.lent_by} if one.delegation else {}
    facts: dict[str, Json] = {
        "person": by.id,
        "channel": ChannelName.CONSOLE.value,
        "action": action,
        "grant": one.grant,
    }
    facts |= {"limits": dict(one.limits), "risk": one.risk, "signature_class": one.signature.value}
    return facts | lent | ({"signature": signature} if signature else {})


async def _distinct(session: AsyncSession, row: LedgerRow, by: Actor, press: Press, found: Sequence[Granted]) -> None:
    """Neither they nor who lent them the authority decided it first, or asked for it, where the matrix says so."""
    matrix = await read.matrix(session)
    rules = [matrix.action(name) for name in authorities_of(checked(row, row.outcomes, row.system).outcomes)
             if matrix and name != _REVERSE]  # fmt: skip
    mine = [by.id, *(one.lent_by for one in found if one.lent_by)]
    if not press.rejects and any(rule.four_eyes for rule in rules) and await _same(session, mine, press.first):
        raise FourEyesError("You decided it before: two people have to, so somebody else decides now.")
    if any(rule.not_requester for rule in rules):
        signals = [one.signal or {} for one in await ledger_read.signals(session, row.exception_id, limit=None)]
        reported = requesters((str(one.get("type", "")), one.get("facts") or {}) for one in signals)
        if await _same(session, mine, reported):
            raise FourEyesError("You reported it: somebody else has to decide it.")


async def _same(session: AsyncSession, mine: Sequence[str], others: Sequence[str]) -> bool:
    people = {name: await site_read.person(session, name) for name in {*mine, *others}}
    pairs = [(people[one], people[other]) for one in mine for other in others]
    return bool(set(mine) & set(others)) or any(one and other and same_human(one, other) for one, other in pairs)


async def _sign(session: AsyncSession, row: LedgerRow, deed: Deed, press: Press, actions: Sequence[str]) -> str:
    """Keep the signature, over the hash of what was shown and linked to this transaction (21 CFR 11.50, 11.70)."""
    assert deed.signed is not None
    by, now, signed, shown = deed.by, deed.now, deed.signed, content_hash(press.content)
    if deed.shown is not None and deed.shown != shown:
        raise ChangedError("It changed while you looked at it: nothing was signed. Load the page, look again, sign.")
    meaning = REJECTED if press.rejects else signed.meaning
    if not press.rejects and meaning not in _meanings(await read.matrix(session), actions):
        raise InvalidPayloadError("Say what your signature means, then sign.")
    said = statement(
        task=row.id, verb=press.verb, person=by.id, printed_name=signed.printed_name,
        meaning=meaning, method=signed.method, shown=shown, at=now,
    )  # fmt: skip
    number, hashed = derived_id("sgn", row.id, row.key, press.verb, shown, by.id, now.isoformat()), signature_hash(said)
    await write.keep_shown(session, shown, press.content, task_id=row.id, version=0, at=now)
    kept = {
        "id": number, "exception_id": row.exception_id, "task_id": row.id, "version": 0, "press": number,
        "verb": press.verb, "person": by.id, "printed_name": signed.printed_name, "meaning": meaning,
        "method": signed.method, "shown_hash": shown, "statement": said, "hash": hashed, "at": now, "decision": row.id,
    }  # fmt: skip
    if not await write.sign(session, kept):
        raise ConflictError("This was signed already: load the page again.")
    fact = {"at": now, "kind": "signed", "actor": by.id, "subject": row.id}
    await ledger.audit(session, fact | {"data": {"signature": number, "hash": hashed, **said}})
    return number


def _meanings(matrix: AuthorityMatrix | None, actions: Sequence[str]) -> tuple[str, ...]:
    """What one signature may state under all of these actions; of the first, where they have none in common."""
    each = [meanings(matrix, action) for action in actions] or [meanings(None, "")]
    return tuple(one for one in each[0] if all(one in other for other in each)) or each[0]


async def needed(database: Database, row: LedgerRow, mends: OutcomeTransaction | None = None) -> Need | None:
    """Does deciding this take a signature? `mends`: what it was mended to."""
    async with database.transaction() as session:
        original = (await session.get(LedgerRow, row.reverses) if row.reverses and not mends else None) or row
        matrix, risk = await read.matrix(session), await _risk(session, original)
    outcomes = (mends or checked(original, original.outcomes, row.system)).outcomes
    impact, actions = impact_of_all(outcomes), [name for name in authorities_of(outcomes) if name != _REVERSE]
    classes = {signature_of(matrix, name, risk_of(matrix, name, risk, [impact])) for name in actions}
    return Need(_meanings(matrix, actions)) if SignatureClass.CONSOLE in classes else None


async def _area(session: AsyncSession, row: LedgerRow) -> str:
    """Of the exception's equipment, as a workflow has it."""
    exception = await session.get(ExceptionRow, row.exception_id)
    return await site_read.area_of(session, exception.equipment) if exception and exception.equipment else ""


async def _risk(session: AsyncSession, row: LedgerRow) -> Risk:
    """That of the step that asked for it: what was signed once is signed again."""
    decision = await session.get(DecisionRow, row.decision) if row.decision else None
    named = [str(one.get("risk", "low")) for one in (decision.granted if decision else None) or []]
    return max((risk for risk in RISKS if risk in named), key=RISKS.index, default="low")
