"""What a definition makes of a signal: its correlation key, whether it opens, after which on-delay, how urgent. Pure.

Intake asks this of what comes in, the simulator and the replay of what was recorded: one rule for all of them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain import expressions
from domain.definition import Definition, Opens
from domain.errors import ConfigError
from domain.site import Site
from domain.values import Json, duration, iso

REPEAT = "repeat"  # the outcome of a signal that no definition was asked about: what it reports was known


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


def on_delay(opens: Opens, known: Mapping[str, Json]) -> timedelta:
    """How long the condition must hold before it opens; safety signals don't wait. Raises ConfigError."""
    if opens.safety:
        return timedelta()
    try:
        return duration(str(expressions.resolve(opens.settle, known)))
    except ValueError as error:
        raise ConfigError(f"settle: {error}") from error


def priority(opens: Opens, known: Mapping[str, Json]) -> str:
    """low, medium or high, as far as it can be told before the context is known."""
    return str(expressions.resolve(opens.priority, known))
