"""Taking back a posting to a system of records: what stood before it, and the documents that it made. Pure."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

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


async def measured(
    transaction: OutcomeTransaction, receipt: Receipt, model: str, moved: Callable[[str, int], Awaitable[float]]
) -> OutcomeTransaction:
    """With so much of each whole lot as its document of this `model` has `moved` (lot, document): what other people put
    there beside it stays there. Raises RejectedError when no document says it."""
    lots = [place for place, one in enumerate(transaction.outcomes) if isinstance(one, HoldLot | DisposeLot)]
    documents = [name.rpartition(" ")[2] for name in receipt.documents if name.rpartition(" ")[0] == model]
    outcomes = list(transaction.outcomes)
    for number, place in enumerate(lots):
        outcome = outcomes[place]
        if not isinstance(outcome, HoldLot | DisposeLot) or outcome.quantity:
            continue
        told = len(documents) == len(lots) and documents[number].isdecimal()
        much = await moved(outcome.lot, int(documents[number])) if told else 0
        if not much:
            raise RejectedError(f"No {model} says how much it moved of lot {outcome.lot}: take it back by hand.")
        outcomes[place] = outcome.model_copy(update={"quantity": much})
    return transaction.model_copy(update={"outcomes": outcomes})


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
