"""A system without transactions over several outcomes: it keeps keys and versions, previews, and takes back."""

from collections.abc import Iterator
from typing import Any

from domain.books.booking import FieldChange, FieldStanding, Preview, ReadBack
from domain.books.outcomes import HoldLot, Outcome, OutcomeTransaction, Receipt, SetOrderStatus, SetPriority
from domain.errors import ConflictError, NotFoundError, OutcomeUnknownError, RejectedError
from domain.values import Json

Change = tuple[str, str, Json]


class Shop:
    """`books`: what stands, by record and field. `order`: the keys in the order in which they were posted. `refuses`:
    records that nobody may change; `loses`: keys whose next answer is lost."""

    name = "mes"

    def __init__(self) -> None:
        self.books: dict[tuple[str, str], Json] = {}
        self.versions: dict[str, int] = {}
        self.order: list[str] = []
        self.refuses: set[str] = set()
        self.loses: set[str] = set()

    def edit(self, record: str, field: str, value: Json) -> None:
        """Somebody changes it by hand."""
        self.books[record, field] = value
        self.versions[record] = self.versions.get(record, 0) + 1

    async def query(self, name: str, where: Any) -> Json:
        raise NotFoundError(name)

    async def find(self, key: str) -> Receipt | None:
        return Receipt(key=key, documents=[key], replayed=True) if key in self.order else None

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        if transaction.key in self.order:
            return Receipt(key=transaction.key, documents=[transaction.key], replayed=True)
        wanted = list(_changes(transaction))
        for record, _, _ in wanted:
            if record in self.refuses:
                raise RejectedError(f"{record} is closed")
            expected = transaction.versions.get(record)
            if expected is not None and expected != str(self.versions.get(record, 0)):
                raise ConflictError(f"{record} changed")
        for change in wanted:
            self.edit(*change)
        self.order.append(transaction.key)
        if transaction.key in self.loses:
            self.loses.remove(transaction.key)
            raise OutcomeUnknownError("no answer")
        return Receipt(key=transaction.key, documents=[transaction.key])

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        changes = [
            FieldChange(record=record, field=field, before=self.books.get((record, field)), after=after, outcome=number)
            for number, outcome in enumerate(transaction.outcomes)
            for record, field, after in _of(outcome)
        ]
        return Preview(changes=changes, versions={one.record: str(self.versions.get(one.record, 0)) for one in changes})

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        assert shown is not None
        stood = {change.record: change.before for change in shown.changes}
        (outcome,) = transaction.outcomes
        if isinstance(outcome, SetPriority):
            return [SetPriority(job_orders=[one], priority=int(stood[one])) for one in outcome.job_orders]
        return [SetOrderStatus(job_orders=outcome.job_orders, status="released")]  # type: ignore[union-attr]

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        fields = [
            FieldStanding(record=record, field=field, posted=value, stands=self.books.get((record, field)))
            for record, field, value in _changes(transaction)
        ]
        return ReadBack(known=receipt.key in self.order, fields=fields)


def _changes(transaction: OutcomeTransaction) -> Iterator[Change]:
    for outcome in transaction.outcomes:
        yield from _of(outcome)


def _of(outcome: Outcome) -> Iterator[Change]:
    match outcome:
        case SetPriority():
            yield from ((one, "priority", outcome.priority) for one in outcome.job_orders)
        case SetOrderStatus():
            yield from ((one, "status", outcome.status) for one in outcome.job_orders)
        case HoldLot():
            yield (outcome.lot, "hold", True)
