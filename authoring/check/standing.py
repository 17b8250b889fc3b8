"""What a definition posts without a decision: within limits that somebody thought of."""

from types import SimpleNamespace

from authoring.check.looking import Look, Proof
from domain.books.outcome_rules import DECLARATIONS
from domain.language.definition import PostStep
from domain.language.definition_rules import Problem


def standing(look: Look) -> Proof:
    """A standing authority without any limit, and one with a limit on what nobody knows."""
    granted = look.definition.standing_authority
    if granted is None:
        return
    yield from _unknown(look, {name for name in ("quantity", "money") if getattr(granted.limits, name) is not None})
    if granted.limits.limits_anything:
        return
    message = "this may post any number of times without a decision: a faulty signal would, too"
    advice = "give it limits: {per_hour: 20, per_day: 100}; what is beyond waits for somebody's decision"
    yield Problem(("standing_authority",), message, "mos.standing.unlimited", "warning", advice)


def _unknown(look: Look, limited: set[str]) -> Proof:
    """A figure that an outcome does not declare is over every limit: its posting would always wait."""
    for placed in look.steps:
        if not isinstance(placed.step, PostStep) or not placed.step.standing:
            continue
        for kind, values in (pair for item in placed.step.outcomes for pair in item.items()):
            impact = DECLARATIONS[kind].impact(
                SimpleNamespace(**{"lot": "", "quantity": 0, **(values if isinstance(values, dict) else {})})
            )
            for name in sorted(limited):
                if getattr(impact, name) is None:
                    message = f"always beyond the limit on {name}: how much {name} a {kind} moves is not known"
                    advice = "leave that limit out" + (", or name a `quantity`" if name == "quantity" else "")
                    yield Problem(placed.at, message, "mos.standing.unknown", "warning", advice)
