"""What an option would change, said by the systems themselves before anybody decides."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from activities.contracts.model import Draft, SettleRequest, TellRequest
from activities.world import World
from connectors.roles import Previewer
from domain.asking.messages import Change, OptionCard, OptionPreview
from domain.books.booking import FieldChange
from domain.books.outcomes import OutcomeTransaction
from domain.books.trouble import as_text
from domain.errors import AuthError, ConfigError, MosError, OutcomeUnknownError, TransientError
from domain.ids import derived_id

Asking = TypeVar("Asking", TellRequest, SettleRequest)
_PATIENCE_S = 3.0
"""A person waits for the question: a system that is slower than this is said not to answer."""
MOST = 50
_AWAY = (TransientError, OutcomeUnknownError, AuthError, ConfigError, TimeoutError)


async def looked_ahead(world: World, request: Asking) -> Asking:
    """The request with what each of its options would change. Nothing is written anywhere; what is decided is looked at
    again before it is posted, so an option of which nobody answers may be approved all the same."""
    if not request.drafts:
        return request
    drafts, exception = request.drafts, request.projection.exception_id
    seen = await asyncio.gather(*(_preview(world, exception, draft) for draft in drafts))
    found: list[OptionCard] = []
    for option in request.options:
        mine = [one for one, draft in zip(seen, drafts, strict=True) if draft.option == option.id and one is not None]
        found.append(option.model_copy(update={"preview": _joined(mine)}) if mine else option)
    return request.model_copy(update={"options": found})


async def _preview(world: World, exception: str, draft: Draft) -> OptionPreview | None:
    """None: the system does not say, or takes no such posting."""
    system = world.systems.get(draft.system)
    if not isinstance(system, Previewer):
        return None
    about = {"id": derived_id("txn", exception, draft.step, draft.option), "exception_id": exception}
    key = f"{exception}:preview:{draft.step}:{draft.option}"
    try:
        transaction = OutcomeTransaction.model_validate(
            about | {"key": key, "system": draft.system, "outcomes": draft.outcomes}
        )
        async with asyncio.timeout(_PATIENCE_S):
            shown = await system.preview(transaction)
    except _AWAY:
        return OptionPreview(away=[draft.system])
    except (MosError, ValidationError):
        return None  # it is refused when it is posted, and said then
    changes = [change for one in shown.changes if (change := _change(one)).before != change.after]
    return OptionPreview(changes=changes[:MOST], total=len(changes))


def _change(one: FieldChange) -> Change:
    """As who decides reads it: the system's field names as words, records by their names where it knows them."""
    before = "" if one.created else one.before_name or as_text(one.before)
    field = one.field[:80].replace("_", " ")
    return Change(record=one.record[:120], field=field, before=before, after=one.after_name or as_text(one.after))


def _joined(seen: Sequence[OptionPreview]) -> OptionPreview:
    changes = [change for one in seen for change in one.changes]
    away = sorted({name for one in seen for name in one.away})
    return OptionPreview(changes=changes[:MOST], total=sum(one.total for one in seen), away=away)
