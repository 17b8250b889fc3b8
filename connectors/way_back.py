"""Taking back a posting to a system of records: what stood before it, and the documents that it made. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from connectors.records import Ref, Step
from domain.books.booking import Preview
from domain.books.outcomes import CancelDocuments, DisposeLot, HoldLot, Outcome, OutcomeTransaction, Receipt
from domain.errors import RejectedError
from domain.values import Json

WHY = "taken back"


Undo = Callable[[Outcome], list[Outcome] | None]
"""What undoes one outcome (nothing, if it changed nothing). None: of a hold its opposite, else only people can."""


class Stood:
    """The last preview before it was posted, by the labels of the steps."""

    def __init__(self, shown: Preview | None, system: str) -> None:
        self._system = system
        changes = shown.changes if shown else []
        self._before = {(change.record, change.field): change.before for change in changes if not change.created}

    def was(self, record: str, field: str) -> Json:
        """None when nobody kept it."""
        return self._before.get((record, field))

    def of(self, record: str, field: str) -> Json:
        """Raises RejectedError when nobody kept it, or there was nothing."""
        value = self._before.get((record, field))
        if value is None:
            raise RejectedError(f"What stood before of {record} is not known: set it back in {self._system} by hand.")
        return value


def taken_back(
    transaction: OutcomeTransaction, receipt: Receipt, made: dict[str, str], system: str, undo: Undo
) -> list[Outcome]:
    """What takes a posting back, the last first: the documents that it created are cancelled (`made`: see `made_by`), a
    lot that it held is released and the other way round, `undo` knows the rest. Raises RejectedError for what only
    people can undo."""
    found = list(made_by(transaction, receipt, made, system))
    for outcome in reversed(transaction.outcomes):
        if outcome.kind not in made:
            found += _undone(outcome, system, undo)
    return found


def _undone(outcome: Outcome, system: str, undo: Undo) -> list[Outcome]:
    back = undo(outcome)
    if back is not None:
        return back
    match outcome:
        case HoldLot():
            return [DisposeLot(lot=outcome.lot, quantity=outcome.quantity, disposition="release", reason=WHY)]
        case DisposeLot(disposition="release"):
            return [HoldLot(lot=outcome.lot, quantity=outcome.quantity, reason=WHY)]
    raise RejectedError(f"{outcome.kind.replace('_', ' ')} can't be taken back here: do it in {system}.")


def made_by(transaction: OutcomeTransaction, receipt: Receipt, made: dict[str, str], system: str) -> Iterator[Outcome]:
    """The cancelling of what it created. `made`: kind of outcome -> the model of its records. Raises RejectedError when
    the receipt can't tell a record that was created from one of the same model that was only changed."""
    kinds = {outcome.kind for outcome in transaction.outcomes}
    models = {made[kind] for kind in kinds if kind in made}
    if not models:
        return
    documents = [name for name in receipt.documents if name.rpartition(" ")[0] in models]
    if not documents or (len(kinds) > 1 and not all(kind in made for kind in kinds)):
        raise RejectedError(f"The receipt does not say what was created: take it back in {system}.")
    yield CancelDocuments(documents=documents[::-1], reason=WHY)


def withdrawals(outcome: CancelDocuments, models: Sequence[str], field: str, system: str) -> Iterable[Step]:
    """A step for each document; `field` is where its number or name stands."""
    for name in outcome.documents:
        model, _, number = name.rpartition(" ")
        if model not in models:
            raise RejectedError(f"{name} can't be cancelled from here: do it in {system}.")
        value = int(number) if number.isdecimal() else number
        yield Step("withdraw", model, name, {}, Ref(model, field, value))
