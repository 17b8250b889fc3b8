"""The OData v4 service of the stand-in: what it refuses, table by table, and that its books are those of v2."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from infra.standins.sap.app import ROOT, ROOT4, SapStandIn, build_app
from infra.standins.serve import serving

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SERVICE = f"{ROOT4}/api_salesorder/srvd_a2x/sap/salesorder/0001"
SALE = f"{SERVICE}/SalesOrder('SO-2001')"
SALE2 = f"{ROOT}/API_SALES_ORDER_SRV/A_SalesOrder('SO-2001')"
ITEM = f"{SERVICE}/SalesOrderItem(SalesOrder='SO-2001',SalesOrderItem='10')"
LINE = f"{SERVICE}/SalesOrderScheduleLine(SalesOrder='SO-2001',SalesOrderItem='10',ScheduleLine='1')"
LATER = {"RequestedDeliveryDate": "2026-12-24"}
EXACT = {"accept": "application/json;IEEE754Compatible=true"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[SapStandIn, httpx.Client]]:
    standin = SapStandIn({"MOS": "word"}, clock=lambda: NOW)
    with (
        serving(build_app(standin, "control")) as url,
        httpx.Client(base_url=url, headers={"accept": "application/json"}, auth=("MOS", "word")) as client,
    ):
        yield standin, client


@pytest.fixture
def web(running: tuple[SapStandIn, httpx.Client]) -> httpx.Client:
    standin, client = running
    standin.reset()
    standin.seed()
    standin.records.clear()
    client.cookies.clear()
    client.headers.pop("x-csrf-token", None)
    client.headers["x-csrf-token"] = client.get(f"{SERVICE}/", headers={"x-csrf-token": "Fetch"}).headers[
        "x-csrf-token"
    ]
    return client


def error(response: httpx.Response) -> str:
    """OData v4 says every refusal in the same form."""
    said = response.json()["error"]
    assert set(said) == {"code", "message", "target", "details"}
    return f"{said['code']} {said['message']}"


READS = [
    (f"{SERVICE}/Nothing", 404, "Nothing"),
    (f"{ROOT4}/api_other/srvd_a2x/sap/other/0001/Thing", 404, "api_other"),
    (f"{SERVICE}/SalesOrder('SO-9')", 404, "SO-9"),
    (f"{SERVICE}/SalesOrder(12)", 400, "Invalid key"),
    (f"{SERVICE}/SalesOrder(Order='SO-2001')", 400, "The key of SalesOrder is SalesOrder"),
    (f"{SERVICE}/SalesOrderItem('SO-2001')", 400, "The key of"),
    (f"{SERVICE}/SalesOrderItem(SalesOrder='1',SalesOrder='2')", 400, "Invalid key"),
    (f"{SALE}/_Nothing", 404, "_Nothing"),
    (f"{SALE}/_Item", 501, "_Item"),
    (f"{SALE}?$expand=_Item", 501, "$expand"),
    (f"{SALE}?$select=SalesOrder", 501, "$select"),
    (f"{SERVICE}/SalesOrder?$orderby=SalesOrder", 501, "$orderby"),
    (f"{SERVICE}/SalesOrder?$count=true", 501, "$count"),
    (f"{SERVICE}/SalesOrder?filter=x", 400, "Unknown query parameter"),
    (f"{SERVICE}/SalesOrder?$top=1&$top=2", 400, "twice"),
    (f"{SERVICE}/SalesOrder?$top=-1", 400, "$top"),
    (f"{SERVICE}/SalesOrder?$filter=Nothing eq '1'", 400, "Property 'Nothing' not found"),
    (f"{SERVICE}/SalesOrder?$filter=SalesOrder eq SO", 400, "Invalid $filter"),
    (f"{SERVICE}/SalesOrder?$filter=SalesOrder eq 'a' xor SalesOrder eq 'b'", 400, "Invalid $filter"),
    (f"{SERVICE}/SalesOrder?$filter=SalesOrder has 'a'", 400, "Operator 'has'"),
    (f"{SERVICE}/SalesOrder?$filter=SalesOrder gt 'a'", 501, "'gt'"),
    (f"{SERVICE}/SalesOrder?$filter=SoldToParty eq 'a'", 501, "SoldToParty"),
]


@pytest.mark.parametrize("address, status, says", READS)
def test_reads_that_are_refused(web: httpx.Client, address: str, status: int, says: str) -> None:
    answer = web.get(address)
    assert answer.status_code == status
    assert says in error(answer)


def test_an_answer_keeps_to_the_format(web: httpx.Client) -> None:
    plain, exact = web.get(ITEM), web.get(ITEM, headers=EXACT)
    assert plain.headers["odata-version"] == "4.0"
    assert type(plain.json()["RequestedQuantity"]) is float
    assert (exact.json()["RequestedQuantity"], exact.json()["Product"]) == ("40.0", "GS-40")
    assert "IEEE754Compatible=true" in exact.headers["content-type"]
    assert exact.headers["etag"] == exact.json()["@odata.etag"] == web.get(SALE).headers["etag"]
    assert web.get(SALE, headers={"accept": "application/xml"}).status_code == 406
    sale = web.get(SALE).json()
    assert (sale["LastChangeDateTime"], sale["CreationDate"], sale["CreationTime"], sale["PaymentMethod"]) == (
        "2026-11-22T08:00:00.000Z",
        "2026-11-22",
        "00:00:00",
        "",
    )


def test_keys_are_filtered_with_and_and_or(web: httpx.Client) -> None:
    where = "SalesOrder eq 'SO-2001' and SalesOrderItem eq '10' or SalesOrder eq 'SO-2002' and SalesOrderItem eq '99'"
    found = web.get(f"{SERVICE}/SalesOrderItem", params={"$filter": where}).json()["value"]
    assert [(row["SalesOrder"], row["SalesOrderItem"]) for row in found] == [("SO-2001", "10")]


CHANGES: list[tuple[str, str, Any, str | None, int, str]] = [
    ("PATCH", SALE, LATER, None, 428, "Precondition required"),
    ("PATCH", SALE, LATER, 'W/"V4-0"', 412, "Precondition failed"),
    ("PATCH", SALE, {"Nothing": 1}, "*", 400, "'Nothing' is invalid"),
    ("PATCH", SALE, {"RequestedDeliveryDate": "24.12.2026"}, "*", 400, "no Edm.Date"),
    ("PATCH", SALE, {"RequestedDeliveryDate": "2026-12-24T00:00:00Z"}, "*", 400, "no Edm.Date"),
    ("PATCH", SALE, {"RequestedDeliveryDate": "/Date(0)/"}, "*", 400, "no Edm.Date"),
    ("PATCH", SALE, {"RequestedDeliveryDate": 5}, "*", 400, "no Edm.Date"),
    ("PATCH", SALE, {"CompleteDeliveryIsDefined": "X"}, "*", 400, "no Edm.Boolean"),
    ("PATCH", SALE, {"PurchaseOrderByCustomer": 5}, "*", 400, "no Edm.String"),
    ("PATCH", SALE, {"PurchaseOrderByCustomer": "x" * 36}, "*", 400, "longer than 35"),
    ("PATCH", SALE, {"PurchaseOrderByCustomer": None}, "*", 400, "must not be null"),
    ("PATCH", SALE, {"OverallSDProcessStatus": "C"}, "*", 400, "cannot be changed"),
    ("PATCH", SALE, {"SalesOrderType": "OR"}, "*", 400, "cannot be changed"),
    ("PATCH", SALE, {"SalesOrder": "SO-1"}, "*", 400, "cannot be changed"),
    ("PATCH", SALE, {"SoldToParty": "NOBODY"}, "*", 400, "NOBODY is not defined"),
    ("PATCH", SALE, {"FixedValueDate": "2026-12-24"}, "*", 501, "FixedValueDate"),
    ("PATCH", SALE, {}, "*", 400, "names properties"),
    ("PATCH", SALE, [LATER], "*", 400, "one JSON object"),
    ("PATCH", f"{SALE}?$select=SalesOrder", LATER, "*", 400, "query option"),
    ("PATCH", f"{SERVICE}/SalesOrder('SO-9')", LATER, "*", 404, "SO-9"),
    ("PATCH", f"{SERVICE}/SalesOrder", LATER, "*", 405, "by its key"),
    ("PATCH", LINE, {"ConfirmedDeliveryDate": "2026-12-24"}, "*", 405, "cannot be changed"),
    ("PATCH", ITEM, LATER, "*", 501, "SalesOrderItem"),
    ("POST", f"{SERVICE}/SalesOrderItem", {}, None, 405, "not allowed"),
    ("POST", f"{SERVICE}/SalesOrder", {"SalesOrderType": "OR"}, None, 501, "POST"),
    ("DELETE", SALE, None, "*", 405, "not allowed"),
    ("PUT", SALE, LATER, "*", 501, "PUT"),
    ("POST", f"{SALE}/SAP__self.UpdatePrices", {}, "*", 501, "UpdatePrices"),
]


@pytest.mark.parametrize("method, address, body, match, status, says", CHANGES)
def test_changes_that_are_refused(
    web: httpx.Client, method: str, address: str, body: Any, match: str | None, status: int, says: str
) -> None:
    before = web.get(SALE).json()
    headers = {"if-match": match} if match else {}
    answer = web.request(method, address, json=body, headers=headers)
    assert answer.status_code == status
    assert says in error(answer)
    assert web.get(SALE).json() == before


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_change_needs_the_token(web: httpx.Client, token: str | None) -> None:
    del web.headers["x-csrf-token"]
    headers = {"if-match": "*"} | ({"x-csrf-token": token} if token else {})
    answer = web.patch(SALE, json=LATER, headers=headers)
    assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")


def test_a_change_of_another_content_is_not_read(web: httpx.Client) -> None:
    headers = {"if-match": "*", "content-type": "text/plain"}
    assert web.patch(SALE, content=b"{}", headers=headers).status_code == 415
    headers["content-type"] = "application/json"
    assert web.patch(SALE, content=b"{", headers=headers).status_code == 400


def test_both_services_have_the_same_books(web: httpx.Client) -> None:
    """A change by one is seen by the other, and makes its version stale."""
    old2, old4 = web.get(SALE2).headers["etag"], web.get(SALE).headers["etag"]
    changed = web.patch(SALE, json=LATER, headers={"if-match": old4})
    assert (changed.status_code, changed.json()["RequestedDeliveryDate"]) == (200, "2026-12-24")
    days = {row["ConfirmedDeliveryDate"] for row in (web.get(LINE).json(), web.get(ITEM).json())}
    assert (web.get(SALE2).json()["d"]["RequestedDeliveryDate"], days) == ("/Date(1798070400000)/", {"2026-12-24"})
    back = {"RequestedDeliveryDate": "/Date(1795305600000)/"}
    assert web.patch(SALE2, json=back, headers={"if-match": old2}).status_code == 412
    assert web.patch(SALE2, json=back, headers={"if-match": web.get(SALE2).headers["etag"]}).status_code == 204
    now = web.get(SALE)
    assert now.json()["RequestedDeliveryDate"] == "2026-11-22"
    assert len({old4, changed.headers["etag"], now.headers["etag"]}) == 3
    assert web.patch(SALE, json=LATER, headers={"if-match": changed.headers["etag"]}).status_code == 412


def request(number: int, url: str = "SalesOrder('SO-2001')", **more: Any) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    return {"id": str(number), "method": "PATCH", "url": url, "headers": headers, "body": LATER} | more


def statuses(web: httpx.Client, *requests: dict[str, Any]) -> list[int]:
    answer = web.post(f"{SERVICE}/$batch", json={"requests": list(requests)})
    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()["responses"]] == [one["id"] for one in requests]
    return [one["status"] for one in answer.json()["responses"]]


def test_a_group_is_all_or_nothing_and_single_requests_stand_alone(web: httpx.Client) -> None:
    stale = {"Content-Type": "application/json", "If-Match": 'W/"V4-0"'}
    second = "SalesOrder('SO-2002')"
    assert statuses(web, request(1, second, atomicityGroup="g"), request(2, atomicityGroup="g", headers=stale)) == [
        424,
        412,
    ]
    before = web.get(f"{SERVICE}/{second}").json()["RequestedDeliveryDate"]
    assert before != "2026-12-24"
    read = {"id": "3", "method": "GET", "url": second}
    assert statuses(web, request(1, second), request(2, headers=stale), read) == [200, 412, 200]
    assert web.get(f"{SERVICE}/{second}").json()["RequestedDeliveryDate"] == "2026-12-24"
    assert statuses(web, request(1, atomicityGroup="g"), request(2, second, atomicityGroup="g")) == [200, 200]


BATCHES: list[tuple[Any, int, str]] = [
    ({}, 400, "no batch"),
    ({"requests": [{"method": "GET"}]}, 400, "no batch"),
    ({"requests": [{"id": "1", "url": "SalesOrder"}]}, 400, "no method"),
    ({"requests": [request(1), request(1)]}, 400, "one id"),
    ({"requests": [request(1, dependsOn=["0"])]}, 501, "dependsOn"),
    ({"requests": [request(1, method="GET", atomicityGroup="g")]}, 400, "no reads"),
    (
        {"requests": [request(1, atomicityGroup="g"), request(2), request(3, atomicityGroup="g")]},
        400,
        "not next to each other",
    ),
]


@pytest.mark.parametrize("body, status, says", BATCHES)
def test_batches_that_are_refused(web: httpx.Client, body: Any, status: int, says: str) -> None:
    answer = web.post(f"{SERVICE}/$batch", json=body)
    assert answer.status_code == status
    assert says in error(answer)


def test_a_multipart_batch_and_a_read_of_it_are_refused(web: httpx.Client) -> None:
    kind = {"content-type": "multipart/mixed; boundary=b"}
    assert web.post(f"{SERVICE}/$batch", content=b"--b--", headers=kind).status_code == 415
    assert web.get(f"{SERVICE}/$batch").status_code == 405


def test_metadata_tells_who_sets_what(web: httpx.Client) -> None:
    text = web.get(f"{SERVICE}/$metadata").text
    assert 'Name="PurchaseOrderByCustomer" Type="Edm.String" MaxLength="35" Nullable="false" />' in text
    computed = '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true" />'
    assert f'Name="ConfirmedDeliveryDate" Type="Edm.Date">{computed}' in text
    assert "<PropertyPath>_SalesOrder/LastChangeDateTime</PropertyPath>" in text
    assert '<PropertyValue Property="Updatable" Bool="false"' in text
    names = [entry["name"] for entry in web.get(f"{SERVICE}/").json()["value"]]
    assert names == ["SalesOrder", "SalesOrderItem", "SalesOrderScheduleLine"]


def test_what_breaks_the_rules_is_told(running: tuple[SapStandIn, httpx.Client], web: httpx.Client) -> None:
    web.patch(SALE, json=LATER, headers={"if-match": 'W/"V4-0"'})
    statuses(web, request(1, body={"Nothing": 1}))
    assert [(call["path"], call["status"]) for call in running[0].records.violations()] == [
        ("$batch/SalesOrder('SO-2001')", 400)
    ]
