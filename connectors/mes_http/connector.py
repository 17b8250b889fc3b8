"""The MES as a System: named questions, and postings under a key."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from connectors.mes_http import books, mapping
from connectors.mes_http.client import MesClient, StateConflictError
from connectors.mes_http.config import MesConfig
from connectors.mes_http.mapping import Request, requests_of, step_keys
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.errors import InvalidPayloadError, NotFoundError, RejectedError
from domain.values import Json, duration, iso, parse_time

_Question = Callable[[Mapping[str, Json]], Awaitable[Json]]


class MesSystem:
    """Several outcomes of one transaction are several postings with derived keys; the last has the plain key."""

    def __init__(self, config: MesConfig, client: MesClient) -> None:
        self.name = config.name
        self._client = client
        self._questions: dict[str, _Question] = {
            "mes.job_orders": self._job_orders,
            "mes.plan": self._plan,
            "mes.staging": self._staging,
            "mes.lot": self._lot,
            "mes.inspection": self._inspection,
            "mes.equipment": self._equipment,
        }

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.get(name)
        if question is None:
            raise NotFoundError(f"The MES has no query {name!r}.")
        return await question(where)

    async def find(self, key: str) -> Receipt | None:
        answer = await self._posting(key)
        if answer is None:
            return None
        documents, number = [_document(answer)], 1
        while (earlier := await self._posting(f"{key}.{number}")) is not None:
            documents.insert(number - 1, _document(earlier))
            number += 1
        return Receipt(key=key, documents=documents, replayed=True, raw=answer)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        requests, seen = requests_of(transaction.outcomes), transaction.versions
        documents: list[str] = []
        answers: list[Json] = []
        version = ""
        for request, key in zip(requests, step_keys(transaction.key, len(requests)), strict=True):
            answer = await self._step(request, key, version, seen.get(request.record, ""))
            if answer is None:  # it was so already
                documents.append(request.label)
                continue
            version = str(answer["result"]["version"])
            documents.append(_document(answer))
            answers.append(answer)
        replayed = bool(answers) and all(answer["replayed"] for answer in answers)
        return Receipt(key=transaction.key, documents=documents, replayed=replayed, raw=answers)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        """Reads only. Raises ConfigError for what an MES does not take, and what posting would."""
        requests_of(transaction.outcomes)
        return books.preview(transaction.outcomes, *await self._standing(transaction))

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        return books.reversal_of(transaction, receipt, shown)

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        orders, _ = await self._standing(transaction)
        known = await self._posting(receipt.key) is not None or not receipt.raw  # so already: nothing was posted
        return ReadBack(known=known, fields=books.standing(transaction.outcomes, orders))

    async def postings_since(self, moment: datetime) -> list[Booked]:
        answer = await self._client.get("/postings", {"since": iso(moment)})
        return [
            Booked(key=one["key"], at=parse_time(one["accepted_at"]), documents=[_document(one)])
            for one in answer["postings"]
        ]

    async def _standing(self, transaction: OutcomeTransaction) -> tuple[books.Orders, str]:
        """The orders that it is about, and the version of the dispatch list."""
        answer = await self._client.get("/job-orders", {"id": books.orders_of(transaction.outcomes)})
        return {order["id"]: order for order in answer["job_orders"]}, str(answer["plan_version"])

    async def _step(self, request: Request, key: str, version: str, seen: str) -> Json | None:
        """`version`: what our own earlier posting of this transaction made of the list; it wins over the one that was
        `seen`, and that over the plan's."""
        wanted = "" if request.conditional else seen
        if request.conditional:
            wanted = version or seen or request.version or str((await self._client.get("/dispatch-list"))["version"])
        try:
            return await self._client.send(request.method, request.path, request.body, key=key, version=wanted)
        except StateConflictError as error:
            if error.state not in request.same_when:
                raise RejectedError(f"The MES refused: {request.label}.", detail=error.detail) from error
            return None

    async def _posting(self, key: str) -> Json:
        try:
            return await self._client.get(f"/postings/{quote(key, safe='')}")
        except NotFoundError:
            return None

    async def _job_orders(self, where: Mapping[str, Json]) -> Json:
        if where.get("job_orders") == []:
            return []
        params: dict[str, Any] = {"state": list(mapping.OPEN_STATES)}
        if where.get("job_orders"):
            params = {"id": where["job_orders"]}
        if where.get("equipment"):
            params["equipment"] = where["equipment"]
        if where.get("horizon"):
            now = datetime.fromisoformat((await self._client.get("/clock"))["as_of"])
            params |= {"from": iso(now), "to": iso(now + _horizon(where["horizon"]))}
        answer = await self._client.get("/job-orders", params)
        return [mapping.job_order(item) for item in answer["job_orders"]]

    async def _plan(self, _: Mapping[str, Json]) -> Json:
        """`version` is the dispatch list's, for UpdateDispatchList."""
        answer = await self._client.get("/job-orders", {"state": list(mapping.OPEN_STATES)})
        units = (await self._client.get("/equipment"))["equipment"]
        calendars = (await self._client.get("/calendars"))["calendars"]
        return {
            "as_of": answer["as_of"],
            "version": str(answer["plan_version"]),
            "job_orders": [mapping.job_order(item) for item in answer["job_orders"]],
            "equipment": [mapping.equipment(unit) for unit in units],
            "calendars": calendars,
        }

    async def _staging(self, where: Mapping[str, Json]) -> Json:
        if where.get("job_orders") == []:
            return []
        params = {"job_order": where.get("job_orders"), "equipment": where.get("equipment")}
        answer = await self._client.get("/staging", {name: value for name, value in params.items() if value})
        return [mapping.staging(item) for item in answer["staging"]]

    async def _lot(self, where: Mapping[str, Json]) -> Json:
        return mapping.lot(await self._client.get(f"/lots/{_one(where, 'lot')}"))

    async def _inspection(self, where: Mapping[str, Json]) -> Json:
        return mapping.inspection(await self._client.get(f"/inspections/{_one(where, 'inspection')}"))

    async def _equipment(self, where: Mapping[str, Json]) -> Json:
        return mapping.equipment(await self._client.get(f"/equipment/{_one(where, 'equipment')}"))


def _document(answer: Json) -> str:
    """`job order JO-1003 held (plan version 12)`, from a receipt: a first answer and a found one read alike."""
    result = answer["result"]
    named = f"job order {result['job_order_id']} {result['status']}" if "job_order_id" in result else "dispatch list"
    return f"{named} (plan version {result['version']})"


def _one(where: Mapping[str, Json], name: str) -> str:
    value = where.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPayloadError(f"The query needs '{name}'.")
    return quote(value, safe="")


def _horizon(text: Json) -> Any:
    try:
        return duration(str(text))
    except ValueError as error:
        raise InvalidPayloadError(str(error)) from error


def build(
    config: MesConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> MesSystem:
    """`secrets["token"]`: the bearer token. `transport` is for tests."""
    return MesSystem(config, MesClient(config, secrets["token"], transport))
