"""Authority: can those who are asked decide it at all, are there enough of them, does four eyes leave somebody?"""

from dataclasses import dataclass

from authoring.check.asked import Chain, chains, people, those
from authoring.check.facts import SiteFacts
from authoring.check.looking import Look, Placed, Proof
from domain.authority.matrix import NOTHING, Asked, Granted, Impact, decide_authority, holds
from domain.language.definition import ApproveStep, TaskStep, step_name
from domain.language.definition_rules import Problem
from domain.rosters.people import ChannelName, Person

_CODE, _QUORUM, _FOUR_EYES = "mos.people.authority", "mos.people.quorum", "mos.people.four_eyes"
_CONSOLE = ChannelName.CONSOLE.value
Named = dict[str, Placed]


def authority(look: Look) -> Proof:
    """Every approval, and every task under an authority. Nothing without a site."""
    if look.site is None:
        return
    asking = {step_name(p.step): p for p in look.steps if isinstance(p.step, TaskStep | ApproveStep)}
    for placed in asking.values():
        if placed.step.authority:
            for chain in chains(look, look.site, placed):
                yield from _held(look, look.site, (placed, chain), asking)


def _held(look: Look, site: SiteFacts, asked: tuple[Placed, Chain], asking: Named) -> Proof:
    placed, chain = asked
    if None in chain.selectors:
        return
    step, area = placed.step, _area(chain)
    matter = Matter(site, step, area)
    holders = [person for person in people(site, chain) if matter.may(person)]
    if not holders:
        yield Problem(
            (*placed.at, "authority"),
            f"nobody who is asked here may decide '{step.authority}'{those(chain, site)}",
            _CODE, "error", _advice(matter),
        )  # fmt: skip
        return
    first = chain.selectors[0]
    if first is not None and not any(matter.may(person) for person in site.hours.fitting(first)):
        names = ", ".join(person.name for person in holders[:3])
        message = f"nobody asked first may decide '{step.authority}': only the ladder ({names})"
        yield Problem((*placed.at, "authority"), message, _CODE, "warning")
    if isinstance(step, ApproveStep):
        yield from _enough(look, site, (placed, holders), asking)


def _area(chain: Chain) -> str:
    """The area that counts when somebody answers is the equipment's; of several, one stands for all that are open."""
    return next(iter(chain.areas)) if len(chain.areas) == 1 else ""


@dataclass(frozen=True)
class Matter:
    """What is to be decided, by the site's matrix; figures that the step gives are taken to keep every limit, those
    that it does not give never do. Shifts are looked at when somebody decides."""

    site: SiteFacts
    step: TaskStep | ApproveStep
    area: str

    def may(self, person: Person) -> bool:
        matrix = self.site.authority
        shifts = frozenset(name for one in (matrix.grants if matrix else ()) for name in one.shifts)
        asked = Asked(self.step.authority, self.site.begins, self.impact, self.area, shifts, _CONSOLE, signed=True)
        return isinstance(decide_authority(matrix, person, asked), Granted)

    @property
    def impact(self) -> Impact:
        """Nothing where the step says what it moves, else unknown."""
        given = self.step.impact if isinstance(self.step, ApproveStep) else {}
        return NOTHING.model_copy(update={name: None for name in Impact.model_fields if name not in given})

    @property
    def unstated(self) -> list[str]:
        """Figures that grants for this action limit and the step does not give."""
        matrix = self.site.authority
        grants = [one for one in matrix.grants if one.action == self.step.authority] if matrix else []
        return sorted({name for grant in grants for name in grant.limits.exceeded(self.impact)})


def _enough(look: Look, site: SiteFacts, asked: tuple[Placed, list[Person]], asking: Named) -> Proof:
    placed, holders = asked
    step: ApproveStep = placed.step
    if len(holders) < step.quorum:
        message = f"{step.quorum} people must agree, and only {_people(holders)} may decide '{step.authority}' here"
        yield Problem((*placed.at, "quorum"), message, _QUORUM)
        return
    mine = {person.id for person in holders}
    others = [_could(look, site, asking[name]) & mine for name in step.not_by if name in asking]
    gone = set().union(*others)
    certain = {name for could in others if len(could) == 1 for name in could}
    for excluded, severity in ((certain, "error"), (set(sorted(gone)[: len(others)]), "warning")):
        if len(mine - excluded) < step.quorum:
            left = "nobody" if not mine - excluded else f"too few ({len(mine - excluded)} of {step.quorum})"
            message = f"four eyes leave {left} to decide this when {_people(holders)} did {', '.join(step.not_by)}"
            yield Problem((*placed.at, "not_by"), message, _FOUR_EYES, severity, _others(step.authority))
            return


def _could(look: Look, site: SiteFacts, placed: Placed) -> set[str]:
    """Who may come to do that step."""
    found = {person.id: person for chain in chains(look, site, placed) for person in people(site, chain)}
    needed = placed.step.authority
    return {name for name, person in found.items() if not needed or holds(site.authority, person, needed, site.begins)}


def _people(holders: list[Person]) -> str:
    return " and ".join(person.name for person in holders[:3])


def _advice(matter: Matter) -> str:
    holders = [person for person in matter.site.roster.people if matter.may(person)]
    if holders:
        return f"ask those who may, too: {', '.join(person.name for person in holders[:3])}"
    if matter.unstated:
        return f"grants limit {', '.join(matter.unstated)}: say in `impact` what the step moves"
    return f"give somebody the authority '{matter.step.authority}'"


def _others(authority: str) -> str:
    return f"give '{authority}' to one more person, or ask more people"
