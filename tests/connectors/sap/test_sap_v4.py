"""OData v4 on the wire, against the strict service of the stand-in: token, versions, types, pages, JSON batches; and
what SAP might answer besides."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

import connectors.sap
import infra.standins.sap
from connectors.sap import edm4
from connectors.sap.connection import Change
from connectors.sap.sales import deliveries, sales_of
from connectors.sap.v4 import SapV4Client
from domain.errors import (
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)
from tests.conformance.system.suite import LosesAnswers
from tests.connectors.sap.lab import PASSWORD, Sap

SALE, ITEM, LINE = sales_of("v4").header, sales_of("v4").item, sales_of("v4").line
DAY = date(2026, 12, 1)


def client(sap: Sap, transport: httpx.AsyncBaseTransport | None = None) -> SapV4Client:
    return SapV4Client(sap.config(), PASSWORD, transport or httpx.AsyncHTTPTransport(verify=False))


def later(number: str, etag: str, **more: Any) -> Change:
    return Change(SALE, {"SalesOrder": number}, {"RequestedDeliveryDate": DAY, **more}, etag)


async def version(of: SapV4Client, number: str) -> str:
    return str((await of.read(SALE, {"SalesOrder": number}))["@etag"])


def day(sap: Sap, number: str) -> str:
    rows = {row["SalesOrder"]: row["RequestedDeliveryDate"] for row in sap.standin.dump("A_SalesOrder")}
    return str(rows[number])


MOVED = f"/Date({int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 1000})/"


def sent(sap: Sap) -> list[tuple[str, int]]:
    """Changes that reached the stand-in."""
    return [(call["method"], call["status"]) for call in sap.standin.records.calls() if call["method"] != "GET"]


async def test_entities_are_read_with_their_types_and_their_orders_version(sap: Sap) -> None:
    speaks = client(sap)
    sale = await speaks.read(SALE, {"SalesOrder": "SO-2001"})
    assert (type(sale["RequestedDeliveryDate"]), sale["CreationTime"]) == (date, time(0))
    assert sale["LastChangeDateTime"].tzinfo is UTC
    item = await speaks.read(ITEM, {"SalesOrder": "SO-2001", "SalesOrderItem": "10"})
    (line,) = await speaks.find(LINE, LINE.equals("SalesOrder", "SO-2001"))
    assert (type(item["RequestedQuantity"]), type(line["ScheduleLineOrderQuantity"])) == (Decimal, Decimal)
    assert line["ConfirmedDeliveryDate"] == item["ConfirmedDeliveryDate"] == sale["RequestedDeliveryDate"]
    assert sale["@etag"] == item["@etag"] == line["@etag"] != ""
    with pytest.raises(NotFoundError):
        await speaks.read(SALE, {"SalesOrder": "SO-9"})


async def test_pages_are_followed(sap: Sap) -> None:
    all_of_them = [row["SalesOrder"] for row in sap.standin.dump("A_SalesOrder")]
    sap.standin.page = 2
    try:
        found = await client(sap).find(SALE, " or ".join(SALE.equals("SalesOrder", name) for name in all_of_them))
        first = await client(sap).find(SALE, "", top=3)
    finally:
        sap.standin.page = 1000
    assert [row["SalesOrder"] for row in found] == all_of_them
    assert [row["SalesOrder"] for row in first] == all_of_them[:3]


async def test_a_change_carries_token_and_version(sap: Sap) -> None:
    speaks = client(sap)
    old = await version(speaks, "SO-2001")
    await speaks.change([later("SO-2001", old)])
    assert (day(sap, "SO-2001"), await version(speaks, "SO-2001") != old) == (MOVED, True)
    with pytest.raises(ConflictError) as stale:
        await speaks.change([later("SO-2001", old)])
    with pytest.raises(InvariantError, match="version"):
        await speaks.change([later("SO-2001", "")])
    assert stale.value.code == "sap.412"
    assert sent(sap) == [("PATCH", 200), ("PATCH", 412), ("PATCH", 428)]


async def test_a_token_that_has_ended_is_fetched_anew(sap: Sap) -> None:
    speaks = client(sap)
    await speaks.change([later("SO-2001", await version(speaks, "SO-2001"))])
    sap.standin.sessions.expire()
    await speaks.change([later("SO-2002", await version(speaks, "SO-2002"))])
    assert sent(sap) == [("PATCH", 200), ("PATCH", 403), ("PATCH", 200)]


async def test_a_batch_is_all_or_nothing(sap: Sap) -> None:
    speaks = client(sap)
    first, second = await version(speaks, "SO-2001"), await version(speaks, "SO-2002")
    await speaks.change([later("SO-2001", first), later("SO-2002", second)])
    assert day(sap, "SO-2001") == day(sap, "SO-2002") == MOVED
    untouched = day(sap, "SO-2003")
    with pytest.raises(ConflictError) as refused:
        await speaks.change([later("SO-2003", await version(speaks, "SO-2003")), later("SO-2001", first)])
    assert "STANDIN/412" in refused.value.detail
    assert day(sap, "SO-2003") == untouched


async def test_a_lost_answer_is_unknown(sap: Sap) -> None:
    speaks = client(sap, LosesAnswers(b"2026-12-01"))
    with pytest.raises(OutcomeUnknownError):
        await speaks.change([later("SO-2001", await version(speaks, "SO-2001"))])
    assert day(sap, "SO-2001") == MOVED


async def test_what_is_too_long_or_not_ours_is_not_sent(sap: Sap) -> None:
    for values, kind in (
        ({"PurchaseOrderByCustomer": "x" * 36}, RejectedError),
        ({"RequestedDeliveryDate": datetime(2026, 12, 1, tzinfo=UTC)}, InvariantError),
        ({"OverallSDProcessStatus": "C"}, InvariantError),
        ({"SalesOrderType": "OR"}, InvariantError),
    ):
        with pytest.raises(kind):
            await client(sap).change([Change(SALE, {"SalesOrder": "SO-2001"}, values, "*")])
    with pytest.raises(InvariantError):
        await client(sap).change([Change(LINE, dict.fromkeys(LINE.keys, "1"), {"ScheduleLineCategory": "CP"}, "*")])
    assert sent(sap) == []


REFUSED = {"error": {"code": "X/1", "message": "No", "details": [{"code": "Y/1", "message": "why"}]}}
ANSWERS: list[tuple[Any, type[Exception], str]] = [
    ({}, OutcomeUnknownError, ""),
    ({"responses": 3}, OutcomeUnknownError, ""),
    ({"responses": [{"id": "1", "status": 200}]}, OutcomeUnknownError, "1 answers to 2 changes"),
    ({"responses": [{"id": "all", "status": 400, "body": REFUSED}]}, RejectedError, "X/1 No [Y/1] why"),
    (
        {"responses": [{"id": "1", "status": 424}, {"id": "2", "status": 412, "body": REFUSED}]},
        ConflictError,
        "HTTP 412",
    ),
]


@pytest.mark.parametrize("told, kind, words", ANSWERS)
async def test_what_a_batch_may_be_answered(sap: Sap, told: Any, kind: type[Exception], words: str) -> None:
    class Partly(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "$batch" in str(request.url):
                return httpx.Response(200, json=told, request=request)
            return await super().handle_async_request(request)

    with pytest.raises(kind) as caught:
        await client(sap, Partly(verify=False)).change([later("SO-2001", "*"), later("SO-2002", "*")])
    assert words in getattr(caught.value, "detail", "")


VALUES = [
    ("String", "O'Brien", "'O''Brien'"),
    ("Date", date(2026, 11, 22), "2026-11-22"),
    ("TimeOfDay", time(13, 30), "13:30:00"),
    ("DateTimeOffset", datetime(2026, 11, 22, 5, tzinfo=UTC), "2026-11-22T05:00:00Z"),
    ("Decimal", Decimal("12345678901234567.89"), "12345678901234567.89"),
    ("Int64", 2**60, str(2**60)),
    ("Boolean", True, "true"),
    ("Guid", "6a0e6ab2-0000-4000-8000-000000000000", "6a0e6ab2-0000-4000-8000-000000000000"),
]


@pytest.mark.parametrize("edm, value, text", VALUES)
def test_values_travel_there_and_back(edm: str, value: Any, text: str) -> None:
    assert edm4.fits(edm, value)
    assert edm4.literal(edm, value) == text
    assert edm4.from_json(edm, edm4.to_json(edm, value)) == value


def test_a_moment_without_zone_is_none() -> None:
    assert not edm4.fits("DateTimeOffset", datetime(2026, 11, 22, tzinfo=UTC).replace(tzinfo=None))
    assert not edm4.fits("Date", datetime(2026, 11, 22, tzinfo=UTC))
    with pytest.raises(InvalidPayloadError):
        edm4.from_json("Date", "/Date(0)/")


def test_connector_and_stand_in_have_the_same_facts() -> None:
    """Two copies, so that neither imports the other; the promise is the only date of an order that is ours to set."""
    texts = [
        Path(package.__file__ or "").with_name("entities4.json").read_text()
        for package in (connectors.sap, infra.standins.sap)
    ]
    assert texts[0] == texts[1]
    assert SALE.property("RequestedDeliveryDate").updatable
    assert not LINE.updatable
    assert not ITEM.property("ConfirmedDeliveryDate").updatable
    source = json.loads(texts[0])["CE_SALESORDER_0001"]["source"]
    assert source == {"title": "Sales Order (A2X)", "at": "api.sap.com", "looked_at": "2026-11-22"}


def schedule(item: str, confirmed: int, on: int) -> dict[str, Any]:
    return {
        "SalesOrderItem": item,
        "RequestedDeliveryDate": date(2026, 12, 3),
        "ConfdOrderQtyByMatlAvailCheck": Decimal(confirmed),
        "ConfirmedDeliveryDate": date(2026, 12, on) if confirmed else None,
    }


LINES: list[tuple[list[dict[str, Any]], list[tuple[float, str]]]] = [
    ([], [(10, "2026-12-01")]),
    ([schedule("10", 10, 4)], [(10, "2026-12-04")]),
    ([schedule("10", 0, 4)], [(10, "2026-12-03")]),
    ([schedule("10", 4, 4), schedule("10", 5, 7)], [(4, "2026-12-04"), (5, "2026-12-07"), (1, "2026-12-03")]),
    ([schedule("20", 10, 9)], [(10, "2026-12-01")]),
]


@pytest.mark.parametrize("lines, told", LINES, ids=["no lines", "confirmed", "not", "in parts", "of another item"])
@pytest.mark.parametrize("speak", ["v2", "v4"])
def test_what_is_delivered_when(speak: Any, lines: list[dict[str, Any]], told: list[tuple[float, str]]) -> None:
    sets = sales_of(speak)
    item = {"SalesOrderItem": "10", sets.product: "PH-12", "RequestedQuantity": Decimal(10)}
    found = deliveries(sets, {"RequestedDeliveryDate": DAY}, [item], lines)
    assert found == [{"material": "PH-12", "quantity": much, "shipping_date": on} for much, on in told]


def answers(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, json=REFUSED, request=request)


@pytest.mark.parametrize(
    "status, kind",
    [(500, OutcomeUnknownError), (502, OutcomeUnknownError), (501, InvariantError), (409, ConflictError)],
)
async def test_a_refusal_of_a_change_says_what_happens_next(sap: Sap, status: int, kind: type[Exception]) -> None:
    class Failing(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return (
                answers(status)(request) if request.method == "PATCH" else await super().handle_async_request(request)
            )

    with pytest.raises(kind):
        await client(sap, Failing(verify=False)).change([later("SO-2001", "*")])
