"""Writing to people once more about a task that they know, and telling the site's owner that nobody is left to ask."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.contracts.asking import OwnerCall
from activities.contracts.model import SettleRequest, TellRequest
from activities.contracts.story import Projection
from domain.rosters.people import Person
from domain.signals import RawSignal, SignalType
from domain.values import Json
from store.read.messages import tasks as tasks_read
from store.write import exceptions, inbox

OWN = "mos"


async def keep_asked(session: AsyncSession, request: TellRequest, people: list[Person]) -> None:
    """Whoever is written to may answer."""
    known = await tasks_read.by_id(session, request.task_id)
    fresh = {person.id for person in people} - set(known.asked if known else ())
    if known is not None and fresh:
        await exceptions.update_task(session, known.id, asked=sorted({*known.asked, *fresh}))


async def call_owner(
    session: AsyncSession, request: TellRequest | SettleRequest, title: str, now: datetime, *, found: bool
) -> None:
    """A signal of its own in the same transaction, once for each task."""
    owner = request.owner
    if owner is not None and (owner.always or not found):
        raw = _nobody(request.task_id, request.name, request.wording.definition, title, request.projection, owner, now)
        await inbox.add_signals(session, [raw], now)


def _nobody(
    task: str, step: str, definition: str, title: str, projection: Projection, owner: OwnerCall, now: datetime
) -> RawSignal:
    body: dict[str, Json] = {
        "task": task,
        "step": step,
        "definition": definition,
        "title": title[:200],
        "of": projection.exception_id,
        "urgency": projection.priority,
        "equipment": owner.equipment,
    }
    kind = SignalType.NOBODY_TO_ASK.value
    return RawSignal(source=OWN, event_id=f"nobody:{task}", kind=kind, body=body, occurred_at=now)
