"""What a definition posts without a decision: within limits that somebody thought of."""

from authoring.check.looking import Look, Proof
from domain.language.definition_rules import Problem


def standing(look: Look) -> Proof:
    """A standing authority without any limit, and one whose limits are none of the day."""
    granted = look.definition.standing_authority
    if granted is None or granted.limits.limits_anything:
        return
    message = "this may post any number of times without a decision: a faulty signal would, too"
    advice = "give it limits: {per_hour: 20, per_day: 100}; what is beyond waits for somebody's decision"
    yield Problem(("standing_authority",), message, "mos.standing.unlimited", "warning", advice)
