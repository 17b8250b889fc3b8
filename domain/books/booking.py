"""What a system says of a transaction before and after it is posted: field by field, in its own records."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.values import Json


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldChange(_Said):
    """One field of one record of the system. `record` is what its people look for ("production JO-1001"); `before` None
    and `created` True: the record is made by the posting. Values are JSON as people read them (ISO 8601 times);
    `before_name` and `after_name`: what people call a record of which the value is only the system's own number."""

    record: str
    field: str
    before: Json = None
    after: Json = None
    created: bool = False
    outcome: int = 0  # which outcome of the transaction asks for it, from 0
    before_name: str = ""
    after_name: str = ""


class Preview(_Said):
    """What posting would change, said by the system itself and without changing anything. `versions`: record -> version
    token, as read; the re-check compares them. `notes`: what people should know and no field says."""

    changes: list[FieldChange] = []
    versions: dict[str, str] = {}
    notes: list[str] = []


class FieldStanding(_Said):
    """A field that the posting set: what it set, and what stands now."""

    record: str
    field: str
    posted: Json = None
    stands: Json = None


class ReadBack(_Said):
    """What stands now of a posting. `known`: the system still has the posting (its key or documents)."""

    known: bool
    fields: list[FieldStanding] = []

    @property
    def changed(self) -> list[FieldStanding]:
        """Fields that no longer hold what was posted."""
        return [field for field in self.fields if not _same(field.posted, field.stands)]


class Booked(_Said):
    """A posting as it stands in the system's own tables, with the key that it was stamped with (ours, or a short token
    of it: `domain.books.booking.token_of`)."""

    key: str
    at: datetime
    documents: list[str] = []


def _same(posted: Json, stands: Json) -> bool:
    """A time that the system keeps to the second is the one that was posted."""
    if posted == stands:
        return True
    if not isinstance(posted, str) or not isinstance(stands, str):
        return False
    try:
        ours, theirs = datetime.fromisoformat(posted), datetime.fromisoformat(stands)
    except ValueError:
        return False
    aware = ours.tzinfo is not None and theirs.tzinfo is not None
    return aware and not theirs.microsecond and ours.replace(microsecond=0) == theirs


def drift(shown: Preview, now: Preview) -> list[FieldChange]:
    """What changed in the system between two previews of one transaction: `before` as it was shown, `after` as it
    stands now. Records that the posting itself would make can't drift."""
    then, today = _starts(shown.changes), _starts(now.changes)
    names = dict.fromkeys([*then, *today])
    return [
        FieldChange(record=record, field=field, before=then.get((record, field)), after=today.get((record, field)))
        for record, field in names
        if then.get((record, field)) != today.get((record, field))
    ]


def _starts(changes: Sequence[FieldChange]) -> dict[tuple[str, str], Json]:
    return {(change.record, change.field): change.before for change in changes if not change.created}


def token_of(key: str, length: int) -> str:
    """A short stand-in for a key, for a vendor's short field: upper-case base32 of its SHA-256, cut to `length`."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:length]
