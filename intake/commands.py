"""Steering a running exception: a logged-in person's command, committed first, then judged, then delivered in order.

What is refused is kept like what is done, with the person and the reason, and the auditor has it.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.contracts.model import Command, CommandResult
from activities.contracts.steering import AUTHORITY, KINDS, NEEDS_REASON, NEEDS_STEP
from domain.errors import InvalidPayloadError, NotFoundError
from domain.rosters.people import ChannelName, may_decide
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.read.definitions import versions as definitions
from store.tables import ExceptionRow, InboxRow
from store.write import exceptions, inbox
from store.write.books import ledger

__all__ = ["AUTHORITY", "KINDS", "NEEDS_REASON", "NEEDS_STEP", "Wish", "receive"]
CATEGORY = "command"
_CONSOLE = ChannelName.CONSOLE.value


class Wish:
    """What somebody wants done. Raises InvalidPayloadError when it can't be meant."""

    def __init__(
        self,
        kind: str,
        *,
        reason: str = "",
        step: str = "",
        values: dict[str, Json] | None = None,
        version: str = "",
        preview: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise InvalidPayloadError(f"'{kind}' is no way to steer an exception: choose one of {', '.join(KINDS)}.")
        if kind in NEEDS_REASON and not preview and not reason.strip():
            raise InvalidPayloadError("Say why: this needs a reason.")
        if kind in NEEDS_STEP and not step:
            raise InvalidPayloadError("Say which step.")
        if kind == "migrate" and not version:
            raise InvalidPayloadError("Say to which version.")
        if preview and kind != "migrate":
            raise InvalidPayloadError("Only a migration has a preview.")
        self.body: dict[str, Json] = {
            "kind": kind,
            "reason": reason.strip(),
            "step": step,
            "values": values or {},
            "version": version,
            "preview": preview,
        }


async def receive(
    database: Database, *, person: str, exception: str, wish: Wish, press_id: str, now: datetime, via: str = ""
) -> str:
    """Commit the wish of a logged-in person; `press_id` is the form's own number, so that a second press is the same
    command. `via`: the program that sent it in their name, which the audit is told. Gives the event id under which the
    outcome can be read."""
    event_id = f"{person}:{press_id}"
    body = {"channel": _CONSOLE, "person": person, "exception": exception, **wish.body}
    async with database.transaction() as session:
        fresh = await inbox.add_command(session, source=_CONSOLE, event_id=event_id, body=body, received_at=now)
        if via and fresh and not wish.body["preview"]:
            told = {"command": event_id, "kind": wish.body["kind"], "evidence": f"by {via}"}
            fact = {"at": now, "kind": "control_by_program", "actor": person, "subject": exception, "data": told}
            await ledger.audit(session, fact)
    return event_id


async def resolve(session: AsyncSession, row: InboxRow, now: datetime) -> None:
    """Move one command on: to its exception, or to an outcome of its own when this person may not, or it is over."""
    body = row.body
    exception = await session.get(ExceptionRow, str(body.get("exception")))
    person = await site_read.person(session, str(body.get("person")))
    row.exception_id = exception.id if exception else None
    row.signal = {"person": person.id, "name": person.name} if person else {}
    if exception is None:
        await _end(session, row, "unknown_exception", now)
        return
    area = await _area(session, exception)
    code = may_decide(person, AUTHORITY, area, _CONSOLE, "normal")
    code = code or ("closed" if exception.closed_at is not None else "")
    if not code and body.get("version"):
        code = await _find_version(session, row, exception)
    if code:
        await _end(session, row, code, now)
        return
    row.status = "correlated"


async def _area(session: AsyncSession, exception: ExceptionRow) -> str:
    if exception.equipment is None:
        return ""
    site = await site_read.site(session)
    return str(site.describe(exception.equipment).get("area") or "")


async def _find_version(session: AsyncSession, row: InboxRow, exception: ExceptionRow) -> str:
    """`v3` or the start of a hash becomes the whole version."""
    try:
        found = await definitions.find(session, exception.definition, str(row.body["version"]))
    except NotFoundError:
        return "unknown_version"
    row.signal = row.signal | {"version": found.version}
    return ""


async def _end(session: AsyncSession, row: InboxRow, code: str, now: datetime) -> None:
    row.status, row.outcome = "answered", {"accepted": False, "code": code}
    await _audit(session, row, code, now)
    if row.exception_id:
        await exceptions.changed(session, row.exception_id)


async def command_of(session: AsyncSession, row: InboxRow) -> Command:
    """A resolved command as the workflow receives it; a migration carries the whole version that it goes to."""
    who, body = row.signal, row.body
    version = str(who.get("version") or "")
    return Command(
        id=row.event_id,
        seq=row.seq or 0,
        kind=body["kind"],
        person=who["person"],
        person_name=who["name"],
        reason=body["reason"],
        step=body["step"],
        values=body["values"],
        definition=await site_read.definition(session, version) if version else None,
        version=version,
        preview=body["preview"],
        received_at=row.received_at,
    )


async def taken(
    session: AsyncSession, exception: ExceptionRow, row: InboxRow, result: CommandResult | None, now: datetime
) -> None:
    """Keep what the workflow answered. One that is over tells no story any more: the auditor hears it from here."""
    result = result or CommandResult(accepted=False, code="closed")
    if result.code == "closed":
        await _audit(session, row, result.code, now)
    outcome = result.model_dump(mode="json")
    await inbox.mark(session, [row.seq or 0], status="delivered", outcome=outcome, error=None, due_at=None)
    await exceptions.changed(session, exception.id)


async def _audit(session: AsyncSession, row: InboxRow, code: str, now: datetime) -> None:
    body = row.body
    if body["preview"]:
        return
    names = ("exception", "kind", "reason", "step", "values", "version")
    data = {name: body[name] for name in names if body[name]} | {"code": code, "inbox": row.seq}
    fact = {"at": now, "kind": "control_refused", "actor": body["person"], "subject": body["exception"], "data": data}
    await ledger.audit(session, fact)
