"""SAP S/4HANA as a System: named questions, and transactions under stamps that are looked up before any retry."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import httpx

from connectors.probing import Finding
from connectors.sap.books import Books
from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.facts import Lookup
from connectors.sap.mapping import draft_of
from connectors.sap.probe import probe
from connectors.sap.questions import Questions
from connectors.sap.saga import Saga
from connectors.sap.services import check_services
from connectors.sap.stamps import step_keys
from connectors.sap.standing import Found, Stands
from connectors.sap.unsure import Unsure
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    Outcome,
    OutcomeTransaction,
    Receipt,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConfigError, NotFoundError
from domain.values import Json


class SapSystem:
    """Safe to call again with the same transaction, whatever happened before: changes are idempotent by value under
    their ETag, documents by their stamp."""

    def __init__(self, config: SapConfig, client: SapClients) -> None:
        self.name = config.name
        self._config = config
        self._client = client
        self._stands = Stands(client, config)
        self._unsure = Unsure(config.settle)
        self._lookup = Lookup(client, config)
        self._questions = Questions(client, self._lookup, config)
        self._books = Books(client, config, self._stands, self._lookup)

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.by_name.get(name)
        if question is None:
            raise NotFoundError(f"SAP has no query {name!r}.")
        return await question(where)

    async def find(self, key: str) -> Receipt | None:
        """By the stamp of the last document. A transaction that only changes records leaves no stamp: it is not found,
        and posting it again changes nothing that stands already."""
        standing = await self._stands.of_key(key)
        last = standing.last(key)
        if last is None or not last.whole:
            return None
        documents = [label for found in standing.in_order(key) for label in found.labels]
        return Receipt(key=key, documents=documents, replayed=True, raw={"token_of": key})

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        """Raises as the role says; RejectedError `sap.partly_posted` when a saga could not be undone."""
        check_services(transaction, self._config)
        standing = await self._stands.of_transaction(transaction)
        if _whole(transaction, standing):
            return _receipt(transaction, {number: found.labels for number, found in standing.items()}, replayed=True)
        facts = await self._lookup.facts(transaction.outcomes)
        draft = draft_of(transaction, facts, self._config, datetime.now(UTC), standing)
        saga = Saga(self._client, self._config, self._stands, self._unsure)
        await saga.run(draft, standing)
        labels = {number: found.labels for number, found in standing.items()} | saga.labels
        labels |= {update.outcome: [update.label] for update in draft.updates if update.outcome not in labels}
        return _receipt(transaction, labels, replayed=not saga.wrote)

    async def probe(self) -> list[Finding]:
        """Services and sign-in. Raises TransientError when nobody answers."""
        return await probe(self._client, self._config)

    def grouped(self, outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
        """Neighbours that change orders go into one changeset; everything else is a posting of its own."""
        if not self._config.changesets:
            return [[outcome] for outcome in outcomes]
        places = enumerate(outcomes)
        by_service = groupby(places, key=lambda one: "orders" if isinstance(one[1], _OF_ORDERS) else str(one[0]))
        return [[outcome for _, outcome in group] for _, group in by_service]

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        return await self._books.preview(transaction)

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        return self._books.reversal(transaction, shown)

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        return await self._books.read_back(transaction)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return await self._books.postings_since(moment)


_OF_ORDERS = (RescheduleOrders, SetPriority)


def _whole(transaction: OutcomeTransaction, standing: Mapping[int, Found]) -> bool:
    """The last document stands with all its parts."""
    keys = step_keys(transaction.key, [outcome.kind for outcome in transaction.outcomes])
    last = standing.get(max(keys)) if keys else None
    return last is not None and last.whole


def _receipt(transaction: OutcomeTransaction, labels: Mapping[int, Sequence[str]], *, replayed: bool) -> Receipt:
    """Documents by outcome, each once: a replay reads like the first receipt."""
    found = [
        label
        for number, outcome in enumerate(transaction.outcomes)
        for label in (_changed(outcome) or labels.get(number, ()))
    ]
    return Receipt(key=transaction.key, documents=list(dict.fromkeys(found)), replayed=replayed)


def _changed(outcome: Outcome) -> list[str]:
    match outcome:
        case RescheduleOrders():
            return [f"production order {order.job_order}" for order in outcome.orders]
        case SetPriority():
            return [f"production order {name}" for name in outcome.job_orders]
        case CreateOrder():
            return [f"production order {outcome.job_order}"]
        case ChangePromise():
            return [f"sales order {outcome.sale}"]
    return []


def build(
    config: SapConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> SapSystem:
    """`secrets`: `password` of `config.user`, or `client_secret` (or `password`) of `config.oauth`. `transport` is for
    tests. Raises ConfigError without a secret."""
    secret = (config.oauth and secrets.get("client_secret")) or secrets.get("password")
    if not secret:
        raise ConfigError("SAP needs a secret: password, or client_secret with oauth.")
    return SapSystem(config, SapClients(config, secret, transport))
