"""Which of a person's contacts gets a message when, and which is next when one fails. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.rosters.contacts import ChannelName, ContactMethod, NotificationPolicy, ReachStep, is_urgent
from domain.rosters.people import Person

_RUNG = timedelta(minutes=2)  # between one contact and the next where nothing is set
_SPOKEN = (ChannelName.VOICE,)
_NOT_SENT = (ChannelName.CONSOLE,)  # whoever looks there sees the task: nothing goes out

Due = tuple[ContactMethod, datetime]


def plan(
    person: Person, priority: str, now: datetime, zone: ZoneInfo, healthy: Collection[ChannelName] | None = None
) -> list[Due]:
    """The contacts to try and when, the earliest first; empty for somebody who can't be reached by message.

    `zone` is the site's, for who has none of their own. `healthy`: the channels that work (None: all); one that
    doesn't is left out while another is there.
    """
    own = ZoneInfo(person.timezone) if person.timezone else zone
    ladder = _working(_ladder(person, priority), healthy)
    loud, muted = list[Due](), list[Due]()
    for contact, after in ladder:
        at = now + after
        until = _quiet_until(person.notify, contact.channel, priority, at, own)
        (loud if until == at else muted).append((contact, until))
    if loud:
        return sorted([*_from(now, loud), *muted], key=_due)
    return sorted(muted, key=_due) if not is_urgent(priority) else [(contact, now + after) for contact, after in ladder]


def allowed_at(person: Person, channel: ChannelName, priority: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When a message may ring there: now, or, unless it is urgent, after the quiet hours."""
    own = ZoneInfo(person.timezone) if person.timezone else zone
    return now if is_urgent(priority) else _quiet_until(person.notify, channel, priority, now, own)


def fallbacks(person: Person, priority: str) -> list[ContactMethod]:
    """Every verified contact, in the order in which they are tried when one fails: the named fallback of somebody
    who is needed urgently, the policy's own, then the others."""
    first = [person.notify.fallback] if person.notify.fallback and is_urgent(priority) else []
    named = [contact for channel in first for contact in _verified(person) if contact.channel is channel]
    planned = [contact for contact, _ in _ladder(person, priority)]
    return list(dict.fromkeys([*named, *planned, *_in_order(person)]))


def _ladder(person: Person, priority: str) -> list[tuple[ContactMethod, timedelta]]:
    steps = person.notify.steps
    chosen = steps.get(priority) or (steps.get("high") if priority == "critical" else None)  # type: ignore[call-overload]
    if not chosen:
        return _default(person, priority)
    found = ((_named(person, step), step.after) for step in sorted(chosen, key=lambda step: step.after))
    return [(contact, after) for contact, after in found if contact is not None] or _default(person, priority)


def _default(person: Person, priority: str) -> list[tuple[ContactMethod, timedelta]]:
    """The first contact at once; in urgent cases the next ones every two minutes, a call last."""
    contacts = _in_order(person)
    return [(contact, place * _RUNG) for place, contact in enumerate(contacts if is_urgent(priority) else contacts[:1])]


def _verified(person: Person) -> list[ContactMethod]:
    return [contact for contact in person.contacts if contact.verified and contact.channel not in _NOT_SENT]


def _in_order(person: Person) -> list[ContactMethod]:
    return sorted(_verified(person), key=lambda contact: contact.channel in _SPOKEN)


def _named(person: Person, step: ReachStep) -> ContactMethod | None:
    fitting = (c for c in _verified(person) if c.channel is step.channel and step.address in ("", c.address))
    return next(fitting, None)


def _working(
    ladder: list[tuple[ContactMethod, timedelta]], healthy: Collection[ChannelName] | None
) -> list[tuple[ContactMethod, timedelta]]:
    """Without the channels that are down, the first one that works at once; all of them where none works."""
    working = [(c, after) for c, after in ladder if healthy is None or c.channel in healthy]
    earliest = min((after for _, after in working), default=timedelta(0))
    return [(contact, after - earliest) for contact, after in working] or ladder


def _from(now: datetime, dues: list[Due]) -> list[Due]:
    """The same distances, the first at once."""
    early = min(at for _, at in dues) - now
    return [(contact, at - early) for contact, at in dues]


def _due(due: Due) -> datetime:
    return due[1]


def _quiet_until(
    policy: NotificationPolicy, channel: ChannelName, priority: str, moment: datetime, zone: ZoneInfo
) -> datetime:
    """`moment`, or when the hours end that are quiet then, in UTC (hours may follow one another)."""
    for _ in range(len(policy.quiet) + 1):
        ends: Iterable[datetime | None] = (hours.until(channel, priority, moment, zone) for hours in policy.quiet)
        later = [end for end in ends if end is not None]
        if not later:
            break
        moment = max(later)
    return moment


_USEFUL = {"low": timedelta(hours=12), "medium": timedelta(hours=4), "high": timedelta(hours=2)}


def useful_until(priority: str, due: datetime) -> datetime:
    """Until when what only tells is worth sending: afterwards the console has it, and a late text would mislead."""
    return due + _USEFUL.get(priority, timedelta(hours=1) if priority == "critical" else _USEFUL["medium"])
