"""Where each value of a transaction comes from, with who answered, who decided and which system was asked when."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.origins import Origin, origins
from store.read import site
from store.tables import ContextFactRow, DecisionRow, ExceptionRow, LedgerRow, TaskRow


@dataclass(frozen=True)
class Provenance:
    """`tasks`, `decisions`: the last one by the step's name; `facts`: the first answer by query."""

    origins: Sequence[Origin] = ()
    tasks: dict[str, TaskRow] = field(default_factory=dict)
    decisions: dict[str, DecisionRow] = field(default_factory=dict)
    facts: dict[str, ContextFactRow] = field(default_factory=dict)


async def provenance(session: AsyncSession, row: LedgerRow, exception: ExceptionRow | None) -> Provenance:
    """Of a reversal: nothing, its values are the system's own."""
    definition = await site.definition(session, exception.version) if exception and not row.reverses else None
    if definition is None:
        return Provenance()
    asked_of = select(TaskRow).where(col(TaskRow.exception_id) == row.exception_id).order_by(col(TaskRow.opened_at))
    tasks = (await session.scalars(asked_of)).all()
    decided = select(DecisionRow).where(col(DecisionRow.exception_id) == row.exception_id)
    asked = select(ContextFactRow).where(col(ContextFactRow.exception_id) == row.exception_id)
    by_task = {one.id: one.step for one in tasks}
    decisions = (await session.scalars(decided.order_by(col(DecisionRow.at)))).all()
    facts = (await session.scalars(asked.order_by(col(ContextFactRow.at).desc()))).all()
    return Provenance(
        origins(definition, row.step),
        {task.step: task for task in tasks},
        {by_task[one.task_id]: one for one in decisions if one.task_id in by_task},
        {fact.source: fact for fact in facts},
    )
