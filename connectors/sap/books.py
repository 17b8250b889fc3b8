"""What SAP says of a transaction before and after it is posted, and how it is undone. Reads only."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.facts import HEADER, NOTICE, Facts, Lookup
from connectors.sap.mapping import Document, Draft, Update, draft_of, moment_of
from connectors.sap.metadata import EntitySet
from connectors.sap.reversals import reversal_of
from connectors.sap.services import check_services
from connectors.sap.stamps import GROUP, INSPECTION_LOT, mark_in, token_in
from connectors.sap.standing import Found, Stands, label_of
from domain.books.booking import Booked, FieldChange, FieldStanding, Preview, ReadBack
from domain.books.outcomes import DisposeLot, HoldLot, Outcome, OutcomeTransaction
from domain.values import Json

_COMPARED = ("NotificationText", "TechnicalObject", "MalfunctionStartDate", "MalfunctionStartTime", "MaintPriority")
_COMPARED_LOT = ("Batch", "Material", "InspectionLotText")
_CREATED = {
    HEADER.name: ("CreationDate", "CreationTime"),
    NOTICE.name: ("CreationDate", "CreationTime"),
    INSPECTION_LOT.name: ("InspectionLotCreatedOn", "InspectionLotCreatedOnTime"),
}


class Books:
    """For the ledger: preview, reversal, reading back, reconciliation."""

    def __init__(self, client: SapClients, config: SapConfig, stands: Stands, lookup: Lookup) -> None:
        self._client = client
        self._config = config
        self._stands = stands
        self._lookup = lookup
        self._zone = ZoneInfo(config.timezone)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        """Raises what a posting would before it sends anything."""
        check_services(transaction, self._config)
        facts = await self._lookup.facts(transaction.outcomes)
        draft = draft_of(transaction, facts, self._config, datetime.now(UTC))
        for update in draft.updates:
            update.check()
            update.change.check()
        for document in draft.documents:
            document.target.body(document.body(), creating=True)
        changes = [change for update in draft.updates for change in _changes(update)]
        changes += [change for document in draft.documents for change in _created(document)]
        return Preview(changes=changes, versions=_versions(draft, facts), notes=draft.notes)

    def reversal(self, transaction: OutcomeTransaction, shown: Preview | None) -> list[Outcome]:
        return reversal_of(transaction, shown, self._config)

    async def read_back(self, transaction: OutcomeTransaction) -> ReadBack:
        """Documents by their stamp; records that were changed, by what stands in them."""
        standing = await self._stands.of_transaction(transaction)
        lots = {
            number for number, outcome in enumerate(transaction.outcomes) if isinstance(outcome, HoldLot | DisposeLot)
        }
        facts = await self._lookup.facts(transaction.outcomes)
        draft = draft_of(transaction, facts, self._config, datetime.now(UTC), lots)
        wanted = {document.outcome for document in draft.documents if document.stamp} | lots
        fields = [field for update in draft.updates for field in _stands(update)]
        for document in draft.documents:
            if found := standing.get(document.outcome):
                fields += _compared(document, found)
        return ReadBack(known=wanted <= standing.keys(), fields=fields)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        """By whole days: SAP's creation times are in its own zone, taken as the plant's."""
        day = moment.astimezone(self._zone).date()
        found: dict[str, Booked] = {}
        for target, (name, at) in ((target, _CREATED[target.name]) for target in (HEADER, NOTICE, INSPECTION_LOT)):
            if target.service not in self._config.services:
                continue
            for record in await self._client.find(target, target.compare(name, "ge", day)):
                if token_in(target, record) and not await self._reversed(target, record):
                    _book(found, target, record, moment_of(record[name], record.get(at), self._zone) or moment)
        return sorted(found.values(), key=lambda booked: booked.at)

    async def _reversed(self, target: EntitySet, record: Mapping[str, Any]) -> bool:
        return target.name == HEADER.name and await self._stands.cancelled(record)


def _book(found: dict[str, Booked], target: EntitySet, record: Mapping[str, Any], at: datetime) -> None:
    key = mark_in(target, record)[:GROUP]
    known = found.get(key)
    documents = [*(known.documents if known else []), label_of(target, record)]
    found[key] = Booked(key=key, at=min(at, known.at) if known else at, documents=documents)


def _changes(update: Update) -> Iterable[FieldChange]:
    for name, value in update.change.values.items():
        before = plain(update.before.get(name))
        yield FieldChange(record=update.label, field=name, before=before, after=plain(value), outcome=update.outcome)


def _created(document: Document) -> Iterable[FieldChange]:
    for index, values in enumerate([document.values, *document.lines]):
        record = document.label if index == 0 else f"{document.label}, item {index}"
        for name, value in values.items():
            yield FieldChange(record=record, field=name, after=plain(value), created=True, outcome=document.outcome)
    for name, value in (document.order or {}).items():
        label = f"{document.label}, order"
        yield FieldChange(record=label, field=name, after=plain(value), created=True, outcome=document.outcome)


def _versions(draft: Draft, facts: Facts) -> dict[str, str]:
    found = {update.label: update.change.etag for update in draft.updates if update.change.etag}
    return found | {f"batch {name}": batch.version for name, batch in facts.lots.items()}


def _stands(update: Update) -> Iterable[FieldStanding]:
    for name, value in update.change.values.items():
        yield FieldStanding(record=update.label, field=name, posted=plain(value), stands=plain(update.before.get(name)))


def _compared(document: Document, found: Found) -> Iterable[FieldStanding]:
    names = _COMPARED if document.target.name == NOTICE.name else _COMPARED_LOT
    for name in names:
        if name in document.values:
            posted, stands = plain(document.values[name]), plain(found.record.get(name))
            yield FieldStanding(record=found.labels[0], field=name, posted=posted, stands=stands)


def plain(value: Any) -> Json:
    """As people read it: ISO 8601 days and times, numbers."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date | datetime | time) else value
