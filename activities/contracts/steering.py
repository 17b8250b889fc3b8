"""How people may steer a running exception, and what each way needs."""

AUTHORITY = "steer_exceptions"
KINDS = ("pause", "resume", "retry", "skip", "take_over", "hand_back", "close", "cancel", "migrate")
NEEDS_REASON = ("pause", "skip", "take_over", "close", "cancel", "migrate")
NEEDS_STEP = ("retry", "skip")
DECIDES = frozenset({"verdict", "option", "by", "at", "votes", "done_at", "done_by"})
"""Values by which a step under an authority says that it was decided: only an answer gives them, skipping doesn't."""
