"""A Tryton without our module as a System: what its stock models and buttons allow, each posting a saga of calls."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx

from connectors.probing import Finding, tried
from connectors.records import Books, Ref, Step, merged, stamped
from connectors.tryton.bare.places import Lots
from connectors.tryton.bare.questions import Questions
from connectors.tryton.bare.records import MODELS, PRODUCTION, SHIPMENT, BareRecords
from connectors.tryton.client import TrytonClient
from connectors.tryton.config import TrytonConfig
from connectors.way_back import Stood, measured, taken_back
from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import (
    DisposeLot,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    Receipt,
    RescheduleOrders,
)
from domain.errors import ConfigError, NotFoundError
from domain.values import Json

_READ = ("sale.sale", "stock.lot", "stock.move", "production.work")


class BareTryton:
    """Safe to call again with the same transaction, by one worker at a time: keys are not unique here."""

    def __init__(self, config: TrytonConfig, client: TrytonClient) -> None:
        self.name = config.name
        self._client, self._zone = client, ZoneInfo(config.timezone)
        self._questions, self._lots = Questions(client, config), Lots(client, config)

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        question = self._questions.by_name.get(name)
        if question is None:
            raise NotFoundError(f"Tryton has no query {name!r} without our module.")
        return await question(where)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        return await self._books().post(transaction, await self._steps(transaction))

    async def find(self, key: str) -> Receipt | None:
        return await self._books().find(key)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        return await self._books().preview(await self._steps(transaction))

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        stood, exact = Stood(shown, "Tryton"), await measured(transaction, receipt, SHIPMENT, self._lots.moved)
        return taken_back(exact, receipt, {}, "Tryton", lambda outcome: _undo(outcome, stood, self._zone))

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        return await self._books().read_back(await self._steps(transaction), receipt.key)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return await self._books().postings_since(moment)

    async def probe(self) -> list[Finding]:
        """May our user read what the queries read, and write and create what postings do?"""
        ways = [(model, ("read", "write", "create")) for model in MODELS] + [(model, ("read",)) for model in _READ]
        advice = "Give our user the groups Production, Stock and Sales, or install the module that has it."
        return [
            await tried(f"{way} {model}", self._may(model, way), advice=advice) for model, many in ways for way in many
        ]

    async def _may(self, model: str, way: str) -> None:
        if not (await self._client.access(model)).get(way):
            raise NotFoundError(f"Our user may not {way} {model}.")

    async def _steps(self, transaction: OutcomeTransaction) -> list[Step]:
        steps: list[Step] = []
        for number, outcome in enumerate(transaction.outcomes):
            match outcome:
                case RescheduleOrders():
                    made = [self._production(order) for order in outcome.orders]
                case HoldLot() | DisposeLot():
                    made = [await self._lots.step(outcome)]
                case _:
                    kind = outcome.kind.replace("_", " ")
                    raise ConfigError(f"A Tryton without our module takes no {kind}: leave it out or do it there.")
            steps += stamped(made, outcome, number)
        return merged(steps)

    def _production(self, order: PlannedOrder) -> Step:
        """Tryton itself lets nobody change the days of an order that waits already, and says so."""
        days = {
            "planned_start_date": order.planned_start.astimezone(self._zone).date().isoformat(),
            "planned_date": order.planned_end.astimezone(self._zone).date().isoformat(),
        }
        where = Ref(PRODUCTION, "number", order.job_order)
        return Step("write", PRODUCTION, f"production {order.job_order}", days, where, order.version)

    def _books(self) -> Books:
        return Books("Tryton", BareRecords(self._client), MODELS)


def _undo(outcome: Outcome, stood: Stood, zone: ZoneInfo) -> list[Outcome] | None:
    if isinstance(outcome, RescheduleOrders):
        return [RescheduleOrders(orders=[_order(order.job_order, stood, zone) for order in outcome.orders])]
    return None


def _order(number: str, stood: Stood, zone: ZoneInfo) -> PlannedOrder:
    record = f"production {number}"
    start, end = (_noon(stood.of(record, name), zone) for name in ("planned_start_date", "planned_date"))
    return PlannedOrder(job_order=number, planned_start=start, planned_end=end)


def _noon(day: Json, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=zone)


def build(
    config: TrytonConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> BareTryton:
    """`secrets["password"]`: of `config.user`. `transport` is for tests."""
    return BareTryton(config, TrytonClient(config, secrets["password"], transport))
