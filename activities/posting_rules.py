"""On what ground a transaction may be posted, and what keeps it from going on."""

from sqlalchemy.ext.asyncio import AsyncSession

from activities.world import World
from domain.books.booking import FieldChange, Preview
from domain.books.ledger import Held
from domain.errors import RejectedError
from store.read import site as site_read
from store.tables import DecisionRow, LedgerRow


class WaitingError(Exception):
    """Not now; `held` says why and until when. None: until somebody approves it."""

    def __init__(self, held: Held | None) -> None:
        super().__init__(f"it waits: {held.why if held else 'for an approval'}")
        self.held = held


class SentBackError(Exception):
    """What it rests on has changed in the system; `changes` from what was shown to what stands `now`. `harmless`: the
    record has changed, but nothing that was shown."""

    def __init__(self, changes: list[FieldChange], now: Preview | None, why: str, *, harmless: bool = False) -> None:
        super().__init__(why)
        self.message, self.changes, self.now, self.harmless = why, changes, now, harmless


async def ground(world: World, row: LedgerRow) -> None:
    """Nothing is posted without a decision, a standing authority that covers it, or a reversal that somebody else
    approved. Raises RejectedError."""
    async with world.database.transaction() as session:
        if row.reverses:
            if not row.approved_by or row.approved_by == row.requested_by:
                raise RejectedError("A reversal needs the approval of somebody else than who asked for it.")
        elif row.standing_version:
            await _standing(session, row)
        elif await session.get(DecisionRow, row.decision) is None:
            raise RejectedError("Nothing is posted without a decision: there is none of this name.")


async def _standing(session: AsyncSession, row: LedgerRow) -> None:
    signed = await site_read.definition(session, row.standing_version)
    covered = signed.standing_authority.outcomes if signed and signed.standing_authority else []
    beyond = sorted({outcome["kind"] for outcome in row.outcomes} - set(covered))
    if beyond:
        raise RejectedError(f"The standing authority of this version does not cover {', '.join(beyond)}.")
