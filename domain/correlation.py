"""What a definition makes of a signal: its correlation key, whether it opens, and on what terms. Pure.

Intake asks this of what comes in, the simulator and the replay of what was recorded: one rule for all of them. What
suppresses an exception (on-delay, parent, shelf) suppresses nothing when it can't be worked out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.calendar import SiteCalendar
from domain.errors import ConfigError
from domain.language import expressions
from domain.language.definition import Definition, Opens
from domain.signals import SignalType
from domain.site import Site
from domain.values import Json, iso

REPEAT = "repeat"  # the outcome of a signal that no definition was asked about: what it reports was known
PRIORITIES = ("low", "medium", "high", "critical")
USUAL = "medium"
STANDING = frozenset({SignalType.MACHINE_STATE, SignalType.MACHINE_ALARM, SignalType.SOURCE_LOST})
"""Types that report how things stand until another one says otherwise; the others tell of something that happened."""


@dataclass(frozen=True)
class Terms:
    """`delay`: the on-delay, from the moment that was given. `parents`: definition and key of the exceptions that take
    the signal for themselves while one is open. `complaints`: what the author's expressions gave that can't be used."""

    delay: timedelta = timedelta()
    priority: str = USUAL
    parents: tuple[tuple[str, str], ...] = ()
    complaints: tuple[str, ...] = ()


def scope(
    definition: Definition,
    site: Site,
    parameters: Mapping[str, Json],
    *,
    facts: Mapping[str, Json],
    equipment: Mapping[str, Json],
    received_at: datetime,
) -> dict[str, Json]:
    """What the conditions of `opens` read. `parameters`: the site's values for those of the definition; `equipment`:
    as `Site.describe` tells it, empty for a signal without one."""
    return {
        "signal": facts,
        "equipment": equipment,
        "params": {**definition.parameters, **parameters},
        "opened_at": iso(received_at),
        "exception": {},
        "machine": facts if equipment else {},
        "site": site_facts(site),
    }


def site_facts(site: Site) -> dict[str, Json]:
    """What conditions and texts read as `site`."""
    return {"id": site.site, "title": site.title, "timezone": site.timezone}


def key(opens: Opens, known: Mapping[str, Json]) -> str:
    """The correlation key. Raises ConfigError when the signal does not have what it is made of."""
    return "/".join(str(expressions.evaluate(part, known)) for part in opens.one_per)


def terms(opens: Opens, known: Mapping[str, Json], calendar: SiteCalendar, at: datetime) -> Terms:
    """On what terms a signal opens whose condition holds; `at`: from when its on-delay counts. Never raises: a priority
    that can't be told is medium, what would suppress it does not."""
    complaints: list[str] = []
    urgency = _priority(opens, known, complaints)
    if opens.safety:
        return Terms(priority=urgency, complaints=tuple(complaints))
    return Terms(_on_delay(opens, known, calendar, at, complaints), urgency, _parents(opens, known), tuple(complaints))


def _priority(opens: Opens, known: Mapping[str, Json], complaints: list[str]) -> str:
    """An expression that can't be evaluated may read the context: the workflow settles it when that is known."""
    try:
        value = expressions.resolve(opens.priority, known)
    except ConfigError:
        return USUAL
    if value in PRIORITIES:
        return str(value)
    complaints.append(f"priority: '{str(value)[:60]}' is none of {', '.join(PRIORITIES)}: {USUAL} was taken")
    return USUAL


def _on_delay(
    opens: Opens, known: Mapping[str, Json], calendar: SiteCalendar, at: datetime, complaints: list[str]
) -> timedelta:
    try:
        return calendar.after(at, str(expressions.resolve(opens.settle, known))) - at
    except (ConfigError, ValueError) as error:
        complaints.append(f"settle: {str(error)[:200]}: it opened without on-delay")
        return timedelta()


def _parents(opens: Opens, known: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """A parent whose key the signal does not have is no parent of it."""
    found = []
    for under in opens.under:
        try:
            found.append((under.definition, str(expressions.evaluate(under.key, known))))
        except ConfigError:
            continue
    return tuple(found)


@dataclass(frozen=True)
class Shelved:
    """What is silenced until a moment: a definition under one key, or at one piece of equipment and all below it."""

    definition: str
    until: datetime
    key: str | None = None
    equipment: str | None = None

    def covers(self, definition: str, under: str, where: Collection[Json]) -> bool:
        """`where`: the equipment that the signal is about, and what it is part of (`places`)."""
        return self.definition == definition and (
            self.key == under if self.equipment is None else self.equipment in where
        )


def places(equipment: Mapping[str, Json]) -> list[Json]:
    """The ids of equipment, as `Site.describe` tells it, with its work center and area."""
    return [equipment.get(name) for name in ("id", "work_center", "area")]
