"""Who is meant by a step's selectors, machine by machine: expressions over equipment are worked out for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from authoring.check.facts import SiteFacts
from authoring.check.looking import Look, Placed
from authoring.check.possible import Typed, Values, possible, tree
from domain.errors import ConfigError
from domain.language import expressions
from domain.language.definition import ApproveStep, NotifyStep, TaskStep
from domain.rosters.people import Person, Selector
from domain.typing.tree import Record
from domain.values import Json

SPEAKING = (TaskStep, NotifyStep, ApproveStep)
_ANY_OTHER = "\N{REPLACEMENT CHARACTER}"  # a customer whom nobody looks after by name


@dataclass(frozen=True)
class Chain:
    """Whom a step asks, then its ladder, for the machines for which that comes to the same people.

    A selector is None where nothing of it is known beforehand (a name that only a signal tells).
    """

    selectors: tuple[Selector | None, ...]
    machines: tuple[str, ...]
    areas: frozenset[str]

    @property
    def known(self) -> list[Selector]:
        return [selector for selector in self.selectors if selector is not None]


def chains(look: Look, site: SiteFacts, placed: Placed) -> list[Chain]:
    """One chain for all machines when no selector reads the equipment."""
    known: dict[str, list[Chain]] = look.kept.setdefault("chains", {})
    if placed.path not in known:
        known[placed.path] = _chains(look, site, placed.step)
    return known[placed.path]


def _chains(look: Look, site: SiteFacts, step: Any) -> list[Chain]:
    asked = [to.model_dump(mode="json") for to in (step.to, *(rung.to for rung in getattr(step, "ladder", [])))]
    fixed = not any(expressions.is_expression(value) for to in asked for value in to.values())
    found: dict[tuple[Selector | None, ...], list[str]] = {}
    scope: dict[str, Json] = {"params": dict(look.parameters), "site": _site(site)}
    for machine in machines(look, site):
        if fixed and found:
            next(iter(found.values())).append(machine)
            continue
        here = scope | {"equipment": dict(site.described[machine])}
        found.setdefault(tuple(_resolved(to, here) for to in asked), []).append(machine)
    areas = {machine: site.described[machine]["area"] for machine in site.described}
    return [Chain(key, tuple(those), frozenset(areas[one] for one in those)) for key, those in found.items()]


def machines(look: Look, site: SiteFacts) -> list[str]:
    """Those for which the definition may open, as far as `opens.when` tells by the equipment."""
    if "machines" not in look.kept:
        look.kept["machines"] = list(_opening(look, site))
    found: list[str] = look.kept["machines"]
    return found


def _opening(look: Look, site: SiteFacts) -> Iterator[str]:
    opens = look.definition.opens
    node = tree(opens.when) if opens and "equipment" in opens.when else None
    for machine, facts in site.described.items():
        given: Mapping[str, Values] = {f"equipment.{name}": frozenset({value}) for name, value in facts.items()}
        if node is None or not possible(node, Typed(Record(), given)).never:
            yield machine


def _site(site: SiteFacts) -> dict[str, str]:
    return {"id": site.site.site, "title": site.site.title, "timezone": site.site.timezone}


def _resolved(to: Mapping[str, str], scope: Mapping[str, Json]) -> Selector | None:
    """What can't be known beforehand does not select; an account is then one that nobody looks after by name."""
    found = {name: _value(name, value, scope) for name, value in to.items()}
    named = {name: value for name, value in found.items() if name != "shift"}
    return Selector.model_validate(found) if any(named.values()) else None


def _value(name: str, value: str, scope: Mapping[str, Json]) -> str:
    if not expressions.is_expression(value):
        return value.removeprefix("=")
    try:
        return str(expressions.evaluate(value, scope))
    except ConfigError:
        return {"account": _ANY_OTHER, "shift": "current"}.get(name, "")


def people(site: SiteFacts, chain: Chain) -> list[Person]:
    """Everybody whom the chain may ask at some hour or other."""
    found = {person.id: person for selector in chain.known for person in site.hours.fitting(selector)}
    return [found[name] for name in sorted(found)]


def words(selector: Selector) -> str:
    """`skill turning in area machining, role technician`."""
    parts = [f"role {selector.role}"] if selector.role else []
    parts += [f"person {selector.person}"] if selector.person else []
    parts += [f"skill {selector.skill}"] if selector.skill else []
    parts += [f"certificate {selector.certificate}"] if selector.certificate else []
    parts += [f"authority {selector.authority}"] if selector.authority else []
    parts += [f"on call by schedule {selector.schedule}"] if selector.schedule else []
    if selector.account:
        named = "of a customer whom nobody has by name" if selector.account == _ANY_OTHER else selector.account
        parts += [f"account {named}"]
    told = ", ".join(parts) + (f" in area {selector.area}" if selector.area else "")
    return told + (f" of shift {selector.shift}" if selector.shift not in ("current", "any") else "")


def those(chain: Chain, site: SiteFacts) -> str:
    """` (lathe-1, lathe-2)` when it concerns only some machines."""
    if len(chain.machines) == len(site.described):
        return ""
    shown = ", ".join(chain.machines[:4]) + (f" and {len(chain.machines) - 4} more" if len(chain.machines) > 4 else "")
    return f" ({shown})"
