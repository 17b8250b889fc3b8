"""Where an agent's proposal decides by leaving people out."""

from authoring.check.looking import Look, Proof
from domain.language.definition import document_path
from domain.language.definition_rules import Problem
from domain.language.provenance import provenance

_ADVICE = "ask on the other way too, or show the proposal to somebody who is asked whatever it says"


def omission(look: Look) -> Proof:
    """Within a called definition it is told at the call."""
    for found in provenance(look.definition).left_out:
        own, _, called = found.path.partition(".call.")
        at = document_path(look.definition, own)
        yield Problem(at if called else (*at, found.field), found.message, found.code, "warning", _ADVICE)
