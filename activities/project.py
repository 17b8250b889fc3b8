"""The projection of a workflow's state, written in the transaction of the effect that it travels with."""

from sqlalchemy.ext.asyncio import AsyncSession

from activities.contracts.model import Projection
from domain.values import Json
from store.write import exceptions


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
        }
        for entry in projection.entries
    ]
    values = {
        "handling": projection.handling,
        "condition": projection.condition,
        "milestones": projection.milestones,
        "state": projection.state,
        **more,
    }
    await exceptions.project(session, projection.exception_id, projection.rev, values, entries)
