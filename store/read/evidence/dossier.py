"""All that an auditor needs of one exception, in one consistent reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from domain.audit.chain import Head
from domain.site import Site
from store.db import Database
from store.read import console
from store.read.console import Page
from store.read.evidence import audit, media
from store.read.evidence.audit import Found
from store.tables import ContextFactRow, DefinitionRow, InboxRow, PictureRow, ShownRow

_MOST = 2000
_PICTURES, _PICTURE_BYTES = 24, 20_000_000  # are printed; what is beyond is named


@dataclass(frozen=True)
class Dossier:
    """`records`: its part of the audit, with seals; `head`: the newest signature over them; `pictures`: those of the
    page's that are printed."""

    page: Page
    site: Site
    definition: DefinitionRow | None
    signals: Sequence[InboxRow]
    facts: Sequence[ContextFactRow]
    shown: Sequence[ShownRow]
    records: Sequence[Found]
    head: Head | None
    pictures: Sequence[PictureRow] = ()


async def dossier(database: Database, exception_id: str) -> Dossier | None:
    """Oldest first; None when there is no such exception."""
    page = await console.exception_page(database, exception_id)
    if page is None:
        return None
    tasks = [task.id for task in page.tasks]
    subjects = [exception_id, *tasks, *(one.id for one in page.decisions), *(one.id for one in page.ledger)]
    site = await console.site(database)
    async with database.transaction() as session:

        async def rows(table: Any, *conditions: Any, order: Any) -> Sequence[Any]:
            return (await session.scalars(select(table).where(*conditions).order_by(order).limit(_MOST))).all()

        mine = col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == "signal"
        versions = select(DefinitionRow).where(col(DefinitionRow.version) == page.exception.version)
        return Dossier(
            page,
            site,
            await session.scalar(versions),
            await rows(InboxRow, *mine, order=col(InboxRow.seq)),
            await rows(ContextFactRow, col(ContextFactRow.exception_id) == exception_id, order=col(ContextFactRow.at)),
            await rows(ShownRow, col(ShownRow.task_id).in_(tasks), order=col(ShownRow.at)),
            await audit.of_subjects(session, subjects, _MOST),
            await audit.last_head(session),
            await media.printed(session, page.pictures, _PICTURES, _PICTURE_BYTES),
        )
