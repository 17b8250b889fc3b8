"""What identity leaves for the auditor."""

from datetime import datetime

from domain.values import Json


def fact(now: datetime, kind: str, person: str, *, by: str = "", **data: Json) -> dict[str, Json]:
    """An audit row about a person, who also did it unless `by` says who; empty values are left out."""
    kept = {name: value for name, value in data.items() if value not in ("", None)}
    return {"at": now, "kind": kind, "actor": (by or person)[:100], "subject": person[:100], "data": kept}
