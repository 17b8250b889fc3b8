"""The authority matrix in force, delegations, what was shown and signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.authority.matrix import AuthorityMatrix, Delegation
from domain.rosters.people import Roster
from store.db import Database
from store.read import site as site_read
from store.tables import DelegationRow, ShownRow, SignatureRow


async def matrix(session: AsyncSession) -> AuthorityMatrix | None:
    """None when the site has published none: then the roster's authorities count, without limits."""
    if not await site_read.is_published(session, "authority"):
        return None
    return AuthorityMatrix.model_validate(await site_read.document(session, "authority"))


async def delegations(session: AsyncSession, person: str, at: datetime) -> list[Delegation]:
    """What is lent to this person at this moment."""
    statement = select(DelegationRow).where(
        col(DelegationRow.to_person) == person, col(DelegationRow.starts_at) <= at, *_standing(at)
    )
    return [as_delegation(row) for row in (await session.scalars(statement.order_by(col(DelegationRow.id)))).all()]


async def standing_delegations(session: AsyncSession, at: datetime) -> Sequence[DelegationRow]:
    """Those that run or are still to begin, the one that ends first at the top."""
    return (
        await session.scalars(select(DelegationRow).where(*_standing(at)).order_by(col(DelegationRow.ends_at)))
    ).all()


async def past_delegations(session: AsyncSession, at: datetime, limit: int = 20) -> Sequence[DelegationRow]:
    """The newest of those that are over."""
    over = or_(col(DelegationRow.ended_at).is_not(None), col(DelegationRow.ends_at) <= at)
    statement = select(DelegationRow).where(over).order_by(col(DelegationRow.id).desc()).limit(limit)
    return (await session.scalars(statement)).all()


def _standing(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(DelegationRow.ended_at).is_(None), col(DelegationRow.ends_at) > at)


def as_delegation(row: DelegationRow) -> Delegation:
    return Delegation(
        id=f"delegation:{row.id}",
        from_person=row.from_person,
        to_person=row.to_person,
        actions=tuple(row.actions),
        start=row.starts_at,
        end=row.ends_at,
        reason=row.reason,
    )


async def signature(session: AsyncSession, person: str, press: str) -> SignatureRow | None:
    """What this person signed with this very answer."""
    statement = select(SignatureRow).where(col(SignatureRow.person) == person, col(SignatureRow.press) == press)
    found: SignatureRow | None = await session.scalar(statement)
    return found


async def signatures(session: AsyncSession, exception_id: str) -> Sequence[SignatureRow]:
    """All of an exception, oldest first; those without a decision were not counted."""
    statement = select(SignatureRow).where(col(SignatureRow.exception_id) == exception_id)
    return (await session.scalars(statement.order_by(col(SignatureRow.at)))).all()


async def shown(session: AsyncSession, shown_hash: str) -> ShownRow | None:
    """What was shown under this hash."""
    return await session.get(ShownRow, shown_hash)


@dataclass(frozen=True)
class Reader:
    """What counts for one person who looks at tasks: the matrix, and which actions others lend them now."""

    matrix: AuthorityMatrix | None
    lent: frozenset[str]


async def of_reader(database: Database, person: str, at: datetime) -> Reader:
    """For one page."""
    async with database.transaction() as session:
        lent = await delegations(session, person, at)
        return Reader(await matrix(session), frozenset(action for one in lent for action in one.actions))


@dataclass(frozen=True)
class Overview:
    """The authority page: matrix and its version, everybody, delegations that run or are to come, and past ones."""

    matrix: AuthorityMatrix | None
    version: str
    roster: Roster
    standing: Sequence[DelegationRow]
    past: Sequence[DelegationRow]


async def overview(database: Database, at: datetime) -> Overview:
    """As of now. Raises NotFoundError before the first push."""
    async with database.transaction() as session:
        versions = await site_read.document_versions(session, "authority")
        return Overview(
            await matrix(session),
            versions[0] if versions else "",
            await site_read.roster(session),
            await standing_delegations(session, at),
            await past_delegations(session, at),
        )
