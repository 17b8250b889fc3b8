"""Home tabs in Slack: which are open, and which show tasks that have changed since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import SlackHomeRow

_HOMES = text(
    """
    SELECT account, person, now_seen FROM (
        SELECT home.account, home.person, home.seen, home.next_at, coalesce(md5(string_agg(
            concat_ws(' ', task.id, task.version, task.standing, task.person), ',' ORDER BY task.id)), '') AS now_seen
        FROM slack_home AS home
        LEFT JOIN (
            SELECT task.id, task.version, task.standing, task.person, asked.person AS reader
            FROM task, jsonb_array_elements_text(task.asked) AS asked (person) WHERE task.closed_at IS NULL
        ) AS task ON task.reader = home.person
        WHERE CAST(:account AS text) IN ('', home.account)
        GROUP BY home.account
    ) AS found
    WHERE CAST(:account AS text) <> '' OR (seen <> now_seen AND next_at <= :now)
    ORDER BY next_at LIMIT :limit
    """
)


@dataclass(frozen=True)
class Stale:
    """A home tab that shows what is not so any more; `seen` is what it shows once it is drawn anew."""

    account: str
    person: str
    seen: str


async def opened(session: AsyncSession, account: str, person: str, now: datetime, rest: datetime) -> None:
    """It is drawn now; not again before `rest`."""
    values = {"account": account, "person": person, "seen": "", "opened_at": now, "next_at": rest}
    fresh = insert(SlackHomeRow).values(values)
    again = fresh.on_conflict_do_update(
        index_elements=["account"], set_={"person": person, "opened_at": now, "next_at": rest}
    )
    await session.execute(again)
    found = (await session.execute(_HOMES, {"account": account, "now": now, "limit": 1})).one()
    await drawn(session, account, found.now_seen, rest)


async def changed(session: AsyncSession, now: datetime, limit: int) -> Sequence[Stale]:
    """Those to be drawn anew, those that have waited longest first."""
    rows = await session.execute(_HOMES, {"account": "", "now": now, "limit": limit})
    return [Stale(row.account, row.person, row.now_seen) for row in rows]


async def drawn(session: AsyncSession, account: str, seen: str, rest: datetime) -> None:
    """It shows this now."""
    mine = update(SlackHomeRow).where(col(SlackHomeRow.account) == account)
    await session.execute(mine.values(seen=seen, next_at=rest))


async def forget(session: AsyncSession, account: str) -> None:
    """Nobody's any more: it is drawn again when it is opened."""
    await session.execute(delete(SlackHomeRow).where(col(SlackHomeRow.account) == account))
