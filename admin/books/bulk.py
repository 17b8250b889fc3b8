"""The same about many dead letters at once: what a system that was closed for a while has left. Each is one deed, with
the rules, the transaction and the audit record that it has alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from admin.actors import may
from admin.books.deciding import Deed
from admin.books.ledger import AUTHORITY, reasoned, retry, write_off
from domain.errors import InvalidPayloadError, MosError
from store.db import Database

MOST = 500


class Way(StrEnum):
    RETRY = "retry"
    WRITE_OFF = "write_off"


@dataclass
class Answer:
    """What was done, and what was refused with why, in the order in which it was asked for."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


async def see_to(database: Database, transactions: Sequence[str], way: Way, deed: Deed) -> Answer:
    """Try all of these again, or write them off, with one reason. What one refuses keeps no other back.

    Raises NotAllowedError and InvalidPayloadError (no reason, too many) before anything is done."""
    deed, wanted = reasoned(deed, needed=True), list(dict.fromkeys(transactions))
    if not 0 < len(wanted) <= MOST:
        raise InvalidPayloadError(f"Choose between one and {MOST} transactions.")
    async with database.transaction() as session:
        await may(session, deed.by, AUTHORITY)
    answer = Answer()
    for name in wanted:
        try:
            await (retry if way is Way.RETRY else write_off)(database, name, deed)
        except MosError as error:
            answer.refused.append((name, error.message))
        else:
            answer.done.append(name)
    return answer
