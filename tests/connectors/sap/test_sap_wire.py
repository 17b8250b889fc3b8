"""The OData client on the wire: tokens, errors, literals, changesets; what SAP might answer, table by table."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from connectors.sap import edm
from connectors.sap.client import SapClient
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change
from connectors.sap.facts import HEADER, NOTICE, ORDER
from connectors.sap.multipart import Part, answers, changeset
from connectors.sap.sales import sales_of
from connectors.sap.unsure import Unsure
from domain.errors import (
    AuthError,
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    TransientError,
)

SAID = {"error": {"code": "CO/017", "message": {"lang": "en", "value": "Order is locked"}}}
BASE: dict[str, Any] = {"url": "http://sap", "plant": "BRNO", "client": "100"}


class Sap(httpx.AsyncBaseTransport):
    """Gives tokens, and answers anything else with what the test says; keeps the requests."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self.fetched = 0
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("X-CSRF-Token") == "Fetch":
            self.fetched += 1
            headers = {"X-CSRF-Token": f"token-{self.fetched}", "Set-Cookie": f"SAP_SESSIONID=s{self.fetched}; path=/"}
            return httpx.Response(200, headers=headers, json={"d": {}}, request=request)
        self.requests.append(request)
        found = self._answer(request)
        found.request = request
        return found


def client(sap: Sap, **changes: Any) -> SapClient:
    given = BASE | (changes or {"user": "MOS"})
    return SapClient(SapConfig.model_validate(given), "secret", sap)


def says(status: int, body: Any = None, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=SAID if body is None else body, headers=headers)


ONE = Change(ORDER, {"ManufacturingOrder": "JO-1"}, {"ManufacturingOrderImportance": "1"}, "W/\"'1'\"")
TWO = Change(ORDER, {"ManufacturingOrder": "JO-2"}, {"ManufacturingOrderImportance": "2"}, "W/\"'2'\"")
ERRORS: list[tuple[int, type[MosError], type[MosError]]] = [
    (400, RejectedError, RejectedError),
    (401, AuthError, AuthError),
    (403, AuthError, AuthError),
    (404, NotFoundError, NotFoundError),
    (405, InvariantError, InvariantError),
    (409, ConflictError, ConflictError),
    (412, ConflictError, ConflictError),
    (428, InvariantError, InvariantError),
    (429, RateLimitedError, RateLimitedError),
    (500, TransientError, OutcomeUnknownError),
    (502, TransientError, OutcomeUnknownError),
    (503, TransientError, TransientError),
    (504, TransientError, OutcomeUnknownError),
]


@pytest.mark.parametrize("status, reading, writing", ERRORS)
async def test_a_status_says_what_happens_next(status: int, reading: type[MosError], writing: type[MosError]) -> None:
    sap = Sap(says(status))
    with pytest.raises(MosError) as read:
        await client(sap).find(ORDER, "")
    with pytest.raises(MosError) as written:
        await client(sap).change([ONE])
    assert (type(read.value), type(written.value)) == (reading, writing)
    if status in (400, 412, 500):
        assert "Order is locked" in written.value.detail


async def test_a_write_carries_token_cookie_version_client_and_language() -> None:
    sap = Sap(says(204))
    await client(sap).change([ONE])
    request = sap.requests[0]
    assert request.method == "PATCH"
    assert unquote(request.url.path).endswith("/API_PRODUCTION_ORDER_2_SRV/A_ProductionOrder_2('JO-1')")
    assert dict(request.url.params) == {"sap-client": "100", "sap-language": "EN"}
    assert request.headers["X-CSRF-Token"] == "token-1"
    assert "SAP_SESSIONID=s1" in request.headers["Cookie"]
    assert request.headers["If-Match"] == "W/\"'1'\""


async def test_an_old_token_is_fetched_again_once() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["X-CSRF-Token"] == "token-1":
            return httpx.Response(403, headers={"X-CSRF-Token": "Required"}, text="CSRF token validation failed")
        return httpx.Response(204)

    sap = Sap(answer)
    await client(sap).change([ONE])
    assert [request.headers["X-CSRF-Token"] for request in sap.requests] == ["token-1", "token-2"]
    assert "SAP_SESSIONID=s2" in sap.requests[-1].headers["Cookie"]


async def test_no_token_is_ever_good_enough() -> None:
    sap = Sap(lambda _: httpx.Response(403, headers={"X-CSRF-Token": "Required"}))
    with pytest.raises(AuthError, match="cookies"):
        await client(sap).change([ONE])
    assert len(sap.requests) == 2


async def test_a_refused_user_is_not_mistaken_for_an_old_token() -> None:
    sap = Sap(says(403))
    with pytest.raises(AuthError):
        await client(sap).change([ONE])
    assert (sap.fetched, len(sap.requests)) == (1, 1)


async def test_many_writers_share_one_token() -> None:
    sap = Sap(says(204))
    shared = client(sap)
    await asyncio.gather(*(shared.change([ONE]) for _ in range(8)))
    assert sap.fetched == 1


@pytest.mark.parametrize(
    "error, kind",
    [
        (httpx.ConnectError("refused"), TransientError),
        (httpx.ReadTimeout("late"), OutcomeUnknownError),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknownError),
    ],
)
async def test_a_lost_posting_is_unknown_and_an_unsent_one_is_not(error: Exception, kind: type[MosError]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(kind):
        await client(Sap(answer)).change([ONE])


async def test_an_unreadable_answer_to_a_posting_is_unknown() -> None:
    sap = Sap(lambda _: httpx.Response(201, text="<html>"))
    with pytest.raises(OutcomeUnknownError):
        await client(sap).create(NOTICE, {"NotificationText": "x", "NotificationType": "M2"})
    with pytest.raises(InvalidPayloadError):
        await client(sap).find(NOTICE, "")


@pytest.mark.parametrize(
    "answer, kind",
    [
        (lambda _: httpx.Response(302, headers={"Location": "https://login"}), AuthError),
        (lambda _: httpx.Response(200, headers={"Content-Type": "text/html"}, text="<form>"), OutcomeUnknownError),
    ],
    ids=["redirect", "page"],
)
async def test_a_log_in_page_is_no_success(answer: Callable[[httpx.Request], httpx.Response], kind: Any) -> None:
    with pytest.raises(kind):
        await client(Sap(answer)).change([ONE])


def test_a_document_without_an_answer_may_still_appear() -> None:
    moment = [100.0]
    unsure = Unsure(60, lambda: moment[0])
    unsure.check("a")
    unsure.note("a")
    moment[0] += 59
    unsure.check("b")
    with pytest.raises(OutcomeUnknownError):
        unsure.check("a")
    moment[0] += 2
    unsure.check("a")


async def test_client_credentials_are_renewed_once() -> None:
    given: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "login":
            given.append(request.content.decode())
            return httpx.Response(200, json={"access_token": f"t{len(given)}"})
        fresh = request.headers["Authorization"] == "Bearer t2"
        return httpx.Response(200, json={"d": {"results": []}}) if fresh else httpx.Response(401)

    oauth = {"token_url": "https://login/token", "client_id": "mos", "scope": "erp"}
    sap = Sap(answer)
    assert await client(sap, oauth=oauth).find(ORDER, "") == []
    assert given == ["grant_type=client_credentials&scope=erp"] * 2


def changeset_answer(*parts: str, whole: bool = True) -> bytes:
    inner = [f"--c\r\nContent-Type: application/http\r\n\r\n{part}\r\n" for part in parts]
    if not whole:
        return f"--b\r\nContent-Type: application/http\r\n\r\n{parts[0]}\r\n--b--\r\n".encode()
    text = "".join(inner)
    return f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{text}--c--\r\n--b--\r\n".encode()


DONE = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
STALE = f"HTTP/1.1 412 Precondition Failed\r\nContent-Type: application/json\r\n\r\n{json.dumps(SAID)}"


@pytest.mark.parametrize(
    "body, kind",
    [
        (changeset_answer(DONE, DONE), None),
        (changeset_answer(STALE, whole=False), ConflictError),
        (changeset_answer(DONE), OutcomeUnknownError),
        (b"nonsense", OutcomeUnknownError),
    ],
)
async def test_a_changeset_is_one_request(body: bytes, kind: type[MosError] | None) -> None:
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    sap = Sap(lambda _: httpx.Response(202, content=body, headers=headers))
    if kind is None:
        await client(sap).change([ONE, TWO])
    else:
        with pytest.raises(kind):
            await client(sap).change([ONE, TWO])
    sent = sap.requests[0].content.decode()
    assert sap.requests[0].url.path.endswith("/$batch")
    assert sent.count("PATCH A_ProductionOrder_2") == 2
    assert "Content-ID: 1" in sent
    assert "Content-ID: 2" in sent
    assert sent.count("If-Match: W/") == 2


def test_a_changeset_reads_back_as_it_was_written() -> None:
    kind, body = changeset([Part("PATCH", "A('1')", {"Text": "ä\r\n--batch"})], "x")
    assert kind == "multipart/mixed; boundary=batch_x"
    assert b'{"Text": "\\u00e4\\r\\n--batch"}' in body
    with pytest.raises(InvalidPayloadError):
        answers(kind, body)  # requests are no answers


async def test_pages_are_followed_on_the_same_host_only() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "skiptoken" in str(request.url):
            return httpx.Response(200, json={"d": {"results": [{"SalesOrder": "2"}]}})
        following = "http://elsewhere/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?$skiptoken=1"
        return httpx.Response(200, json={"d": {"results": [{"SalesOrder": "1"}], "__next": following}})

    sap = Sap(answer)
    found = await client(sap).find(sales_of("v2").header, "")
    assert [record["SalesOrder"] for record in found] == ["1", "2"]
    assert {request.url.host for request in sap.requests} == {"sap"}


@pytest.mark.parametrize(
    "type_, value, text",
    [
        ("String", "O'Neil & Söhne", "'O''Neil & Söhne'"),
        ("DateTime", date(2026, 11, 24), "datetime'2026-11-24T00:00:00'"),
        ("DateTimeOffset", datetime(2026, 11, 24, 8, tzinfo=UTC), "datetimeoffset'2026-11-24T08:00:00Z'"),
        ("Time", time(8, 5), "time'PT08H05M00S'"),
        ("Decimal", Decimal("12.50"), "12.50M"),
        ("Guid", "0050568e-1c2d-1ed5-8000-000000000000", "guid'0050568e-1c2d-1ed5-8000-000000000000'"),
        ("Boolean", True, "true"),
        ("Int64", 7, "7L"),
    ],
)
def test_literals(type_: str, value: Any, text: str) -> None:
    assert edm.literal(type_, value) == text


async def test_a_filter_cannot_be_broken_out_of() -> None:
    sap = Sap(says(200, {"d": {"results": []}}))
    await client(sap).find(ORDER, ORDER.equals("ManufacturingOrder", "x' or 1&$top"))
    assert sap.requests[0].url.params["$filter"] == "ManufacturingOrder eq 'x'' or 1&$top'"
    assert "+" not in str(sap.requests[0].url)


@pytest.mark.parametrize(
    "type_, value",
    [
        ("DateTime", date(2026, 11, 24)),
        ("DateTimeOffset", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        ("Time", time(8, 5, 9)),
        ("Decimal", Decimal("12.50")),
        ("Boolean", False),
        ("String", ""),
    ],
)
def test_values_come_back_as_they_went(type_: str, value: Any) -> None:
    assert edm.fits(type_, value)
    assert edm.from_json(type_, json.loads(json.dumps(edm.to_json(type_, value)))) == value


@pytest.mark.parametrize(
    "values, creating, kind",
    [
        ({"NotificationText": "x" * 41}, True, RejectedError),
        ({"NotificationText": 5}, True, InvariantError),
        ({"NotificationType": "M2"}, False, InvariantError),
        ({"CreationDate": date(2026, 1, 1)}, True, InvariantError),
        ({"MalfunctionStartDate": datetime(2026, 1, 1, tzinfo=UTC)}, True, InvariantError),
        ({"NoSuchField": "x"}, True, InvariantError),
    ],
)
def test_bodies_are_checked_before_they_are_sent(values: dict[str, Any], creating: bool, kind: type[MosError]) -> None:
    with pytest.raises(kind):
        NOTICE.body(values, creating=creating)


def test_what_cannot_be_changed_is_not_changed() -> None:
    with pytest.raises(InvariantError):
        HEADER.body({"DocumentDate": date(2026, 1, 1)}, creating=False)
    with pytest.raises(InvariantError):
        NOTICE.compare("ConcatenatedActiveSystStsName", "eq", "x")


@pytest.mark.parametrize(
    "changes, word",
    [
        ({}, "user"),
        ({"user": "MOS", "oauth": {"token_url": "https://login", "client_id": "x"}}, "not both"),
        ({"user": "MOS", "timezone": "Brno"}, "time zone"),
        ({"user": "MOS", "client": "1"}, "client"),
        ({"user": "MOS", "password": "x"}, "password"),
        ({"user": "MOS", "services": ["API_NONE"]}, "API_NONE"),
        ({"user": "MOS", "downtime": {"type": "M2", "fields": {"NoSuchField": "1"}}}, "NoSuchField"),
        ({"user": "MOS", "repair": {"type": "M1", "fields": {"MaintenancePlanningPlant": "12345"}}}, "at most 4"),
        ({"user": "MOS", "importance": {"10": 5}}, "one character"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        SapConfig.model_validate(BASE | changes)


def test_a_customers_own_fields_are_let_through() -> None:
    config = SapConfig.model_validate(
        BASE | {"user": "MOS", "downtime": {"type": "M2", "fields": {"YY1_Line_NOT": "A"}}}
    )
    assert NOTICE.body(config.downtime.fields, creating=True) == {"YY1_Line_NOT": "A"}
