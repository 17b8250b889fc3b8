"""One definition, all proofs."""

from collections.abc import Callable, Mapping

from authoring.check.authority import authority
from authoring.check.booking import booking
from authoring.check.calls import bundled, calls
from authoring.check.facts import SiteFacts
from authoring.check.flow import flow
from authoring.check.growth import growth
from authoring.check.languages import languages
from authoring.check.looking import Look, Proof
from authoring.check.messages import messages
from authoring.check.omission import omission
from authoring.check.overlap import openings, overlap
from authoring.check.reach import reach
from authoring.check.standing import standing
from authoring.check.systems import systems
from authoring.check.unread import unread
from authoring.check.waits import waits
from domain.language.definition import Definition, Opens
from domain.language.definition_rules import Problem, problems
from domain.language.definition_text import Finding, place, shape
from domain.queries import VOCABULARY, Vocabulary
from domain.typing.definitions import type_problems
from domain.typing.scopes import Scopes
from templates.text import text_faults

PROOFS: tuple[Callable[[Look], Proof], ...] = (
    flow, omission, waits, unread, growth, standing, languages, messages, reach, authority, booking, systems,
)  # fmt: skip
"""Those that a right definition still may fail; the last four say nothing without a site."""
_ORDER = {"error": 0, "warning": 1, "note": 2}


def check(
    text: str,
    file: str = "definition.yaml",
    site: SiteFacts | None = None,
    others: Mapping[str, Definition] | None = None,
    vocabulary: Vocabulary = VOCABULARY,
    opening: Mapping[str, Opens] | None = None,
) -> list[Finding]:
    """Everything found in a definition, in the order of its lines.

    `others`: the definitions that it may call, by name; None = not known, nothing is said about calls. `opening`: when
    those that are in force beside it open; by default the others. Names and types come first: while one of them is
    wrong, the proofs are not tried.
    """
    return examine(text, file, site, others, vocabulary, opening)[1]


def examine(
    text: str,
    file: str,
    site: SiteFacts | None = None,
    others: Mapping[str, Definition] | None = None,
    vocabulary: Vocabulary = VOCABULARY,
    opening: Mapping[str, Opens] | None = None,
) -> tuple[Definition | None, list[Finding]]:
    """The same with the definition as far as it could be read (without those that it calls)."""
    definition, marks, found = shape(text, file)
    if definition is None:
        return None, found
    beside = openings({}, others) if opening is None else opening
    wrong = list(_problems(definition, site, others, vocabulary, beside))
    placed = dict.fromkeys(place(marks, problem) for problem in wrong)
    return definition, sorted(placed, key=lambda one: (one.line, _ORDER.get(one.severity, 9), one.column))


def _problems(
    definition: Definition,
    site: SiteFacts | None,
    others: Mapping[str, Definition] | None,
    vocabulary: Vocabulary,
    opening: Mapping[str, Opens],
) -> Proof:
    if definition.bundled:
        yield Problem(("bundled",), "publishing fills 'bundled' in: leave it out", "mos.definition.bundled")
        return
    whole = bundled(definition, others) if others else definition
    scopes = Scopes(whole, vocabulary)
    found = [*problems(whole), *type_problems(whole, text_faults, scopes)]
    found += calls(definition, others) if others is not None else []
    yield from found
    if any(problem.severity == "error" for problem in found):
        return
    look = Look(scopes, site)
    for proof in PROOFS:
        yield from proof(look)
    yield from overlap(look, opening)
