"""Odoo as a System: named questions, and postings whose key stands in a unique field of each record."""

from collections.abc import Mapping
from datetime import datetime

import httpx

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.lots import TRANSFER, Lots
from connectors.odoo.mapping import models_of, steps_of
from connectors.odoo.questions import Questions
from connectors.odoo.reversing import reversal_of
from connectors.probing import Finding, tried
from connectors.records import Books, Step
from connectors.way_back import measured
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import DisposeLot, HoldLot, Outcome, OutcomeTransaction, Receipt
from domain.errors import NotFoundError
from domain.values import Json


class OdooSystem:
    """Several outcomes are several calls: a saga with derived keys. Safe to call again with the same transaction."""

    def __init__(self, config: OdooConfig, client: OdooClient) -> None:
        self.name = config.name
        self._config, self._client = config, client
        self._questions = Questions(client, config)
        self._lots = Lots(client, config)

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.by_name.get(name)
        if question is None:
            raise NotFoundError(f"Odoo has no query {name!r}.")
        return await question(where)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        return await self._books().post(transaction, await self._steps(transaction))

    async def find(self, key: str) -> Receipt | None:
        return await self._books().find(key)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        return await self._books().preview(await self._steps(transaction))

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        exact = await measured(transaction, receipt, TRANSFER, self._lots.moved)
        return reversal_of(exact, receipt, shown, self._config)

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        return await self._books().read_back(await self._steps(transaction), receipt.key)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return await self._books().postings_since(moment)

    async def probe(self) -> list[Finding]:
        """For each model: may we write it, and has it the field for our key?"""
        found = []
        for model in models_of(self._config):
            advice = f"Give our user read, write and create on {model}, or install its app."
            may = [tried(f"{way} {model}", self._may(model, way), advice=advice) for way in ("read", "write", "create")]
            found += [await one for one in may]
            if all(one.ok for one in found[-3:]):
                advice = f"Add the field {self._config.key_field} (text, unique, not copied) to {model}."
                found.append(await tried(f"{model}.{self._config.key_field}", self._has_key(model), advice=advice))
        return found

    async def _may(self, model: str, way: str) -> None:
        if not await self._client.may(model, way):
            raise NotFoundError(f"Our user may not {way} {model}.")

    async def _has_key(self, model: str) -> None:
        fields = await self._client.method(model, "fields_get", allfields=[self._config.key_field])
        if not isinstance(fields, dict) or self._config.key_field not in fields:
            raise NotFoundError(f"{model} has no {self._config.key_field}.")

    async def _steps(self, transaction: OutcomeTransaction) -> list[Step]:
        transfers = {
            number: await self._lots.step(outcome)
            for number, outcome in enumerate(transaction.outcomes)
            if isinstance(outcome, HoldLot | DisposeLot)
        }
        return steps_of(transaction, self._config, transfers)

    def _books(self) -> Books:
        """Ids that were looked up are kept for one call only: people rename and replace records."""
        return Books("Odoo", self._client, models_of(self._config))


def build(
    config: OdooConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> OdooSystem:
    """`secrets["api_key"]`: of the user that posts. `transport` is for tests."""
    return OdooSystem(config, OdooClient(config, secrets["api_key"], transport))
