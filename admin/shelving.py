"""Shelving (ISA-18.2): a person silences a definition for a limited time, under one key or at one piece of equipment.

What comes meanwhile waits; when the shelf ends, what still stands opens. Exceptions that run go on, and what is about
safety is never shelved. Each function is one transaction with its audit record.
"""

import difflib
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, NotAllowedError, may, name_of
from domain.errors import ConfigError, ConflictError, InvalidPayloadError, NotFoundError
from domain.site import Site
from domain.values import duration, local_text
from store.db import Database
from store.read import shelves
from store.read import site as site_read
from store.read.definitions import versions as definitions
from store.tables import ShelfRow
from store.write import inbox
from store.write import shelves as write
from store.write.books import ledger

AUTHORITY = "shelve_exceptions"
LONGEST = "24h"  # unless the site's parameters say otherwise: `shelving: {at_most: 8h}`
_REASON = 500
_KEY = 200


@dataclass(frozen=True)
class Target:
    """What is silenced: a definition under a correlation key, or at a piece of equipment and all below it."""

    definition: str
    key: str = ""
    equipment: str = ""


async def shelve(database: Database, target: Target, until: str, *, reason: str, by: Actor, now: datetime) -> ShelfRow:
    """Silence it until then: a span (`2h`, `4h business`), a clock time (`06:00`), `shift.end`, or an ISO time.

    Raises InvalidPayloadError, NotFoundError, NotAllowedError, ConflictError when it is shelved already.
    """
    async with database.transaction() as session:
        await inbox.one_at_a_time(session)
        site = await site_read.site(session)
        await _allowed(session, by, site, target.equipment or target.key)
        await _check(session, site, target, reason)
        end = _end(site, until, now)
        await _check_free(session, site, target, now)
        row = ShelfRow(
            definition=target.definition,
            key=target.key or None,
            equipment=target.equipment or None,
            reason=reason.strip(),
            shelved_by=by.id,
            shelved_at=now,
            until=end,
        )
        await write.begin(session, row)
        await _audit(session, row, "begun", by, now)
        return row


async def unshelve(database: Database, shelf_id: int, *, by: Actor, now: datetime) -> ShelfRow:
    """End a shelf before its time: what waits under it opens now, unless another shelf holds it too.

    Raises NotFoundError, NotAllowedError, ConflictError when it is over.
    """
    async with database.transaction() as session:
        await inbox.one_at_a_time(session)
        row = await shelves.by_id(session, shelf_id)
        await _allowed(session, by, await site_read.site(session), row.equipment or row.key or "")
        if row.ended_at is not None:
            raise ConflictError(f"{await name_of(session, row.ended_by or '')} has ended it already")
        if row.until <= now:
            raise ConflictError("it is over already")
        await write.end(session, row, by.id, now)
        await _audit(session, row, "ended", by, now)
        return row


async def _allowed(session: AsyncSession, by: Actor, site: Site, place: str) -> None:
    """The authority, and for somebody who has it for some areas only: one of these."""
    await may(session, by, AUTHORITY)
    person = await site_read.person(session, by.id) if by.signed_in else None
    node = site.find(place)
    area = (site.describe(place)["area"] or node.id) if node else ""
    if person and area and person.areas and area not in person.areas:
        raise NotAllowedError(f"You may shelve in {', '.join(person.areas)} only: ask somebody of that area")


async def _check(session: AsyncSession, site: Site, target: Target, reason: str) -> None:
    if not reason.strip() or len(reason) > _REASON:
        raise InvalidPayloadError(f"say why it is shelved, in {_REASON} characters at most")
    if bool(target.key) == bool(target.equipment) or len(target.key) > _KEY:
        raise InvalidPayloadError("say what is shelved: one key, or one piece of equipment")
    if target.equipment and site.find(target.equipment) is None:
        near = _near(target.equipment, [node.id for node in site.equipment])
        raise NotFoundError(f"no equipment '{target.equipment}' at this site{near}")
    offers = {offer.name: offer for offer in await definitions.in_force(session)}
    offer = offers.get(target.definition)
    if offer is None:
        raise NotFoundError(f"nothing is in force as '{target.definition}'{_near(target.definition, list(offers))}")
    if not shelves.opens_and_may_wait(offer):
        raise InvalidPayloadError(f"'{target.definition}' is about safety, or opens nothing: it can't be shelved")


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _end(site: Site, text: str, now: datetime) -> datetime:
    end, longest = _moment(site, text.strip(), now), _longest(site)
    if end <= now:
        raise InvalidPayloadError(f"'{text}' is over already: give a later end")
    if end - now > duration(longest):
        raise InvalidPayloadError(f"'{text}' is too long: shelve for {longest} at most, then look at it again")
    return end


def _moment(site: Site, text: str, now: datetime) -> datetime:
    try:
        return site.calendar.after(now, text)
    except ValueError:
        pass
    try:
        return site.calendar.moment(text, now)
    except ValueError:
        raise InvalidPayloadError(f"'{text}' is no end: write 2h, 06:00, shift.end or an ISO time with zone") from None


def _longest(site: Site) -> str:
    said = str(site.parameters.get("shelving", {}).get("at_most", LONGEST))
    try:
        return said if duration(said) > timedelta() else LONGEST
    except ValueError as error:
        raise ConfigError(f"the site's parameter shelving.at_most: {error}") from error


async def _check_free(session: AsyncSession, site: Site, target: Target, now: datetime) -> None:
    """The same thing is shelved once; shelves that overlap may stand side by side."""
    for row in await shelves.standing(session, now, target.definition):
        if (row.key or "", row.equipment or "") == (target.key, target.equipment):
            until = local_text(row.until, ZoneInfo(site.timezone))
            who = await name_of(session, row.shelved_by)
            raise ConflictError(f"{who} has shelved it already, until {until}: unshelve that first")


async def _audit(session: AsyncSession, row: ShelfRow, what: str, by: Actor, now: datetime) -> None:
    told = row.model_dump(mode="json", include={"id", "key", "equipment", "until", "reason", "shelved_by"})
    fact = {"at": now, "kind": f"shelf.{what}", "actor": by.id, "subject": row.definition}
    await ledger.audit(session, fact | {"data": told | {"evidence": by.evidence}})
