"""A decision with several outcomes for a system that has no transaction over all of them: its parts, sent one after the
other in the declared order, and taken back in reverse order when one is refused. Pure.

    waiting -> posting -> posted -> reversed
                  |  \\-> unknown (looked up by its key until it is known)
               refused
"""

from collections.abc import Sequence
from enum import StrEnum

from domain.books.booking import FieldChange, Preview
from domain.books.outcome_rules import DECLARATIONS
from domain.books.outcomes import Outcome

APPROVED_BY_RULE = "mos:saga"
"""Who approves a way back that the vocabulary marks as safe (docs/adr/0018-saga.md)."""
REQUESTED_BY = "mos"


class PartState(StrEnum):
    WAITING = "waiting"
    POSTING = "posting"
    UNKNOWN = "unknown"
    POSTED = "posted"
    REFUSED = "refused"
    REVERSED = "reversed"


def part_key(key: str, number: int, attempt: int) -> str:
    """The key of part `number` (from 1). What was taken back is posted anew under another key."""
    return f"{key}/{number}" + (f"~{attempt}" if attempt > 1 else "")


def has_way_back(outcomes: Sequence[Outcome]) -> bool:
    """Is there anything that a posting of ours could take back? A note stays."""
    return any(DECLARATIONS[outcome.kind].way_back != "none" for outcome in outcomes)


def undone_alone(outcomes: Sequence[Outcome]) -> bool:
    """May they be taken back without a person, as part of the decision that failed?"""
    return all(DECLARATIONS[outcome.kind].undone_alone for outcome in outcomes)


def excerpt(shown: Preview, start: int, count: int) -> Preview:
    """What a preview of the whole says of the outcomes from `start`."""
    mine = [change for change in shown.changes if start <= change.outcome < start + count]
    changes = [change.model_copy(update={"outcome": change.outcome - start}) for change in mine]
    return Preview(changes=changes, versions=shown.versions)


def inserted(shown: Preview, now: Preview, start: int, count: int) -> Preview:
    """The preview of the whole with these outcomes as they stand now. Versions are read anew before anything is sent:
    what was posted already is taken back first, which changes them."""
    kept = [change for change in shown.changes if not start <= change.outcome < start + count]
    fresh = [change.model_copy(update={"outcome": change.outcome + start}) for change in now.changes]
    return Preview(changes=sorted(kept + fresh, key=_outcome), notes=now.notes)


def _outcome(change: FieldChange) -> int:
    return change.outcome
