"""Correlation: which exception does a signal belong to, and does it open one? One batch, one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.roles import Normaliser
from domain import correlation
from domain.definition import Opens
from domain.errors import ConfigError, InvalidPayloadError
from domain.ids import make_id
from domain.signals import RawSignal, Signal
from domain.site import Site
from domain.values import Json, iso
from intake.choosing import Look, keys, openers, seen_from_shadow, site_facts
from store.read.definitions import InForce, Pinned
from store.tables import ExceptionRow, InboxRow
from store.write import exceptions, inbox, rollouts

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
    }
    return signal


def _is_first_time(row: InboxRow) -> bool:
    """A signal that comes back (its delay is over, its exception had closed) was news already."""
    return row.status == "received" and row.attempts == 0


async def _is_news(session: AsyncSession, signal: Signal) -> bool:
    key, state = signal.state_key or "", signal.state or ""
    return await inbox.new_state(session, key, state, signal.occurred_at, signal.facts)


async def _place(session: AsyncSession, rules: Rules, row: InboxRow, signal: Signal, now: datetime) -> None:
    """Into the first open exception that waits under its key, else to the first definition that opens on it."""
    look = Look(rules.site, row, signal)
    for offer in rules.definitions:
        if seen := seen_from_shadow(look, offer):
            await rollouts.saw(session, {**seen, "at": now})
    for offer in rules.definitions:
        if await _join(session, rules, offer, look):
            return
    for offer in rules.definitions:
        for pinned in openers(look, offer):
            if await _opens(session, rules, pinned, look, now):
                return
    if row.status in ("received", "settling"):
        _ignore(row, "no definition opens on it")


async def _join(session: AsyncSession, rules: Rules, offer: InForce, look: Look) -> bool:
    for key in keys(look, offer):
        running = await exceptions.find_open(session, rules.site.site, offer.name, key)
        if running is not None:
            look.row.status, look.row.exception_id = "correlated", running.id
            return True
    return False


async def _opens(session: AsyncSession, rules: Rules, pinned: Pinned, look: Look, now: datetime) -> bool:
    opens = look.hears(pinned)
    if opens is None:
        return False
    key = look.key(pinned, opens)
    if look.holds(pinned, opens):
        await _open_or_settle(session, rules, look.row, Match(pinned, opens, key, look.scope(pinned)), now)
        return True
    await _cleared(session, pinned.definition.definition, key, look.row)
    return False


@dataclass(frozen=True)
class Match:
    """A version that opens on a signal, under this key."""

    pinned: Pinned
    opens: Opens
    key: str
    scope: dict[str, Json]


async def _open_or_settle(session: AsyncSession, rules: Rules, row: InboxRow, match: Match, now: datetime) -> None:
    settle = correlation.on_delay(match.opens, match.scope)
    if settle and row.status == "received":
        row.status, row.due_at = "settling", now + settle
        row.definition, row.key = match.pinned.definition.definition, match.key
        return
    row.exception_id = await _open(session, rules, row, match, now)
    row.status = "correlated"


async def _open(session: AsyncSession, rules: Rules, row: InboxRow, match: Match, now: datetime) -> str:
    definition, key, scope = match.pinned.definition, match.key, match.scope
    site = rules.site.site
    exception_id = make_id("exc", now, rules.randomness(10))
    equipment = scope["equipment"].get("id")
    await exceptions.open_new(
        session,
        ExceptionRow(
            id=exception_id,
            site=site,
            definition=definition.definition,
            version=match.pinned.version,
            key=key,
            workflow_id=f"{site}/{definition.definition}/{key}/{exception_id}",
            title=f"{definition.definition} {key}",
            priority=correlation.priority(match.opens, scope),
            equipment=equipment,
            state={},
            milestones={"signal": iso(row.occurred_at or now), "received": iso(row.received_at), "opened": iso(now)},
            opened_at=now,
        ),
    )
    return exception_id


async def _cleared(session: AsyncSession, definition: str, key: str, row: InboxRow) -> None:
    """A signal that no longer holds ends the on-delay of those before it: they open nothing."""
    for waiting in await inbox.settling(session, definition, key):
        if waiting.seq != row.seq:
            _ignore(waiting, "it cleared before its on-delay was over")


def _ignore(row: InboxRow, why: str) -> None:
    row.status, row.error, row.due_at = "ignored", why, None
