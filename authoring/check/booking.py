"""What is posted by a decision, held against what its outcomes say of themselves: whose authority it takes."""

from collections.abc import Iterator

from authoring.check.asked import chains, people
from authoring.check.authority import Matter
from authoring.check.facts import SiteFacts
from authoring.check.looking import Look, Placed, Proof
from domain.authority.matrix import holds
from domain.books.outcome_rules import DECLARATIONS
from domain.language.definition import ApproveStep, PostStep, TaskStep, step_name
from domain.language.definition_rules import Problem
from domain.rosters.people import Person

_CODE = "mos.post.authority"


def booking(look: Look) -> Proof:
    """Somebody decides under one authority, and by it books what is under another that they do not hold. What may stand
    under a standing authority needs no more than the decision. Nothing without a site."""
    if look.site is None:
        return
    asking = [placed for placed in look.steps if isinstance(placed.step, ApproveStep | TaskStep)]
    decisions = {step_name(placed.step): placed for placed in asking if placed.step.authority}
    for placed in look.steps:
        if isinstance(placed.step, PostStep) and (decision := decisions.get(placed.step.decision)):
            yield from _beyond(look, look.site, placed, decision)


def _beyond(look: Look, site: SiteFacts, placed: Placed, decision: Placed) -> Proof:
    own = decision.step.authority
    for kind, authority in _needed(placed.step):
        if authority == own:
            continue
        deciders = _deciders(look, site, decision)
        lacking = [person for person in deciders if not holds(site.authority, person, authority, site.begins)]
        if lacking:
            names = ", ".join(person.name for person in lacking[:3])
            message = f"{names} may decide '{own}' and so book {kind}, which is under '{authority}': not theirs"
            advice = f"give them '{authority}', or let somebody decide who holds it; it is posted all the same"
            yield Problem((*placed.at, "outcomes"), message, _CODE, "warning", advice)


def _needed(step: PostStep) -> list[tuple[str, str]]:
    """The first kind of each authority."""
    kinds = [kind for item in step.outcomes for kind in item if not DECLARATIONS[kind].protective]
    found: dict[str, str] = {}
    for kind in kinds:
        found.setdefault(DECLARATIONS[kind].authority, kind)
    return [(kind, authority) for authority, kind in found.items()]


def _deciders(look: Look, site: SiteFacts, decision: Placed) -> Iterator[Person]:
    seen = set[str]()
    for chain in chains(look, site, decision):
        matter = Matter(site, decision.step, next(iter(chain.areas)) if len(chain.areas) == 1 else "")
        for person in people(site, chain) if None not in chain.selectors else ():
            if person.id not in seen and matter.may(person):
                seen.add(person.id)
                yield person
