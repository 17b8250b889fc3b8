"""How far a standing authority goes. Pure."""

from domain.authority.matrix import Impact, Limits
from domain.language.definition import StandingLimits


def beyond(limits: StandingLimits, hour: int, day: int, impact: Impact) -> list[str]:
    """The limits that one posting more would break; `hour`, `day`: how many the definition drafted before it in the
    last hour and day. A figure that is not known is over every limit on it."""
    counts = (("per_hour", limits.per_hour, hour), ("per_day", limits.per_day, day))
    over = [name for name, limit, before in counts if limit is not None and before >= limit]
    return over + Limits(money=limits.money, quantity=limits.quantity).exceeded(impact)
