"""The ledger against the system's own tables, both ways: what is a difference, and which of our transactions it is
about. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.books.booking import Booked, FieldStanding, ReadBack, token_of
from domain.books.ledger import State
from domain.values import content_hash

_TOKEN = re.compile("[A-Z2-7]{8,}")  # what `token_of` makes
_STEP = re.compile(
    r"^(?P<key>.+?)(?:/\d+(?:~\d+)?)?(?:\.\d+)?(?:\.undo)?$"
)  # `key/2~1` a part, `key.1`, `key.undo` a step
STANDS = frozenset({State.POSTED, State.RECONCILED, State.DIFFERS})
"""What is read back: in the system's books, and nothing has taken it back."""
_NEVER = frozenset({State.REJECTED, State.DEAD_LETTERED, State.DRY_RUN})


class Kind(StrEnum):
    """What differs."""

    CHANGED = "changed"  # posted, and something else stands there now
    MISSING = "missing"  # posted, and the system knows it no more
    UNBOOKED = "unbooked"  # it stands in the system, and the ledger says that it was never posted
    STRANGER = "stranger"  # it carries a key of ours, and no transaction has that key


class Difference(BaseModel):
    """`system`, `kind` and `key` say which one it is. `transaction`, `exception`: empty for a stranger; `fields`: those
    that hold something else than was posted; `booked_at`: when the system says that it was written there."""

    model_config = ConfigDict(frozen=True)

    system: str
    kind: Kind
    key: str
    transaction: str = ""
    exception: str = ""
    documents: list[str] = []
    fields: list[FieldStanding] = []
    booked_at: AwareDatetime | None = None

    @property
    def digest(self) -> str:
        """Of what stands: the same again is no news, another value is."""
        return content_hash([field.model_dump(mode="json") for field in self.fields])


class Known(BaseModel):
    """A transaction of the ledger, as far as its key says."""

    model_config = ConfigDict(frozen=True)

    id: str
    key: str
    system: str
    status: str
    exception: str = ""
    documents: list[str] = []


def differs(known: Known, found: ReadBack) -> Difference | None:
    """From the ledger to the system: what `found` stands there now, but for what later transactions of ours have set
    anew."""
    if found.known and not found.changed:
        return None
    return Difference(
        kind=Kind.CHANGED if found.known else Kind.MISSING,
        system=known.system,
        key=known.key,
        transaction=known.id,
        exception=known.exception,
        documents=known.documents,
        fields=found.changed if found.known else [],
    )


def stamps(booked: Iterable[Booked]) -> set[str]:
    """The keys that the ledger has to be asked for: those of the system, and what they are steps of."""
    return {key for one in booked for key in (one.key, _plain(one.key))}


def tokens(booked: Iterable[Booked]) -> dict[int, set[str]]:
    """Those that a vendor's short field holds in place of a key, by length."""
    found: dict[int, set[str]] = {}
    for one in booked:
        if _TOKEN.fullmatch(one.key):
            found.setdefault(len(one.key), set()).add(one.key)
    return found


def by_stamp(known: Iterable[Known], wanted: Mapping[int, set[str]]) -> Iterator[tuple[str, Known]]:
    """The transactions that these tokens stand for."""
    for one in known:
        for length, short in wanted.items():
            if (token := token_of(one.key, length)) in short:
                yield token, one


def unexplained(system: str, booked: Sequence[Booked], known: Mapping[str, Known]) -> list[Difference]:
    """From the system to the ledger: what stands there and is not in the books here. `known`: by key or token.

    The step or part of a transaction is never one: what became of it is told with the transaction.
    """
    found: dict[str, Difference] = {}
    for one in booked:
        ours = known.get(one.key)
        if ours is None and _plain(one.key) in known:
            continue
        if ours is None or ours.system != system:
            about: dict[str, str] = {}
            kind = Kind.STRANGER
        elif ours.status in _NEVER:
            about = {"transaction": ours.id, "exception": ours.exception}
            kind = Kind.UNBOOKED
        else:
            continue  # in the books of both, or under way: its own workflow looks it up
        told = Difference(system=system, kind=kind, key=one.key, documents=one.documents, booked_at=one.at, **about)
        first = found.setdefault(one.key, told)
        if first is not told:
            found[one.key] = first.model_copy(update={"documents": [*first.documents, *told.documents]})
    return list(found.values())


def _plain(key: str) -> str:
    match = _STEP.match(key)
    return match["key"] if match else key
