"""Postings driven through a wire that breaks, as the ledger drives them: after an unsure answer the key is looked up.

A driver may be killed before, in or after any of its exchanges (its task is cancelled and a new one starts with nothing
but the transaction), and some postings have two drivers at once, as after a worker that was taken for dead.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from connectors.roles import System
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.errors import AuthError, ConflictError, InvalidPayloadError, OutcomeUnknownError, TransientError
from tests.chaos.mortal import Life, lived

ATTEMPTS = 200
DRIVERS = 8
_AGAIN = (TransientError, OutcomeUnknownError, AuthError, InvalidPayloadError)


@dataclass
class Story:
    """What it took: attempts of posting, lookups, deaths of drivers; how many are settled, and the receipts, by key."""

    done: int = 0
    attempts: int = 0
    lookups: int = 0
    killed: int = 0
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)


async def settle(system: System, transaction: OutcomeTransaction, story: Story) -> Receipt:
    """Post until it is known what became of it. A repeat is only ever sent after the key was looked up."""
    for attempt in range(ATTEMPTS):
        try:
            if attempt:
                story.lookups += 1
                if found := await system.find(transaction.key):
                    return found
            story.attempts += 1
            return await system.post(transaction)
        except _AGAIN:
            await asyncio.sleep(0.002 * min(attempt, 25))
        except ConflictError:  # the other driver's posting is being committed: the lookup will tell
            if attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.01)
    raise AssertionError(f"{transaction.key} is not settled after {ATTEMPTS} attempts")


async def drive(
    systems: Sequence[System],
    transactions: Sequence[OutcomeTransaction],
    chance: random.Random,
    harm: Callable[[int], Awaitable[None]] | None = None,
    *,
    share: float = 0.2,
    story: Story | None = None,
) -> Story:
    """Settle all: a `share` of them by two drivers at once, as many by drivers that are killed. `harm` is told how many
    are done. `story`: the one to go on with."""
    story, room = story or Story(), asyncio.Semaphore(DRIVERS)

    async def one(transaction: OutcomeTransaction, twice: bool, life: Life | None) -> None:
        async with room:
            if life and not await lived(settle(systems[0], transaction, story), life):
                story.killed += 1
            both = [settle(system, transaction, story) for system in systems[: 2 if twice else 1]]
            story.receipts[transaction.key] = list(await asyncio.gather(*both))
        story.done += 1
        if harm is not None:
            await harm(story.done)

    draws = [(chance.random() < share, Life.drawn(chance) if chance.random() < share else None) for _ in transactions]
    pairs = zip(transactions, draws, strict=True)
    await asyncio.gather(*(one(transaction, *draw) for transaction, draw in pairs))
    return story
