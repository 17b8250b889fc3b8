"""Reachability: does somebody fit, on shift and with a way to be told, in every hour of the coming weeks?"""

import difflib
from collections.abc import Sequence
from functools import reduce
from operator import or_

from authoring.check.asked import SPEAKING, Chain, chains, those, words
from authoring.check.facts import SiteFacts
from authoring.check.looking import Look, Placed, Proof
from domain.language.definition_rules import Path, Problem
from domain.rosters.people import Selector

NOBODY, GAP, STALE = "mos.people.nobody", "mos.people.gap", "mos.people.stale"
_SHOWN = 6  # findings at one place; the others are counted


def reach(look: Look) -> Proof:
    """Every selector of every step, and the definition's owner. Nothing without a site."""
    if look.site is None:
        return
    yield from _owner(look, look.site)
    for placed in look.steps:
        if isinstance(placed.step, SPEAKING):
            found = chains(look, look.site, placed)
            yield from _stale(look.site, placed, found)
            problems = [problem for chain in found for problem in _step(look.site, placed, chain)]
            yield from problems[:_SHOWN]
            if len(problems) > _SHOWN:
                message = f"and {len(problems) - _SHOWN} more such selectors here"
                yield Problem((*placed.at, "to"), message, GAP, "warning")


def _owner(look: Look, site: SiteFacts) -> Proof:
    """The owner is told of troubles, on shift or not."""
    selector = Selector(role=look.definition.owner, shift="any")
    if not site.hours.reach(selector) & site.hours.whole:
        message = f"nobody with role {look.definition.owner} can be told when something goes wrong"
        yield Problem(("owner",), message, NOBODY, "error", _advice(site, selector))


def _stale(site: SiteFacts, placed: Placed, found: Sequence[Chain]) -> Proof:
    """What is known of a schedule from elsewhere may be old."""
    named = {selector.schedule for chain in found for selector in chain.known}
    for schedule in sorted(named & site.stale.keys()):
        message = (
            f"who is on call by schedule {schedule} is old: its feed '{site.stale[schedule]}' was not read for long"
        )
        yield Problem((*placed.at, "to"), message, STALE, "warning", "look at the feed on the page People")


def _step(site: SiteFacts, placed: Placed, chain: Chain) -> Proof:
    hours = site.hours
    masks = [hours.reach(selector) if selector is not None else hours.whole for selector in chain.selectors]
    others = reduce(or_, masks[1:], 0)
    at: Path = (*placed.at, "to")
    first = chain.selectors[0]
    if first is not None:
        yield from _first(site, at, chain, first, (masks[0], others))
    for index, (selector, mask) in enumerate(zip(chain.selectors[1:], masks[1:], strict=True)):
        if selector is not None and not mask & hours.whole:
            rung: Path = (*placed.at, "ladder", index)
            message = f"this rung reaches nobody at any hour: {words(selector)}{those(chain, site)}"
            yield Problem(rung, message, NOBODY, "warning", _advice(site, selector))


def _first(site: SiteFacts, at: Path, chain: Chain, selector: Selector, masks: tuple[int, int]) -> Proof:
    """`masks`: when the selector itself reaches somebody, and when the ladder does."""
    hours, (own, others), machines = site.hours, masks, those(chain, site)
    if not own:
        ladder = (
            ": only the ladder is asked"
            if others
            else " and there is no ladder that does"
            if chain.selectors[1:]
            else ""
        )
        message = f"nobody with {words(selector)} at any hour{machines}{ladder}"
        yield Problem(at, message, NOBODY, "warning" if others else "error", _advice(site, selector))
        return
    open_hours, covered = hours.told(own | others), hours.told(own | ~others)
    if open_hours:
        message = f"nobody with {words(selector)}{machines} {open_hours}"
        yield Problem(
            at, message, GAP, "warning", "cover these hours in the roster, or add a rung that reaches somebody"
        )
    if covered:
        message = f"nobody with {words(selector)}{machines} {covered}: then the ladder is asked at once"
        yield Problem(at, message, GAP, "note")


def _advice(site: SiteFacts, selector: Selector) -> str:
    fitting = site.hours.fitting(selector)
    if not fitting:
        meant = _meant(site, selector)
        give = "give somebody on the roster what is asked for, or ask for less"
        return f"did you mean {meant}? Else {give}" if meant else give
    names = ", ".join(person.name for person in fitting[:3])
    if not any(site.hours.can_be_told(person) for person in fitting):
        return f"{names} would fit: enter a contact method on a connected channel"
    return f"{names} would fit: look at shifts and certificates"


def _meant(site: SiteFacts, selector: Selector) -> str:
    """The nearest role or skill to one that nobody on the roster has."""
    people = site.roster.people
    roles, skills = {r for one in people for r in one.roles}, {s for one in people for s in one.skills}
    for what, name, names in (("role", selector.role, roles), ("skill", selector.skill, skills)):
        near = difflib.get_close_matches(name, sorted(names), n=1) if name and name not in names else []
        if near:
            return f"the {what} '{near[0]}'"
    return ""
