"""From outcomes to the steps of a transaction: one for each request that the mapping makes of them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connectors.rest.mapping import Operation, RestMapping
from connectors.rest.template import render
from connectors.rest.way_back import cancelling
from domain.books.outcomes import CancelDocuments, DisposeLot, HoldLot, Outcome, OutcomeTransaction
from domain.errors import ConfigError, InvalidPayloadError, RejectedError
from domain.language.expressions import holds
from domain.values import Json, content_hash

_DIGEST = 32


@dataclass(frozen=True)
class Step:
    """One request to make. `scope`: what its templates may read, but for the key; `number`: of its outcome, from 0.
    `cancels`: it takes back what an earlier one made."""

    operation: Operation
    scope: Mapping[str, Json]
    number: int
    cancels: bool = False


def steps_of(transaction: OutcomeTransaction, mapping: RestMapping, zone: ZoneInfo) -> list[Step]:
    """Raises ConfigError for an outcome that the mapping does not have, InvalidPayloadError when it needs nothing."""
    steps = [
        step
        for number, outcome in enumerate(transaction.outcomes)
        for step in _of(outcome, number, transaction, mapping, zone)
    ]
    if not steps:
        raise InvalidPayloadError("By the mapping these outcomes need no request: nothing was posted.")
    return steps


def _of(
    outcome: Outcome, number: int, transaction: OutcomeTransaction, mapping: RestMapping, zone: ZoneInfo
) -> Iterator[Step]:
    operations = mapping.outcomes.get(outcome.kind)
    if operations is None and isinstance(outcome, CancelDocuments):
        for document in outcome.documents:
            yield Step(cancelling(document, mapping), {"item": document}, number, cancels=True)
        return
    if operations is None:
        raise ConfigError(f"The mapping has no {outcome.kind}: add it to the connector's settings.")
    if isinstance(outcome, HoldLot | DisposeLot) and outcome.quantity and not _reads_quantity(operations):
        raise RejectedError(f"The mapping of {outcome.kind} reads no outcome.quantity: it would take the whole lot.")
    facts = outcome.model_dump(mode="json")
    scope = {
        "outcome": facts,
        "exception": transaction.exception_id,
        "decision": transaction.decision,
        "versions": dict(transaction.versions),
        "digest": content_hash(facts)[:_DIGEST],
    }
    for operation in operations:
        for item in _items(operation, scope, zone):
            if holds(operation.when, {**scope, "item": item}):
                yield Step(operation, {**scope, "item": item}, number)


def _reads_quantity(operations: Sequence[Operation]) -> bool:
    return any("outcome.quantity" in operation.model_dump_json() for operation in operations)


def _items(operation: Operation, scope: Mapping[str, Json], zone: ZoneInfo) -> list[Json]:
    if not operation.each:
        return [None]
    items = render(operation.each, scope, zone)
    if not isinstance(items, list):
        raise InvalidPayloadError(f"The mapping goes through what is no list: {operation.each}")
    return items
