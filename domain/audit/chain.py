"""The audit chain (ADR 0016): what a record says, how it is sealed, and what a change of it looks like. Pure.

Stated once, so that anybody can verify an export with other tools:
- A record's text is JSON of its six fields: keys sorted by code point, no blanks, UTF-8 unescaped (`domain.values.
  canonical`; as RFC 8785 but for floats, which are written as Python's `repr` does). `at` is ISO 8601 in UTC ending in
  Z. A number that no IEEE double holds exactly counts as the text of its digits.
- `digest` is the SHA-256 of that text in hex. A personal value is no part of it: in its place stands
  `{"personal": SHA-256 of the JSON {"salt": ..., "value": ...}}`.
- `hash` is the SHA-256 of `{"number":N,"previous":"<hash of N-1>","record":"<digest>"}`; before number 1 stand 64
  zeros.
- A head signs (Ed25519) the text `mos audit head 1` + newline + the JSON of `after`, `at`, `hash` and `number`; `after`
  is the number of the head before it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.values import Json, canonical, content_hash, iso

GENESIS: Final = "0" * 64
ERASED: Final = "personal.erased"  # the kind of the record that lists the commitments whose values were erased
_MARK: Final = "personal"
MARKED: Final = f'"{_MARK}"'  # what stands in the text of every record that holds a commitment
PERSONAL: Final[Mapping[str, str]] = {
    "address": "subject",
    "browser": "subject",
    "comment": "actor",
    "email": "subject",
    "from_address": "subject",
    "note": "actor",
    "person_name": "actor",
    "printed_name": "actor",
    "replaces": "subject",
    "text": "actor",
    "to_address": "subject",
}
"""Names of values that tell about a person, or that a person wrote freely, and whose they are: kept apart, erasable."""


@dataclass(frozen=True)
class Record:
    """A fact. `at`: aware UTC. `data` holds commitments where personal values stood."""

    id: int
    at: datetime
    kind: str
    actor: str
    subject: str
    data: Json

    def said(self) -> dict[str, Json]:
        """The fields that are hashed."""
        return {
            "actor": self.actor,
            "at": iso(self.at),
            "data": self.data,
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
        }

    def text(self) -> str:
        """What is hashed: `said` in its canonical form, put together here since a million are."""
        actor, kind, subject = _QUOTED(self.actor), _QUOTED(self.kind), _QUOTED(self.subject)
        data = "".join(_ENCODE(self.data, 0))
        at = iso(self.at)
        return f'{{"actor":{actor},"at":"{at}","data":{data},"id":{self.id},"kind":{kind},"subject":{subject}}}'

    def digest(self) -> str:
        """SHA-256 of the record's text, in hex."""
        return digest_of(self.text())


@dataclass(frozen=True)
class Seal:
    """Where a record stands in the chain."""

    number: int
    record_id: int
    digest: str
    hash: str


@dataclass(frozen=True)
class Head:
    """A signature on everything up to `number`. `after`: the number of the head before it; `key`: the id of the key;
    `signature`: base64."""

    number: int
    hash: str
    at: datetime
    after: int = 0
    key: str = ""
    signature: str = ""

    def signed(self) -> bytes:
        """What the signature is over."""
        told = {"after": self.after, "at": iso(self.at), "hash": self.hash, "number": self.number}
        return b"mos audit head 1\n" + canonical(told).encode()


@dataclass(frozen=True)
class Kept:
    """A personal value beside the chain."""

    commitment: str
    person: str
    value: str
    salt: str


def digest_of(text: str) -> str:
    """SHA-256 of a record's text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(number: int, previous: str, digest: str) -> str:
    """The hash of one number of the chain."""
    return hashlib.sha256(f'{{"number":{number},"previous":"{previous}","record":"{digest}"}}'.encode()).hexdigest()


def chain(records: list[Record], number: int, previous: str) -> list[Seal]:
    """Seals for records that come after `number`, whose hash is `previous`."""
    seals = []
    for record in records:
        number, digest = number + 1, record.digest()
        previous = link(number, previous, digest)
        seals.append(Seal(number, record.id, digest, previous))
    return seals


def commitment(value: str, salt: str) -> str:
    """What stands in the record for a personal value: without the salt nobody can guess the value back."""
    return content_hash({"salt": salt, "value": value})


def apart(data: Json, actor: str, subject: str, salt: Callable[[], str]) -> tuple[Json, list[Kept]]:
    """`data` with commitments in place of its personal values, and those values. `salt`: 32 fresh hex digits a call."""
    kept: list[Kept] = []
    whose = {"actor": actor, "subject": subject}

    def part(name: str, value: Json) -> Json:
        if is_commitment(value):
            return {_MARK: [value[_MARK]]}  # somebody's words that look like one
        if isinstance(value, dict):
            return {inner: part(inner, one) for inner, one in value.items()}
        if isinstance(value, list):
            return [part(name, one) for one in value]
        if name not in PERSONAL or not isinstance(value, str) or not value:
            return value
        fresh = salt()
        kept.append(Kept(commitment(value, fresh), whose[PERSONAL[name]], value, fresh))
        return {_MARK: kept[-1].commitment}

    return part("", data), kept


def commitments(data: Json) -> Iterator[str]:
    """The commitments in a record's data."""
    if isinstance(data, list):
        for one in data:
            yield from commitments(one)
    elif isinstance(data, dict):
        if is_commitment(data):
            yield data[_MARK]
        else:
            for one in data.values():
                yield from commitments(one)


def is_commitment(value: Json) -> bool:
    """Does this stand for a personal value?"""
    return isinstance(value, dict) and value.keys() == {_MARK} and isinstance(value[_MARK], str)


def filled(data: Json, kept: Mapping[str, str], erased: Json = None) -> Json:
    """`data` as people read it: personal values in place of their commitments, `erased` where they are gone."""
    if isinstance(data, list):
        return [filled(one, kept, erased) for one in data]
    if not isinstance(data, dict):
        return data
    if is_commitment(data):
        return kept.get(data[_MARK], erased)
    return {name: filled(one, kept, erased) for name, one in data.items()}


def read_data(text: str) -> Json:
    """A record's data from its JSON, so that no change of a digit is lost in rounding. Raises ValueError."""
    return _READER.raw_decode(text)[0]


def _no_json(value: object) -> Json:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _exact(digits: str) -> float | str:
    number = float(digits)
    return number if Decimal(repr(number)) == Decimal(digits) else digits


_QUOTED: Final = json.encoder.encode_basestring
_made = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # `json.dumps` makes one for each call
_ENCODE: Final = _made(None, _no_json, _QUOTED, None, ":", ",", True, False, True)  # writes as `canonical` does
_READER: Final = json.JSONDecoder(parse_float=_exact)
