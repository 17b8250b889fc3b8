"""The protocol layer of OData v4, on a small strict service: token, versions, types, pages, actions, JSON batches."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.sap import edm4
from connectors.sap.config import SapConfig
from connectors.sap.v4 import Change4, SapV4Client
from domain.errors import (
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)
from tests.conformance.system.suite import LosesAnswers
from tests.connectors.sap.small_v4 import ACTION, ORDERS, SmallV4
from tests.support.json_server import serving


class Lab:
    def __init__(self, service: SmallV4, url: str) -> None:
        self.service, self.url = service, url

    def client(self, transport: httpx.AsyncBaseTransport | None = None) -> SapV4Client:
        given: dict[str, Any] = {"url": self.url, "user": "MOS", "plant": "BRNO", "timeout": 5}
        return SapV4Client(SapConfig.model_validate(given), "secret", transport)


@pytest.fixture
def lab() -> Iterator[Lab]:
    service = SmallV4()
    with serving(service) as url:
        yield Lab(service, url)


def sooner(number: str, etag: str, **more: Any) -> Change4:
    return Change4(ORDERS, {"Order": number}, {"StartDate": date(2026, 11, 20), **more}, etag)


async def test_an_entity_is_read_with_its_types_and_its_version(lab: Lab) -> None:
    found = await lab.client().read(ORDERS, {"Order": "JO-1"})
    assert (found["StartDate"], found["StartTime"], found["Quantity"]) == (
        date(2026, 11, 22),
        time(6),
        Decimal("4.000"),
    )
    assert (found["ChangedAt"], found["@etag"]) == (datetime(2026, 11, 22, 5, tzinfo=UTC), 'W/"1"')
    with pytest.raises(NotFoundError):
        await lab.client().read(ORDERS, {"Order": "JO-9"})


async def test_pages_are_followed_on_our_own_host_only(lab: Lab) -> None:
    found = await lab.client().find(ORDERS, ORDERS.equals("Priority", "5"))
    assert [one["Order"] for one in found] == ["JO-1", "JO-2", "JO-3"]


async def test_a_change_carries_token_and_version(lab: Lab) -> None:
    client = lab.client()
    read = await client.read(ORDERS, {"Order": "JO-1"})
    await client.change([sooner("JO-1", read["@etag"], StartTime=time(5, 30), Quantity=Decimal("7.5"))])
    now = await client.read(ORDERS, {"Order": "JO-1"})
    assert (now["StartDate"], now["StartTime"], now["Quantity"]) == (date(2026, 11, 20), time(5, 30), Decimal("7.5"))
    with pytest.raises(ConflictError):
        await client.change([sooner("JO-1", read["@etag"])])
    with pytest.raises(InvariantError):
        await client.change([sooner("JO-1", "")])
    assert lab.service.fetched == 1


async def test_a_token_that_is_refused_is_fetched_anew(lab: Lab) -> None:
    client = lab.client()
    await client.change([sooner("JO-1", 'W/"1"')])
    lab.service.stale = True
    await client.change([sooner("JO-2", 'W/"1"')])
    assert (lab.service.fetched, lab.service.writes) == (2, ["PATCH JO-1", "PATCH JO-2"])


async def test_a_batch_is_all_or_nothing(lab: Lab) -> None:
    client = lab.client()
    await client.change([sooner("JO-1", 'W/"1"'), Change4(ORDERS, {"Order": "JO-2"}, {}, 'W/"1"', action=ACTION)])
    assert (lab.service.orders["JO-1"]["StartDate"], lab.service.orders["JO-2"]["Released"]) == ("2026-11-20", True)
    with pytest.raises(ConflictError):
        await client.change([sooner("JO-3", 'W/"1"'), sooner("JO-1", 'W/"1"')])
    assert lab.service.orders["JO-3"]["StartDate"] == "2026-11-22"


async def test_a_new_entity_comes_back_and_a_second_one_is_refused_in_the_systems_words(lab: Lab) -> None:
    client, values = lab.client(), {"Order": "JO-4", "Priority": "1", "StartDate": date(2026, 12, 1)}
    assert (await client.create(ORDERS, values))["@etag"] == 'W/"1"'
    with pytest.raises(RejectedError) as refused:
        await client.create(ORDERS, values)
    assert "X/400 there already [Y/1] why" in refused.value.detail


async def test_a_lost_answer_is_unknown(lab: Lab) -> None:
    with pytest.raises(OutcomeUnknownError):
        await lab.client(LosesAnswers(b"2026-11-20")).change([sooner("JO-1", 'W/"1"'), sooner("JO-2", 'W/"1"')])
    assert lab.service.writes == ["PATCH JO-1", "PATCH JO-2"]


@pytest.mark.parametrize("told", [{}, {"responses": 3}, {"responses": [{"id": "1", "status": 200}]}])
async def test_a_batch_that_is_answered_in_part_is_unknown(lab: Lab, told: Any) -> None:
    class Partly(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "$batch" in str(request.url):
                return httpx.Response(200, json=told, request=request)
            return await super().handle_async_request(request)

    with pytest.raises(OutcomeUnknownError):
        await lab.client(Partly()).change([sooner("JO-1", 'W/"1"'), sooner("JO-2", 'W/"1"')])


async def test_what_is_too_long_or_of_another_type_is_not_sent(lab: Lab) -> None:
    client = lab.client()
    with pytest.raises(RejectedError):
        await client.change([sooner("JO-1", 'W/"1"', Priority="10")])
    with pytest.raises(InvariantError):
        await client.change([sooner("JO-1", 'W/"1"', Quantity=3.5)])
    with pytest.raises(InvariantError):
        await client.change([sooner("JO-1", 'W/"1"', Released=True)])
    assert lab.service.fetched == 0


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
