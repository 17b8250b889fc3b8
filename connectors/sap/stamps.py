"""Where our key stands in a document of SAP, and how it is looked up. Pure.

| service | field | holds |
|---|---|---|
| material document | MaterialDocumentHeaderText (25) | token of the step's key |
| | ReferenceDocument (16) | mark |
| maintenance notification | MaintNotifExtReferenceNumber (20) | token of the step's key |
| | MaintNotifLongTextForEdit, last line | `MOS <mark>`, and what belongs to it (`order`, `done`) |
| inspection lot | InspLotExternalNumber (30) | token of the step's key (20) and the mark's first 10 |

A mark is 10 characters of the transaction's key (so that all steps of a saga are found together) and 6 of the digest of
its outcomes (so that another payload under the same key is told apart; an inspection lot has no room for these).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sap.facts import HEADER, NOTICE
from connectors.sap.metadata import INSPECTION, EntitySet, entity_set
from domain.books.booking import token_of
from domain.books.outcomes import OutcomeTransaction
from domain.values import content_hash

INSPECTION_LOT = entity_set(INSPECTION, "A_InspectionLot")
STEPS = 8  # outcomes of one transaction at most: all their documents are looked up by one question per service
DOCUMENTS: Mapping[str, EntitySet] = {
    "record_downtime": NOTICE,
    "maintenance_order": NOTICE,
    "hold_lot": HEADER,
    "dispose_lot": HEADER,
    "record_deviation": INSPECTION_LOT,
}
GROUP = 10
_DIGEST = 6
_MARK = GROUP + _DIGEST
_TOKEN = re.compile("[A-Z2-7]+")
_LINE = re.compile(rf"^MOS ([A-Z2-7]{{{_MARK}}})((?: (?:order|done))*)\s*$", re.MULTILINE)
LENGTHS: Mapping[str, tuple[str, int]] = {
    HEADER.name: ("MaterialDocumentHeaderText", 25),
    NOTICE.name: ("MaintNotifExtReferenceNumber", 20),
    INSPECTION_LOT.name: ("InspLotExternalNumber", 20),
}


@dataclass(frozen=True)
class Stamp:
    """Of one step. `parts`: what the document has with it (`order`, `done`)."""

    key: str
    mark: str
    parts: tuple[str, ...] = ()

    def fields(self, target: EntitySet, text: str = "") -> dict[str, str]:
        """The stamped fields of a new document; `text` is a notification's long text."""
        name, length = LENGTHS[target.name]
        token = token_of(self.key, length)
        if target.name == INSPECTION_LOT.name:
            return {name: token + self.mark[:GROUP]}
        if target.name == HEADER.name:
            return {name: token, "ReferenceDocument": self.mark}
        last = " ".join(["MOS", self.mark, *self.parts])
        room = (target.property("MaintNotifLongTextForEdit").max_length or 0) - len(last) - 1
        return {name: token, "MaintNotifLongTextForEdit": f"{text[:room]}\n{last}".lstrip()}


def mark_of(transaction: OutcomeTransaction) -> str:
    """Of a transaction: its key and its payload."""
    digest = content_hash([outcome.model_dump(mode="json") for outcome in transaction.outcomes])
    return token_of(transaction.key, GROUP) + token_of(digest, _DIGEST)


def step_keys(key: str, kinds: Sequence[str]) -> dict[int, str]:
    """Outcome number -> key of its document, for kinds that make one: `key.1` .. by the outcome's place, and the plain
    key for the last, so that when it stands everything does. Never depends on the state of SAP."""
    numbers = [number for number, kind in enumerate(kinds) if kind in DOCUMENTS]
    return {number: key if number == numbers[-1] else f"{key}.{number + 1}" for number in numbers}


def looked_up(target: EntitySet, key: str) -> str:
    """The `$filter` for all steps of a key."""
    name, length = LENGTHS[target.name]
    keys = [key, *(f"{key}.{number}" for number in range(1, STEPS))]
    mark = token_of(key, GROUP) if target.name == INSPECTION_LOT.name else ""
    return " or ".join(target.equals(name, token_of(item, length) + mark) for item in keys)


def token_in(target: EntitySet, record: Mapping[str, Any]) -> str:
    """The token that a document carries; empty if it is none of ours."""
    name, length = LENGTHS[target.name]
    text = str(record.get(name) or "")
    ours = _TOKEN.fullmatch(text) and len(text) == (length + GROUP if target.name == INSPECTION_LOT.name else length)
    return text[:length] if ours and mark_in(target, record) else ""


def mark_in(target: EntitySet, record: Mapping[str, Any]) -> str:
    """The mark (or its first part) that a document carries; empty if somebody has removed it."""
    if target.name == INSPECTION_LOT.name:
        return str(record.get("InspLotExternalNumber") or "")[-GROUP:]
    if target.name == HEADER.name:
        return str(record.get("ReferenceDocument") or "")
    found = _line(record)
    return found[1] if found else ""


def parts_in(record: Mapping[str, Any]) -> Sequence[str]:
    """What belongs to a notification of ours."""
    found = _line(record)
    return found[2].split() if found else []


def _line(record: Mapping[str, Any]) -> re.Match[str] | None:
    texts = (str(record.get(name) or "") for name in ("MaintNotifLongTextForEdit", "MaintNotificationLongText"))
    return next((found for text in texts if (found := _LINE.search(text))), None)
