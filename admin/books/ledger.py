"""What people do about transactions: say it again, drop, retry, mend, re-route, write off, withdraw, take back; and
what holds for a system. One function, one transaction, one audit record; the transaction's own workflow is woken."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, FourEyesError, may, on_roster, somebody_else
from admin.books.deciding import Deed, Press, Ruling, checked, content_of, decide, deciders, holds, mended
from authoring.check.facts import connected
from domain.books.ledger import BOOKED, UNSENT, Control, Event, State, step
from domain.books.outcome_rules import authorities_of, impact_of_all, objects_of, unversioned
from domain.books.outcomes import CancelDocuments, OutcomeTransaction, System
from domain.books.trouble import KEEPERS
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.ids import derived_id
from domain.rosters.people import ChannelName
from domain.values import Json, content_hash
from store.db import Database
from store.read import site as site_read
from store.read.books import parts as parts_read
from store.tables import LedgerRow
from store.write import exceptions
from store.write.books import ledger, parts, troubles

AUTHORITY = KEEPERS
_REASON = 500
_MAY_ARRIVE = timedelta(minutes=5)
_NAME, _QUERY = 60, 500


async def decide_again(database: Database, transaction_id: str, deed: Deed, *, approve: bool) -> None:
    """Of one that was sent back: post it as it would be now, or drop it (which needs a reason). `deed.shown`: the hash
    of the difference that whoever decides was shown; it may have been sent back anew since.

    Raises NotFoundError, ConflictError, NotAllowedError (UnsignedError: sign it), InvalidPayloadError."""
    deed = reasoned(deed, needed=not approve)
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        drift, first = row.drift or {}, await deciders(session, row)
        press = Press("approve_again" if approve else "drop", drift, first, rejects=not approve)
        ruling = await decide(session, row, deed, press)
        if not approve:
            await _moved(session, row, Event.DROP, deed, told=ruling.told)
            await parts.take_back(session, row, deed.now, given_up=True)
            return
        if deed.shown is not None and deed.shown != content_hash(drift):
            raise ConflictError("It has changed again since you looked: load the page again.")
        earlier = await _rests_on(session, row, deed, content_hash(drift), ruling)
        row.preview, row.previewed_at, row.outcomes = drift.get("now"), deed.now, _bare(row)
        if not row.reverses:
            row.requested_by = ""  # it rests on this decision now, not on who mended it
        told = {"earlier": earlier, "drift": drift} | ruling.told
        await _moved(session, row, Event.APPROVE_AGAIN, deed, told=told)


async def retry(
    database: Database, transaction_id: str, deed: Deed, *, outcomes: Json = None, system: str = ""
) -> None:
    """Of a dead letter: once more as it is, with mended `outcomes`, or for another system. A changed payload gets a key
    of its own, and is decided like any other: it is the mended one that is granted, shown and signed."""
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        await may(session, deed.by, AUTHORITY)
        told: dict[str, Json] = {}
        if (outcomes is not None and outcomes != row.outcomes) or (bool(system) and system != row.system):
            deed = reasoned(deed, needed=True)
            ground = row.decision or row.standing_version
            told = {"before": {"outcomes": row.outcomes, "system": row.system, "ground": ground}}
            told |= await _mend(session, row, deed, outcomes, system)
        row.preview = row.previewed_at = row.drift = row.held = None
        await _moved(session, row, Event.RETRY, deed, told=told)


async def _mend(session: AsyncSession, row: LedgerRow, deed: Deed, outcomes: Json, system: str) -> dict[str, Json]:
    """Give it this payload and system, decided by who mends it; what the audit is told of that."""
    await holds(session, row, deed.by, deed.now)
    if await parts_read.stand(session, row.id):
        raise ConflictError("A part of it stands in the system: take that back first, or try again as it is.")
    found, content = mended(row, outcomes, system)
    await _takes(session, found)
    row.key, row.system, row.outcomes = content["key"], content["system"], content["outcomes"]
    row.objects, row.impact = objects_of(found.outcomes), impact_of_all(found.outcomes).model_dump(mode="json")
    ruling = await decide(session, row, deed, Press("retry", content, await deciders(session, row)))
    if not row.reverses:  # of four eyes these are two: who decides it next is somebody else than who mended it
        await _rests_on(session, row, deed, content_hash(content), ruling)
        row.requested_by = deed.by.id
    return ruling.told


async def _rests_on(session: AsyncSession, row: LedgerRow, deed: Deed, shown_hash: str, ruling: Ruling) -> str:
    """What it will change was decided by this person, and no more by whoever allowed it before; gives that ground."""
    decision = _decision(row, deed, shown_hash, ruling)
    await ledger.add_decision(session, decision)
    earlier, row.decision = row.decision or row.standing_version, str(decision["id"])
    row.standing_version = row.standing_grantor = ""
    return earlier


async def _takes(session: AsyncSession, wanted: OutcomeTransaction) -> None:
    """Is there such a system, and does it book all of it? Else it would be tried for ever. Raises
    InvalidPayloadError."""
    try:
        systems = connected(await site_read.document(session, "connectors"))
    except NotFoundError:  # nothing was pushed: nobody knows
        return
    system = wanted.system.value
    if system not in systems:
        raise InvalidPayloadError(f"No {system.upper()} is connected.")
    foreign = sorted(
        {one.kind.replace("_", " ") for one in wanted.outcomes if one.kind not in systems[system].outcomes}
    )
    if foreign:
        raise InvalidPayloadError(
            f"The {system.upper()} takes no {', '.join(foreign)}: leave it out, or send it elsewhere."
        )


async def write_off(database: Database, transaction_id: str, deed: Deed) -> None:
    """Of a dead letter: nobody posts it any more, and why."""
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        await may(session, deed.by, AUTHORITY)
        await _moved(session, row, Event.WRITE_OFF, reasoned(deed, needed=True))
        await parts.take_back(session, row, deed.now, given_up=True)


async def withdraw(database: Database, transaction_id: str, deed: Deed) -> None:
    """Of one that waits and was not sent: it is not posted, and why. What waits behind it goes on, and its exception
    hears that it was refused."""
    deed = reasoned(deed, needed=True)
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        await may(session, deed.by, AUTHORITY)
        if row.status not in UNSENT or (row.reverses and not row.approved_by):
            raise ConflictError(f"It is {row.status.replace('_', ' ')}: it can't be withdrawn.")
        if row.sent_at and deed.now < row.sent_at + _MAY_ARRIVE:
            raise ConflictError("It was sent a moment ago and may still arrive: withdraw it in five minutes.")
        row.held = None
        await _moved(session, row, Event.DROP, deed)
        await parts.take_back(session, row, deed.now, given_up=True)
        await ledger.wake_followers(session, row, deed.now)


async def ask_reversal(database: Database, transaction_id: str, deed: Deed) -> str:
    """Draft the transaction that takes this one back; its id. The system says how, somebody else approves."""
    deed = reasoned(deed, needed=True)
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        await holds(session, row, deed.by, deed.now)  # asking writes nothing: whoever approves it signs
        if row.status not in BOOKED or row.status == State.REVERSED:
            raise ConflictError(f"It is {row.status.replace('_', ' ')}: there is nothing to take back.")
        if row.reverses:
            raise ConflictError("This took something back: decide anew instead of taking that back.")
        made = await ledger.draft(session, _reversal(row, deed))
        if made.status == State.REJECTED:
            raise ConflictError("This reversal was turned down: decide anew.")
        made.nudge_at = deed.now
        told = {"reason": deed.reason, "reversal": made.id}
        await _audit(session, row, "transaction.reversal_asked", deed, told)
        return made.id


async def decide_reversal(database: Database, transaction_id: str, deed: Deed, *, approve: bool) -> None:
    """Somebody else than who asked for it approves it as previewed, or turns it down. `deed.shown`: the hash of what
    it would do, on the page of whoever decides. Raises as `decide_again`."""
    deed = reasoned(deed, needed=not approve)
    async with database.transaction() as session:
        row = await _found(session, transaction_id)
        if not row.reverses or row.status != State.PREVIEWED:
            raise ConflictError("This is no reversal that waits for an approval.")
        if approve:
            await _somebody_else(session, row, deed.by)
        content, verb = content_of(row), "approve_reversal" if approve else "decline_reversal"
        if approve and deed.shown is not None and deed.shown != content_hash(content):
            raise ConflictError("It has changed since you looked: load the page again.")
        original = await _found(session, row.reverses)
        press = Press(verb, content, [row.requested_by], rejects=not approve)
        ruling = await decide(session, original, deed, press, reversal=row)
        if not approve:
            await _moved(session, row, Event.DROP, deed, told=ruling.told)
            return
        row.approved_by, row.nudge_at = deed.by.id, deed.now
        await _audit(session, row, "transaction.reversal_approved", deed, {"preview": row.preview} | ruling.told)


async def _somebody_else(session: AsyncSession, row: LedgerRow, by: Actor) -> None:
    if by.id == row.requested_by:
        raise FourEyesError("You asked for it: somebody else has to approve it.")
    await somebody_else(session, by.id, [row.requested_by])


async def set_control(database: Database, control: Control, *, by: Actor, now: datetime) -> None:
    """What holds for a system or definition from now on. Stopping needs a reason; what waits looks again at once."""
    kind, _, name = control.scope.partition(":")
    if kind not in ("system", "definition") or not name:
        raise InvalidPayloadError("Say for which system or definition.")
    if control.stopped or control.dry_run:
        _why(control.reason, needed=True)
    async with database.transaction() as session:
        await may(session, by, AUTHORITY)
        await ledger.set_control(session, control, by.id, now)
        fact = {"at": now, "kind": "posting.control", "actor": by.id, "subject": control.scope}
        await ledger.audit(session, fact | {"data": control.model_dump(mode="json") | {"evidence": by.evidence}})
        for system in [name] if kind == "system" else [one.value for one in System]:
            await ledger.nudge_all(session, system, now)


async def keep_view(database: Database, name: str, query: str, *, by: Actor) -> None:
    """A search under a name, for oneself; without a query it is forgotten."""
    if not name.strip() or len(name) > _NAME or len(query) > _QUERY:
        raise InvalidPayloadError(f"Give the view a name of {_NAME} characters at most.")
    async with database.transaction() as session:
        await on_roster(session, by)
        await ledger.keep_view(session, by.id, name.strip(), query)


async def _found(session: AsyncSession, transaction_id: str) -> LedgerRow:
    row = await ledger.find_locked(session, transaction_id)
    if row is None:
        raise NotFoundError("There is no such transaction. Look for it in the ledger.")
    return row


def _bare(row: LedgerRow) -> Json:
    """Versions that a plan was made from count no more: what was just shown does."""
    bare = unversioned(checked(row, row.outcomes, row.system))
    return [outcome.model_dump(mode="json") for outcome in bare.outcomes]


def _decision(row: LedgerRow, deed: Deed, shown_hash: str, ruling: Ruling) -> dict[str, Json]:
    return {
        "id": derived_id("dec", row.id, "again", shown_hash, deed.by.id),
        "exception_id": row.exception_id,
        "step": row.step,
        "task_id": "",
        "person": deed.by.id,
        "channel": ChannelName.CONSOLE.value,
        "verdict": "approved",
        "option": "",
        "comment": "",
        "authority": ", ".join(authorities_of(checked(row, row.outcomes, row.system).outcomes)),
        "shown_hash": shown_hash,
        "at": deed.now,
        "granted": ruling.granted,
        "signature": ruling.signature,
    }


def _reversal(row: LedgerRow, deed: Deed) -> dict[str, Json]:
    """Until the system has said how, its outcome is to cancel what the receipt names."""
    placeholder = CancelDocuments(documents=row.documents or [row.id], reason=deed.reason)
    return {
        "id": derived_id("txn", row.id, "reversal"),
        "key": f"{row.key}:reversal",
        "exception_id": row.exception_id,
        "step": row.step,
        "system": row.system,
        "definition": row.definition,
        "outcomes": [placeholder.model_dump(mode="json")],
        "objects": row.objects,
        "impact": row.impact,
        "decision": "",
        "standing_version": "",
        "standing_grantor": "",
        "status": State.DRAFTED.value,
        "attempts": 0,
        "drafted_at": deed.now,
        "reverses": row.id,
        "reversed_by": "",
        "requested_by": deed.by.id,
        "approved_by": "",
        "reason": deed.reason,
    }


async def _moved(
    session: AsyncSession,
    row: LedgerRow,
    event: Event,
    deed: Deed,
    *,
    told: dict[str, Json] | None = None,
) -> None:
    before, row.status = row.status, step(row.status, event).value
    row.reason, row.nudge_at, row.free_since = deed.reason or row.reason, deed.now, deed.now
    if row.reverses:
        await parts.wake(session, row, deed.now)
    await troubles.moved(session, row, deed.now)
    data = {"from": before, "reason": deed.reason, "key": row.key, **(told or {})}
    await _audit(session, row, f"transaction.{event.value}", deed, data)


async def _audit(session: AsyncSession, row: LedgerRow, kind: str, deed: Deed, data: dict[str, Json]) -> None:
    fact = {"at": deed.now, "kind": kind, "actor": deed.by.id, "subject": row.id}
    fact["data"] = data | {"evidence": deed.by.evidence}
    await ledger.audit(session, fact)
    await exceptions.changed(session, row.exception_id)


def reasoned(deed: Deed, *, needed: bool) -> Deed:
    """Raises InvalidPayloadError when it says too much, or nothing where a reason is needed."""
    return replace(deed, reason=_why(deed.reason, needed=needed))


def _why(reason: str, *, needed: bool) -> str:
    if (needed and not reason.strip()) or len(reason) > _REASON:
        raise InvalidPayloadError(f"Say why, in {_REASON} characters at most.")
    return reason.strip()
