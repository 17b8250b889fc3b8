"""The suite of every System on a real Tryton, by its stock models and buttons only; and what that costs."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.roles import System
from connectors.tryton.bare.connector import BareTryton, build
from connectors.tryton.config import TrytonConfig
from connectors.tryton.manifest import MANIFEST, manifest_for
from domain.books.outcomes import (
    DisposeLot,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    Receipt,
    RecordDowntime,
    RescheduleOrders,
)
from domain.books.outcomes import System as Target
from domain.errors import ConfigError, RejectedError
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from infra.connect import Connection, atomic
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.connectors.tryton.conftest import Erp

_GROUPS = ["Production", "Stock", "Sales"]
_PASSWORD = "only for this Tryton 8"
FREE, OTHER, RESERVED = "L-GS-301", "L-CAST-702", "L-BAR-502"
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("erp.orders", {"job_orders": ["1", "7"]}),
    ("erp.sales_demand", {"job_orders": ["1", "7"]}),
    ("erp.sale", {"sale": "SO-2001"}),
    ("erp.lot", {"lot": FREE}),
]


class Office:
    """An administrator of Tryton, and the user that she made for us: stock groups, nothing of our module."""

    def __init__(self, erp: Erp) -> None:
        self.erp, self._http = erp, httpx.Client(timeout=60, headers={"Accept-Encoding": "gzip"})
        said = self._send("common.db.login", ["admin", {"password": erp.passwords["admin"]}, "en"])
        session = base64.b64encode(f"admin:{said[0]}:{said[1]}".encode()).decode()
        self._http.headers["Authorization"] = f"Session {session}"
        self.add_user("mos_bare", self.call("res.group", "search", [["name", "in", _GROUPS]], 0, None, None))

    def add_user(self, login: str, groups: list[int]) -> None:
        company = {"companies": [["add", [1]]], "company": 1}
        user = {"name": login, "login": login, "password": _PASSWORD, "groups": [["add", groups]], **company}
        self.call("res.user", "create", [user])

    def call(self, model: str, method: str, *params: Any) -> Any:
        return self._send(f"model.{model}.{method}", [*params, {"company": 1}])

    def read(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call(model, "search_read", domain, 0, None, None, list(fields))
        return found

    def _send(self, method: str, params: list[Any]) -> Any:
        answer = self._http.post(f"{self.erp.url}erp/rpc/", json={"id": 1, "method": method, "params": params}).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def office(erp: Erp) -> Iterator[Office]:
    """Two orders are drafts: stock Tryton lets nobody move one that waits."""
    office = Office(erp)
    drafts = [one["id"] for one in office.read("production", [["number", "in", ["7", "9"]]], "number")]
    office.call("production", "draft", drafts)
    yield office
    office.close()


class BareBooks:
    secret = _PASSWORD

    def __init__(self, office: Office) -> None:
        self.office, self.start = office, office.erp.anchor

    def system(
        self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", user: str = "mos_bare"
    ) -> BareTryton:
        config = TrytonConfig(
            url=self.office.erp.url, database="erp", user=user, timezone="Europe/Prague", timeout=30,
            module=False, quarantine="Quarantine", sale_field="reference",
        )  # fmt: skip
        return build(config, {"password": secret or self.secret}, transport)

    def transaction(self, key: str) -> OutcomeTransaction:
        return self.posting(key, self.moved("7", 3))

    def other(self, key: str) -> OutcomeTransaction:
        return self.posting(key, self.moved("7", 4))

    async def stale(self, key: str) -> OutcomeTransaction:
        (order,) = await self.system().query("erp.orders", {"job_orders": ["9"]})
        await self.edit()
        return self.posting(key, self.moved("9", 5, order["version"]))

    async def query(self, system: System) -> object:
        return await system.query("erp.sale", {"sale": "SO-2001"})

    async def change(self, key: str) -> OutcomeTransaction:
        return self.posting(key, self.moved("9", 6 + self._day()))

    async def edit(self) -> None:
        day = self.start.date() + timedelta(days=20 + self._day())
        date = {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
        (order,) = self.office.read("production", [["number", "=", "9"]], "number")
        self.office.call("production", "write", [order["id"]], {"planned_date": date})

    def _day(self) -> int:
        """Another one each time."""
        (order,) = self.office.read("production", [["number", "=", "9"]], "planned_date")
        return int(order["planned_date"]["day"]) % 7

    def count(self, key: str) -> int:
        models = ("production", "stock.shipment.internal")
        found = [
            one for model in models for one in self.office.read(model, [["reference", "like", "key:%"]], "reference")
        ]
        return sum(one["reference"].rpartition("#")[0] == key for one in found)

    def moved(self, order: str, days: int, version: str = "") -> RescheduleOrders:
        start = self.start + timedelta(days=days)
        moved = PlannedOrder(
            job_order=order, planned_start=start, planned_end=start + timedelta(days=1), version=version
        )
        return RescheduleOrders(orders=[moved])

    @staticmethod
    def posting(key: str, *outcomes: Outcome) -> OutcomeTransaction:
        return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=list(outcomes))


@pytest.fixture
def books(office: Office) -> BareBooks:
    return BareBooks(office)


class TestBareConformance(SystemConformance, LedgerConformance):
    """A posting is the request that stamps a key."""

    posting = b'"reference":"key:'


class Remembers(httpx.AsyncBaseTransport):
    """Which fields of which models were asked for, searched by or set."""

    def __init__(self) -> None:
        self._inner, self.used = httpx.AsyncHTTPTransport(), set[tuple[str, str]]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        said = json.loads(request.content)
        model, _, method = said["method"].removeprefix("model.").rpartition(".")
        given: list[Any] = said["params"]
        if method == "search_read":
            named = [*given[4], *(leaf[0] for leaf in given[0] if leaf != "OR")]
        else:
            named = list(given[0][0]) if method == "create" else list(given[1]) if method == "write" else []
        self.used |= {(model, str(name).split(".", 1)[0]) for name in named}
        return await self._inner.handle_async_request(request)


async def test_it_uses_nothing_of_our_module(books: BareBooks) -> None:
    asked = Remembers()
    system = books.system(transport=asked)
    for name, where in QUESTIONS:
        await system.query(name, where)
    await system.post(books.posting("exc:uses:move", books.moved("7", 9)))
    await system.post(books.posting("exc:uses:hold", HoldLot(lot=OTHER, quantity=10, reason="dents")))
    fields = books.office.read("ir.model.field", [["module", "=", "mfgos"]], "model", "name")
    ours = {(one["model"], one["name"]) for one in fields}
    assert ("stock.lot", "hold") in ours
    assert len(asked.used) > 30
    assert not asked.used & ours


async def test_answers_are_of_the_declared_types(books: BareBooks) -> None:
    system = books.system()
    for name, where in QUESTIONS:
        answer = await system.query(name, where)
        assert answer
        assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""


async def test_a_lot_goes_to_quarantine_and_back(books: BareBooks) -> None:
    """So much as the hold shipped: what somebody else had put there before stays there."""
    system = books.system()
    theirs = books.posting("exc:lot:theirs", HoldLot(lot=FREE, quantity=2, reason="scratches"))
    await system.post(theirs)
    hold = books.posting("exc:lot:hold", HoldLot(lot=FREE, reason="dents"))
    receipt = await system.post(hold)
    assert (await system.query("erp.lot", {"lot": FREE}))["hold"]
    assert (await system.post(hold)).documents == receipt.documents
    with pytest.raises(RejectedError, match="how much it moved"):
        await system.reversal(hold, Receipt(key=hold.key), None)
    back = books.posting("exc:lot:back", *await system.reversal(hold, receipt, None))
    await system.post(back)
    places = (await system.query("erp.lot", {"lot": FREE}))["places"]
    assert [one["free"] for one in places if one["quarantine"]] == [2]
    await system.post(books.posting("exc:lot:rest", DisposeLot(lot=FREE, disposition="release")))
    places = (await system.query("erp.lot", {"lot": FREE}))["places"]
    assert [one["quarantine"] for one in places] == [False]


class Hinders(httpx.AsyncBaseTransport):
    """Does something just before Tryton is asked to do the shipment."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self._inner, self._deed = httpx.AsyncHTTPTransport(), deed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if b'"model.stock.shipment.internal.do"' in request.content:
            self._deed()
        return await self._inner.handle_async_request(request)


async def test_what_can_not_be_done_is_cancelled_and_gives_the_key_back(books: BareBooks) -> None:
    def unassign() -> None:
        (shipment,) = books.office.read("stock.shipment.internal", [["reference", "like", "exc:hindered#%"]], "state")
        books.office.call("stock.shipment.internal", "wait", [shipment["id"]])

    hold = books.posting("exc:hindered", HoldLot(lot=OTHER, reason="dents"))
    with pytest.raises(RejectedError):
        await books.system(transport=Hinders(unassign)).post(hold)
    assert await books.system().find("exc:hindered") is None
    states = {one["state"] for one in books.office.read("stock.shipment.internal", [], "state")}
    assert states <= {"cancelled", "done"}
    assert (await books.system().post(hold)).documents


async def test_a_lot_that_orders_have_reserved_is_not_taken_from_them(books: BareBooks) -> None:
    hold = books.posting("exc:reserved", HoldLot(lot=RESERVED, reason="dents"))
    for refused in (books.system().preview(hold), books.system().post(hold)):
        with pytest.raises(RejectedError, match="Productions 3, 8 have reserved"):
            await refused


async def test_more_than_there_is_is_refused(books: BareBooks) -> None:
    with pytest.raises(RejectedError, match="not that much"):
        await books.system().post(books.posting("exc:much", HoldLot(lot=OTHER, quantity=1000, reason="dents")))


async def test_an_order_that_waits_is_refused_by_tryton(books: BareBooks) -> None:
    system = books.system()
    with pytest.raises(RejectedError) as refused:
        await system.post(books.posting("exc:waits", books.moved("10", 3)))
    assert "Planned" in refused.value.detail


async def test_what_it_does_not_know_is_said_before_it_is_drafted(books: BareBooks) -> None:
    found = manifest_for({"module": False, "quarantine": "Quarantine"})
    assert set(found.outcomes) == {"reschedule_orders", "hold_lot", "dispose_lot"}
    assert set(manifest_for({"module": False}).outcomes) == {"reschedule_orders"}
    assert manifest_for({"url": "http://erp"}) == MANIFEST
    with pytest.raises(ConfigError, match="takes no record downtime"):
        await books.system().post(books.posting("exc:no", RecordDowntime(equipment="mill-1", start=books.start)))


def test_it_posts_one_by_one() -> None:
    entry = {"name": "erp", "kind": "tryton", "role": "erp"}
    assert atomic([Connection(**entry, config={"url": "http://erp", "module": False})]) == frozenset()
    assert atomic([Connection(**entry, config={"url": "http://erp"})]) == frozenset({"erp"})


async def test_connecting_finds_what_our_user_may_not(books: BareBooks) -> None:
    assert all(one.ok for one in await books.system().probe())
    books.office.add_user("mos_stranger", [])
    missing = [one.what for one in await books.system(user="mos_stranger").probe() if not one.ok]
    assert "write production" in missing
