"""ERPNext as a System: named questions, and postings whose key stands in a unique custom field of each document."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx

from connectors.erpnext.client import ErpNextClient
from connectors.erpnext.config import ErpNextConfig
from connectors.erpnext.mapping import MODELS, steps_of
from connectors.erpnext.questions import Questions
from connectors.erpnext.reversing import reversal_of
from connectors.probing import Finding, tried
from connectors.records import Books, Step
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.errors import NotFoundError
from domain.values import Json


class ErpNextSystem:
    """Several outcomes are several calls: a saga with derived keys. Safe to call again with the same transaction."""

    def __init__(self, config: ErpNextConfig, client: ErpNextClient) -> None:
        self.name = config.name
        self._config, self._client = config, client
        self._questions = Questions(client, config)

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.by_name.get(name)
        if question is None:
            raise NotFoundError(f"ERPNext has no query {name!r}.")
        return await question(where)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        return await self._books().post(transaction, self._steps(transaction))

    async def find(self, key: str) -> Receipt | None:
        return await self._books().find(key)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        return await self._books().preview(self._steps(transaction))

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        return reversal_of(transaction, receipt, shown, ZoneInfo(self._config.timezone))

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        return await self._books().read_back(self._steps(transaction), receipt.key)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return await self._books().postings_since(moment)

    async def probe(self) -> list[Finding]:
        """For each type of document: may we write it, and has it the field for our key?"""
        found, name = [], self._config.key_field
        for model in MODELS:
            advice = f"Give our user a role with read, write and create on {model}, or install its app."
            for way in ("read", "write", "create"):
                found.append(await tried(f"{way} {model}", self._may(model, way), advice=advice))
            if all(one.ok for one in found[-3:]):
                advice = f"Customise {model}: add the field {name} (Data, unique, allow on submit, no copy)."
                found.append(await tried(f"{model}.{name}", self._has_key(model), advice=advice))
        return found

    async def _may(self, model: str, way: str) -> None:
        if not await self._client.may(model, way):
            raise NotFoundError(f"Our user may not {way} {model}.")

    async def _has_key(self, model: str) -> None:
        """A search by the field fails where there is none; who sees custom fields isn't told to us."""
        await self._client.search(model, [(self._config.key_field, "=", "mos:connect:probe")], [self._config.key_field])

    def _steps(self, transaction: OutcomeTransaction) -> list[Step]:
        return steps_of(transaction, self._config, datetime.now(UTC))

    def _books(self) -> Books:
        """Names that were looked up are kept for one call only: people rename documents."""
        return Books("ERPNext", self._client, MODELS)


def build(
    config: ErpNextConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> ErpNextSystem:
    """`secrets["api_secret"]`: belongs to `config.api_key`. `transport` is for tests."""
    return ErpNextSystem(config, ErpNextClient(config, secrets["api_secret"], transport))
