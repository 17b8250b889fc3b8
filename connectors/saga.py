"""A transaction whose system has none over several calls: steps in order, each with a derived key, undone in reverse.

Steps that already stand are found again by whoever does them, so the whole run may be repeated at any time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.books.outcomes import Receipt
from domain.errors import ConfigError, ConflictError, InvalidPayloadError, MosError, NotFoundError, RejectedError
from domain.values import Json

REFUSALS = (RejectedError, ConflictError, NotFoundError, InvalidPayloadError, ConfigError)
"""What another attempt cannot mend: earlier steps are undone. Every other error leaves them for the next attempt."""


@dataclass(frozen=True)
class Done:
    """A step that stands. `changed` False: it was so before, nothing is to be undone. `replayed`: an earlier attempt
    did it."""

    document: str
    raw: Json = None
    replayed: bool = False
    changed: bool = True


Step = TypeVar("Step")
Do = Callable[[Step, str], Awaitable[Done]]
Undo = Callable[[Step, str, Done], Awaitable[bool]]
"""Takes a step back (under its key with `.undo`); False where it can't be."""


def step_keys(key: str, count: int) -> list[str]:
    """The keys of a transaction's steps. The last is the plain key: it exists only when all are done."""
    return [*(f"{key}.{number}" for number in range(1, count)), key]


async def run(key: str, steps: Sequence[Step], do: Do[Step], undo: Undo[Step]) -> Receipt:
    """A receipt with one document a step. When a step is refused, the earlier ones are undone in reverse order and the
    refusal is raised with what was undone and what still stands."""
    stood: list[tuple[Step, str, Done]] = []
    for step, step_key in zip(steps, step_keys(key, len(steps)), strict=True):
        try:
            stood.append((step, step_key, await do(step, step_key)))
        except REFUSALS as error:
            if any(done.changed for _, _, done in stood):
                raise await _taken_back(stood, undo, error) from error
            raise
    done = [entry[2] for entry in stood]
    ours = [one for one in done if one.changed]
    documents = list(dict.fromkeys(one.document for one in done))
    replayed = bool(ours) and all(one.replayed for one in ours)
    return Receipt(key=key, documents=documents, replayed=replayed, raw=[one.raw for one in done])


async def _taken_back(stood: Sequence[tuple[Step, str, Done]], undo: Undo[Step], error: MosError) -> MosError:
    """The refusal, with what became of the earlier steps. A TransientError or OutcomeUnknownError of an undo goes
    through: the whole transaction is tried again, and undone again."""
    undone: list[str] = []
    stands: list[str] = []
    for step, key, done in reversed(stood):
        if done.changed:
            (undone if await _undo(undo, step, key, done) else stands).append(done.document)
    said = [error.detail or error.message]
    said += [f"undone: {', '.join(undone)}"] if undone else []
    said += [f"still stands, undo it there: {', '.join(stands)}"] if stands else []
    return type(error)(error.message, detail="; ".join(said), code=error.code)


async def _undo(undo: Undo[Step], step: Step, key: str, done: Done) -> bool:
    try:
        return await undo(step, f"{key}.undo", done)
    except REFUSALS:
        return False
