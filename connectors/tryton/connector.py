"""Tryton as a System: named questions, and whole decisions posted under their key in one database transaction."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from connectors.probing import Finding
from connectors.tryton.answers import document
from connectors.tryton.client import Record, TrytonClient
from connectors.tryton.config import TrytonConfig
from connectors.tryton.facts import needs_of
from connectors.tryton.lookup import look_up
from connectors.tryton.mapping import operations_of, stamp_of
from connectors.tryton.previewing import LABELS, preview, standing, with_versions
from connectors.tryton.probing import probe
from connectors.tryton.questions import Questions
from connectors.tryton.reversing import reversal_of
from connectors.tryton.wire import decode
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt, RescheduleOrders
from domain.errors import ConflictError, MosError, NotFoundError
from domain.values import Json

_KEY_REUSED = "mfgos.key_reused"


class TrytonSystem:
    """Writes through `mfgos.posting` only. Safe to call again with the same transaction, whatever happened before."""

    def __init__(self, config: TrytonConfig, client: TrytonClient) -> None:
        self.name = config.name
        self._client = client
        self._zone = ZoneInfo(config.timezone)
        self._questions = Questions(client, self._zone, self._today)

    async def close(self) -> None:
        await self._client.close()

    async def probe(self) -> list[Finding]:
        """Our module, what it lets us do, and every model that we read."""
        return await probe(self._client)

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.by_name.get(name)
        if question is None:
            raise NotFoundError(f"Tryton has no query {name!r}.")
        return await question(where)

    async def find(self, key: str) -> Receipt | None:
        posting = await self._posting(key)
        return await self._found(posting) if posting else None

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        """The key is looked up first: what the operations are depends on the state of Tryton, which a first posting of
        this key has changed. So a replay is told by the digest of the outcomes, not of the operations."""
        stamp = stamp_of(transaction)
        if first := await self._replay(transaction.key, stamp):
            return first
        operations = with_versions(await self._operations(transaction), transaction.versions)
        try:
            answer = await self._client.post(transaction.key, operations, stamp)
        except ConflictError as error:
            if error.code == _KEY_REUSED and (first := await self._replay(transaction.key, stamp)):
                return first  # another worker was faster and found Tryton in another state
            raise
        documents = await self._documents(operations, answer["result"])
        return Receipt(key=transaction.key, documents=documents, replayed=bool(answer["replayed"]), raw=answer)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        """From Tryton's records as they stand; an order's version that is stale already is a ConflictError."""
        operations = await self._operations(transaction)
        shown = await preview(operations, self._client)
        for operation in operations:
            for number, version in operation.get("expect", {}).items():
                if shown.versions.get(f"{operation['model']},{number}") != version:
                    raise ConflictError(
                        "The record changed in Tryton meanwhile: look again.", code="tryton.concurrency"
                    )
        return shown

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        """What undoes it; of orders that were planned anew the times that stood before."""
        units: dict[int, str] = {}
        if any(isinstance(outcome, RescheduleOrders) for outcome in transaction.outcomes):
            centers = await self._client.search_read("production.work.center", [], ("code",))
            units = {center["id"]: center["code"] for center in centers if center["code"]}
        return reversal_of(transaction, receipt, shown, self._zone, units)

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        """By the operations that Tryton has kept with the key."""
        posting = await self._posting(transaction.key)
        if posting is None:
            return ReadBack(known=False)
        operations = decode(json.loads(posting["payload"]))
        return ReadBack(known=True, fields=await standing(operations, json.loads(posting["result"]), self._client))

    async def postings_since(self, moment: datetime) -> list[Booked]:
        """Every posting that our module has kept, with its key."""
        found = await self._client.search_read(
            "mfgos.posting", [["create_date", ">=", moment]], ("key", "create_date"), order=[("id", "ASC")]
        )
        return [
            Booked(key=one["key"], at=one["create_date"], documents=[document("mfgos.posting", one["id"], None)])
            for one in found
        ]

    async def _operations(self, transaction: OutcomeTransaction) -> list[Record]:
        needs = needs_of(transaction.outcomes)
        facts = await look_up(needs, self._client, reference=transaction.exception_id, today=self._today())
        return operations_of(transaction, facts, self._zone)

    async def _replay(self, key: str, stamp: str) -> Receipt | None:
        posting = await self._posting(key)
        if posting is None:
            return None
        if _digest(posting["decision"]) != _digest(stamp):
            raise ConflictError("Tryton has this key with another payload.", code=_KEY_REUSED)
        return await self._found(posting)

    async def _posting(self, key: str) -> Record | None:
        fields = ("key", "decision", "payload", "result")
        found = await self._client.search_read("mfgos.posting", [["key", "=", key]], fields, limit=1)
        return found[0] if found else None

    async def _found(self, posting: Record) -> Receipt:
        result = json.loads(posting["result"])
        documents = await self._documents(json.loads(posting["payload"]), result)
        raw = {"posting": posting["id"], "key": posting["key"], "replayed": True, "result": result}
        return Receipt(key=posting["key"], documents=documents, replayed=True, raw=raw)

    async def _documents(self, operations: Sequence[Record], result: Sequence[Sequence[int]]) -> list[str]:
        """What people can look for in Tryton, each record once, in the order of the operations."""
        records: dict[tuple[str, int], str | None] = {}
        for operation, ids in zip(operations, result, strict=True):
            records |= {(operation["model"], number): None for number in ids}
        for model in dict.fromkeys(model for model, _ in records):
            ids = [number for name, number in records if name == model]
            records |= {(model, number): label for number, label in (await self._labels(model, ids)).items()}
        return [document(model, number, label) for (model, number), label in records.items()]

    async def _labels(self, model: str, ids: Sequence[int]) -> dict[int, str]:
        """Labels are a courtesy: a posting that stands is no failure because its names can't be read."""
        field = LABELS.get(model)
        if field is None:
            return {}
        try:
            found: list[dict[str, Any]] = await self._client.search_read(model, [["id", "in", list(ids)]], [field])
        except MosError:
            return {}
        return {record["id"]: record[field] for record in found if record[field]}

    def _today(self) -> date:
        return datetime.now(UTC).astimezone(self._zone).date()


def _digest(stamp: str | None) -> str:
    return (stamp or "").rpartition(" ")[2]


def build(
    config: TrytonConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> TrytonSystem:
    """`secrets["password"]`: of `config.user`. `transport` is for tests."""
    return TrytonSystem(config, TrytonClient(config, secrets["password"], transport))
