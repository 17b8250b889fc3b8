"""The projection of a workflow's state, written in the transaction of the effect that it travels with.

What people did, and what came of it, is a fact for the auditor: its audit record is written with its line of the story.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from activities.contracts.story import Entry, Projection
from domain.values import Json
from store.write import exceptions

AUDITED = frozenset({"answer", "answer_refused", "closed", "control_refused", "signal", "step_failed", "superseded"})
"""Lines of the story that are facts for the auditor too. Who was asked what is written by the one who asks (`people`),
decisions, signatures and postings by theirs."""


async def write(session: AsyncSession, projection: Projection, **more: Json) -> None:
    """State (a higher `rev` wins) and timeline entries (each once). Idempotent."""
    entries = [
        {
            "entry": entry.number,
            "at": entry.at,
            "kind": entry.kind,
            "step": entry.step,
            "person": entry.person,
            "data": entry.data,
            "mark": entry.mark,
        }
        for entry in projection.entries
    ]
    values = {
        "handling": projection.handling,
        "condition": projection.condition,
        "priority": projection.priority,
        "version": projection.version,
        "milestones": projection.milestones,
        "state": projection.state,
        **more,
    }
    facts = {entry.number: {"running": projection.version} for entry in projection.entries if _is_audited(entry)}
    await exceptions.project(session, projection.exception_id, projection.rev, values, entries, facts)


def _is_audited(entry: Entry) -> bool:
    return entry.kind in AUDITED or entry.kind.startswith("control.")
