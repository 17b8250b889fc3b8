"""On what ground a transaction may be posted, and what keeps it from going on."""

from sqlalchemy.ext.asyncio import AsyncSession

from activities.world import World
from connectors.roles import LooksUp, System
from domain.authority.matrix import impact_of
from domain.books import standing
from domain.books.booking import FieldChange, Preview
from domain.books.ledger import Held
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.books.saga import APPROVED_BY_RULE, undone_alone
from domain.errors import RejectedError
from store.read import site as site_read
from store.read.books import ledger as ledger_read
from store.read.books import parts
from store.tables import DecisionRow, LedgerPartRow, LedgerRow


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


def part_transaction(row: LedgerRow, part: LedgerPartRow) -> OutcomeTransaction:
    """A part as the system is given it: a transaction with a key of its own."""
    drafted = {"id": row.id, "key": part.key, "exception_id": row.exception_id, "system": row.system}
    return OutcomeTransaction.model_validate(drafted | {"outcomes": part.outcomes, "decision": row.decision})


async def looked_up(system: System, transaction: OutcomeTransaction) -> Receipt | None:
    """What became of it, by its key, or by what was to be posted where the system keeps no keys."""
    if isinstance(system, LooksUp):
        return await system.look_up(transaction)
    return await system.find(transaction.key)


class BeyondError(SentBackError):
    """A standing authority does not go so far: somebody has to decide it."""


async def ground(world: World, row: LedgerRow) -> None:
    """Nothing is posted without a decision, a standing authority that covers it, or a reversal that somebody else
    approved. Raises RejectedError, BeyondError."""
    async with world.database.transaction() as session:
        if row.reverses:
            if row.approved_by == APPROVED_BY_RULE:
                await _by_rule(session, row)
            elif not row.approved_by or row.approved_by == row.requested_by:
                raise RejectedError("A reversal needs the approval of somebody else than who asked for it.")
        elif row.standing_version:
            await _standing(session, row)
        elif await session.get(DecisionRow, row.decision) is None:
            raise RejectedError("Nothing is posted without a decision: there is none of this name.")


async def _by_rule(session: AsyncSession, row: LedgerRow) -> None:
    """The rule covers a part of a decision that failed, and what the vocabulary marks."""
    taken_back = await parts.taken_back_by(session, row)
    alone = [undone_alone(part_transaction(row, part).outcomes) for part in taken_back if part.reversal == row.id]
    if alone != [True]:
        raise RejectedError("The rule does not cover this way back: it needs a person's approval.")


async def _standing(session: AsyncSession, row: LedgerRow) -> None:
    signed = await site_read.definition(session, row.standing_version)
    covered = signed.standing_authority.outcomes if signed and signed.standing_authority else []
    beyond = sorted({outcome["kind"] for outcome in row.outcomes} - set(covered))
    if beyond:
        raise RejectedError(f"The standing authority of this version does not cover {', '.join(beyond)}.")
    if signed and signed.standing_authority:
        counted = await ledger_read.standing_before(session, row)
        over = standing.beyond(signed.standing_authority.limits, *counted, impact_of(row.impact or {}))
        if over:
            shown = Preview.model_validate(row.preview) if row.preview else None
            told = ", ".join(name.replace("_", " ") for name in over)
            raise BeyondError([], shown, f"The standing authority of {row.definition} does not go so far ({told}).")
