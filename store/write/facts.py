"""What an exception was told by the systems and the decision layer, kept for replays."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.values import Json, content_hash
from store.tables import ContextFactRow
from store.write.values import one_or_many

_FACTS: Table = ContextFactRow.__table__  # type: ignore[attr-defined]


async def keep(
    session: AsyncSession, exception_id: str, answered: Sequence[tuple[str, dict[str, Json], Json]], at: datetime
) -> None:
    """(source, question, answer), each; the first answer to a question stays."""
    if not answered:
        return
    rows = {
        (source, digest): {
            "exception_id": exception_id,
            "source": source,
            "asked_hash": digest,
            "asked": asked,
            "value": value,
            "at": at,
        }
        for source, asked, value in answered
        if (digest := content_hash(asked))
    }
    await session.execute(insert(_FACTS).values(one_or_many(list(rows.values()))).on_conflict_do_nothing())
