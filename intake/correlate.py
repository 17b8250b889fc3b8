"""Correlation: which exception does a signal belong to, and does it open one? One batch, one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.roles import Normaliser
from domain import correlation
from domain.errors import ConfigError, InvalidPayloadError
from domain.ids import make_id
from domain.language.definition import Opens
from domain.signals import RawSignal, Signal
from domain.site import Site
from domain.values import iso
from intake.choosing import Look, children_first, cleared, holding, keys, openers, seen_from_shadow, site_facts
from intake.suppressing import Match, held_up, with_parent
from store.read.definitions.versions import InForce, Pinned
from store.tables import ExceptionRow, InboxRow
from store.write import exceptions, inbox
from store.write.books import ledger
from store.write.definitions import rollouts

__all__ = ["Match", "Rules", "correlate", "site_facts"]

FUTURE_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Rules:
    """What is in force: the site, the definitions by name, and the mapping for each kind of raw signal."""

    site: Site
    definitions: Sequence[InForce]
    normalisers: Mapping[str, Normaliser]
    informational: Callable[[RawSignal], bool]
    randomness: Callable[[int], bytes]

    @cached_property
    def children_first(self) -> Sequence[InForce]:
        """The definitions in the order in which their open exceptions are asked."""
        return children_first(self.definitions)


async def correlate(session: AsyncSession, rules: Rules, row: InboxRow, now: datetime) -> None:
    """Move one signal on: into an exception, to the end of its on-delay, to the ignored, or into the quarantine."""
    try:
        if rules.informational(_raw(row)):
            _ignore(row, "for information only")
            return
        signal = _normalise(rules, row)
        if signal.state_key and _is_first_time(row) and not await _is_news(session, signal):
            _ignore(row, "the state is as it was")
            row.outcome = {"accepted": False, "code": correlation.REPEAT}
            return
        await _place(session, rules, row, signal, now)
    except (InvalidPayloadError, ConfigError) as error:
        row.status, row.error = "quarantined", error.message


def _raw(row: InboxRow) -> RawSignal:
    return RawSignal(
        source=row.source, event_id=row.event_id, kind=row.kind, body=row.body, occurred_at=row.occurred_at
    )


def _normalise(rules: Rules, row: InboxRow) -> Signal:
    if row.kind not in rules.normalisers:
        raise InvalidPayloadError(f"nothing reads '{row.kind}' signals: connect its source")
    raw = RawSignal(source=row.source, event_id=row.event_id, kind=row.kind, body=row.body, occurred_at=row.occurred_at)
    signal = rules.normalisers[row.kind](raw)
    if signal.occurred_at > row.received_at + FUTURE_LIMIT:
        raise InvalidPayloadError(
            f"it happened in the future ({iso(signal.occurred_at)}): set the clock of {row.source}"
        )
    if signal.equipment and rules.site.find(signal.equipment) is None:
        raise InvalidPayloadError(f"unknown equipment '{signal.equipment}': add it to the site document")
    row.occurred_at = signal.occurred_at
    row.signal = {
        "type": signal.type.value,
        "subject": signal.subject,
        "equipment": signal.equipment,
        "facts": {"equipment": signal.equipment, "subject": signal.subject, **signal.facts},
        "state_key": signal.state_key,
        "state": signal.state,
    }
    return signal


def _is_first_time(row: InboxRow) -> bool:
    """A signal that comes back (its delay is over, its exception had closed) was news already."""
    return row.status == "received" and row.attempts == 0


async def _is_news(session: AsyncSession, signal: Signal) -> bool:
    key, state = signal.state_key or "", signal.state or ""
    return await inbox.new_state(session, key, state, signal.occurred_at, signal.facts)


async def _place(session: AsyncSession, rules: Rules, row: InboxRow, signal: Signal, now: datetime) -> None:
    """Where safety or a parent wants it; else into the first open exception that waits under its key, children before
    their parents; else to the first definition that opens on it."""
    look = Look(rules.site, row, signal)
    for offer in rules.definitions:
        if seen := seen_from_shadow(look, offer):
            await rollouts.saw(session, {**seen, "at": now})
    for definition, key in cleared(look, rules.definitions):
        await _clear(session, definition, key, row)
    if await _goes_first(session, rules, look, now):
        return
    for offer in rules.children_first:
        if await _join(session, rules, offer, look):
            return
    for offer in rules.definitions:
        for pinned in openers(look, offer):
            if await _opens(session, rules, pinned, look, now):
                return
    _ignore(row, "no definition opens on it")


async def _goes_first(session: AsyncSession, rules: Rules, look: Look, now: datetime) -> bool:
    """Another definition's exception may hear the same signals under the same key. It must not swallow what is about
    safety; and what it swallows as a parent must be known as a child, to come back when it closes."""
    for pinned, opens in holding(look, rules.definitions):
        if not opens.safety and not opens.under:
            continue
        key = look.key(pinned, opens)
        if running := await exceptions.find_open(session, rules.site.site, pinned.definition.definition, key):
            _belongs(look.row, running.id)
            return True
        if opens.safety:
            return await _opens(session, rules, pinned, look, now)
        if await with_parent(session, rules.site, look, _match(rules, pinned, opens, look, now)):
            return True
    return False


async def _clear(session: AsyncSession, definition: str, key: str, row: InboxRow) -> None:
    """A signal that no longer holds ends the waiting of those before it: they open nothing."""
    for waiting in await inbox.settling(session, definition, key):
        if waiting.seq != row.seq:
            _ignore(waiting, "it cleared while it waited")


async def _join(session: AsyncSession, rules: Rules, offer: InForce, look: Look) -> bool:
    for key in keys(look, offer):
        running = await exceptions.find_open(session, rules.site.site, offer.name, key)
        if running is not None:
            _belongs(look.row, running.id)
            return True
    return False


async def _opens(session: AsyncSession, rules: Rules, pinned: Pinned, look: Look, now: datetime) -> bool:
    opens = look.hears(pinned)
    if opens is None:
        return False
    match = _match(rules, pinned, opens, look, now)
    if not look.holds(pinned, opens):
        return False
    if not await held_up(session, rules.site, look, match, now):
        _belongs(look.row, await _open(session, rules, look, match, now))
    return True


def _match(rules: Rules, pinned: Pinned, opens: Opens, look: Look, now: datetime) -> Match:
    begun = now if look.row.status == "received" else look.row.received_at  # what waited has waited since it came
    terms = correlation.terms(opens, look.scope(pinned), rules.site.calendar, begun)
    return Match(pinned, opens, look.key(pinned, opens), terms, begun + terms.delay)


async def _open(session: AsyncSession, rules: Rules, look: Look, match: Match, now: datetime) -> str:
    name, row, site = match.name, look.row, rules.site.site
    exception_id = make_id("exc", now, rules.randomness(10))
    await exceptions.open_new(
        session,
        ExceptionRow(
            id=exception_id,
            site=site,
            definition=name,
            version=match.pinned.version,
            key=match.key,
            workflow_id=f"{site}/{name}/{match.key}/{exception_id}",
            title=f"{name} {match.key}",
            priority=match.terms.priority,
            equipment=look.equipment.get("id"),
            state={},
            milestones={"signal": iso(row.occurred_at or now), "received": iso(row.received_at), "opened": iso(now)},
            opened_at=now,
        ),
    )
    told = {"definition": name, "version": match.pinned.version, "key": match.key, "inbox": row.seq}
    signal = {"source": row.source, "event": row.event_id, "type": row.kind}
    opened = {"at": now, "kind": "exception.opened", "actor": "mos", "subject": exception_id, "data": told | signal}
    await ledger.audit(session, opened)
    if match.terms.complaints:
        data = {"definition": name, "version": match.pinned.version, "complaints": list(match.terms.complaints)}
        fact = {"at": now, "kind": "opening.complaint", "actor": "mos", "subject": exception_id, "data": data}
        await ledger.audit(session, fact)
    return exception_id


def _belongs(row: InboxRow, exception_id: str) -> None:
    row.status, row.exception_id, row.error, row.due_at = "correlated", exception_id, None, None
    row.definition = row.key = None


def _ignore(row: InboxRow, why: str) -> None:
    row.status, row.error, row.due_at = "ignored", why, None
    row.definition = row.key = None
