"""The OData stand-in: what it refuses, table by table, and what its books keep. It never is SAP: see its README."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.standins.sap.app import ROOT, SapStandIn, build_app
from infra.standins.serve import serving

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
DAY = "/Date(1795305600000)/"
ORDERS = f"{ROOT}/API_PRODUCTION_ORDER_2_SRV"
DOCUMENTS = f"{ROOT}/API_MATERIAL_DOCUMENT_SRV"
NOTICES = f"{ROOT}/API_MAINTNOTIFICATION"
LOTS = f"{ROOT}/API_INSPECTIONLOT_SRV"
SALES = f"{ROOT}/API_SALES_ORDER_SRV"
ORDER = f"{ORDERS}/A_ProductionOrder_2('JO-1003')"
NOBODY = httpx.Auth()
JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[SapStandIn, str]]:
    standin = SapStandIn({"MOS": "word"}, clock=lambda: NOW)
    with serving(build_app(standin, "control")) as url:
        yield standin, url


@pytest.fixture(scope="module")
def client(running: tuple[SapStandIn, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running[1], headers=JSON) as client:
        yield client


@pytest.fixture
def sap(running: tuple[SapStandIn, str]) -> SapStandIn:
    running[0].reset()
    running[0].seed()
    running[0].records.clear()
    return running[0]


@pytest.fixture
def web(sap: SapStandIn, client: httpx.Client) -> httpx.Client:
    client.auth = ("MOS", "word")
    client.cookies.clear()
    client.headers.pop("x-csrf-token", None)
    return client


@pytest.fixture
def writer(web: httpx.Client) -> httpx.Client:
    web.headers["x-csrf-token"] = web.get(ORDER, headers={"x-csrf-token": "Fetch"}).headers["x-csrf-token"]
    return web


def movement(kind: str = "344", quantity: Any = "120", **more: Any) -> dict[str, Any]:
    item = {"Material": "BAR-40", "Plant": "BRNO", "StorageLocation": "0001", "Batch": "L-BAR-502"}
    item |= {"GoodsMovementType": kind, "QuantityInEntryUnit": quantity, "EntryUnit": "PC"}
    header = {"GoodsMovementCode": "04", "PostingDate": DAY, "DocumentDate": DAY}
    return header | {"to_MaterialDocumentItem": [item]} | more


def etag(web: httpx.Client, address: str = ORDER) -> str:
    return str(web.get(address).headers["etag"])


def error(response: httpx.Response) -> str:
    """OData v2 says every refusal in the same form."""
    said = response.json()["error"]
    assert set(said) == {"code", "message", "innererror"}
    assert said["message"]["lang"] == "en"
    return f"{said['code']} {said['message']['value']}"


def test_nobody_is_let_in_without_the_password(web: httpx.Client) -> None:
    web.auth = ("MOS", "wrong")
    answer = web.get(ORDER)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "token, cookie",
    [(None, True), ("wrong", True), ("kept", False)],
    ids=["no token", "another token", "token without its cookie"],
)
def test_a_change_needs_the_token_and_its_cookie(writer: httpx.Client, token: str | None, cookie: bool) -> None:
    kept = writer.headers.pop("x-csrf-token")
    if not cookie:
        writer.cookies.clear()
    headers = {"x-csrf-token": kept if token == "kept" else token} if token else {}
    answer = writer.post(f"{DOCUMENTS}/A_MaterialDocumentHeader", json=movement(), headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-csrf-token"] == "Required"


def test_a_session_that_has_ended_wants_a_new_token(writer: httpx.Client) -> None:
    bearer = {"authorization": "Bearer control"}
    assert writer.post("/control/sap/expire", headers=bearer, auth=NOBODY).status_code == 200
    assert writer.post(f"{ORDERS}/ReleaseOrder?ManufacturingOrder='JO-1007'").status_code == 403


READS = [
    (f"{ORDERS}/A_Nothing", 404, "A_Nothing"),
    (f"{ROOT}/API_NOTHING_SRV/A_X", 404, "API_NOTHING_SRV"),
    (f"{ORDERS}/A_ProductionOrder_2('JO-9999')", 404, "JO-9999"),
    (f"{ORDERS}/A_ProductionOrder_2(12)", 400, "12 is no Edm.String"),
    (f"{ORDERS}/A_ProductionOrder_2(Order='JO-1003')", 400, "The key of"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader('49')", 400, "The key of"),
    (f"{ORDER}/to_Nothing", 404, "to_Nothing"),
    (f"{ORDERS}/A_ProductionOrder_2?$filter=Nothing eq '1'", 400, "Property Nothing not found"),
    (f"{ORDERS}/A_ProductionOrder_2?$filter=Material eq GS-40", 400, "no Edm.String literal"),
    (f"{ORDERS}/A_ProductionOrder_2?$filter=Material has '1'", 400, "Operator 'has'"),
    (f"{ORDERS}/A_ProductionOrder_2?$filter=TotalQuantity gt '40'", 400, "no Edm.Decimal literal"),
    (f"{ORDERS}/A_ProductionOrder_2?$filter=contains(Material,'GS')", 400, "not found in type"),
    (f"{NOTICES}/MaintenanceNotification?$filter=PersonResponsibleName eq 'x'", 400, "not filterable"),
    (f"{ORDERS}/A_ProductionOrder_2?$select=Nothing", 400, "$select"),
    (f"{ORDERS}/A_ProductionOrder_2?$expand=to_Nothing", 400, "$expand"),
    (f"{ORDERS}/A_ProductionOrder_2?$orderby=Nothing", 400, "$orderby"),
    (f"{ORDERS}/A_ProductionOrder_2?$top=-1", 400, "$top"),
    (f"{ORDERS}/A_ProductionOrder_2?$count=true", 400, "'$count' is not allowed"),
    (f"{ORDERS}/A_ProductionOrder_2?filter=x", 400, "Unknown query parameter"),
    (f"{ORDER}?$top=1", 400, "'$top' is not allowed"),
    (f"{ORDERS}/ReleaseOrder?ManufacturingOrder='JO-1007'", 405, "called with POST"),
]


@pytest.mark.parametrize("address, status, says", READS)
def test_reads_that_are_refused(web: httpx.Client, address: str, status: int, says: str) -> None:
    answer = web.get(address)
    assert answer.status_code == status
    assert says in error(answer)


def test_who_does_not_ask_for_json_gets_none(web: httpx.Client) -> None:
    assert web.get(ORDER, headers={"accept": "*/*"}).status_code == 406
    assert web.get(f"{ORDER}?$format=json", headers={"accept": "*/*"}).status_code == 200


def test_filters_and_paging_answer_like_a_list(web: httpx.Client) -> None:
    query = "$filter=(Material eq 'GS-40' or Material eq 'PH-12') and not startswith(ManufacturingOrder,'JO-1010')"
    query += " and MfgOrderPlannedStartDate ge datetime'2026-11-22T00:00:00' and TotalQuantity lt 40m"
    answer = web.get(
        f"{ORDERS}/A_ProductionOrder_2?{query}&$orderby=ManufacturingOrder desc&$top=2&$inlinecount=allpages"
    )
    found = answer.json()["d"]
    assert [row["ManufacturingOrder"] for row in found["results"]] == ["JO-1006", "JO-1004"]
    assert found["__count"] == "3"
    assert found["results"][0]["TotalQuantity"] == "30.0"
    assert web.get(f"{ORDERS}/A_ProductionOrder_2/$count").text == "10"


def test_expand_brings_what_belongs_to_an_order(web: httpx.Client) -> None:
    address = f"{ORDER}?$expand=to_ProductionOrderOperation,to_ProductionOrderStatus"
    order = web.get(f"{address}&$select=ManufacturingOrder,to_ProductionOrderOperation/WorkCenter").json()["d"]
    operations = order["to_ProductionOrderOperation"]["results"]
    assert [item["WorkCenter"] for item in operations] == ["LATHE1", "MILL1", "FURNACE1"]
    assert {item["StatusShortName"] for item in order["to_ProductionOrderStatus"]["results"]} == {"CRTD", "REL"}
    assert set(operations[0]) == {"__metadata", "WorkCenter"}


NOTICE = {"NotificationType": "M1", "NotificationText": "Spindle"}
CREATES: list[tuple[str, Any, int, str]] = [
    (f"{ORDERS}/A_ProductionOrderOperation_2", {"WorkCenter": "MILL1"}, 405, "cannot be created"),
    (f"{SALES}/A_SalesOrderScheduleLine", {}, 405, "cannot be created"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(Nothing=1), 400, "'Nothing' is invalid"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(PostingDate="2026-11-22"), 400, "no Edm.DateTime"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(MaterialDocumentHeaderText="x" * 26), 400, "longer than 25"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(ReferenceDocument=5), 400, "no Edm.String"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(quantity=120), 400, "no Edm.Decimal"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(GoodsMovementCode="03"), 400, "not allowed with code 03"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(kind="999"), 400, "Movement type 999"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(quantity="500"), 400, "M7/021"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(to_MaterialDocumentItem=[]), 400, "no items"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(PostingDate="/Date(1795392000000)/"), 400, "M7/053"),
    (f"{DOCUMENTS}/A_MaterialDocumentHeader", movement(MaterialDocument="1"), 400, "numbered by the system"),
    (f"{NOTICES}/MaintenanceNotification", {"NotificationType": "M1"}, 400, "'NotificationText' of"),
    (f"{NOTICES}/MaintenanceNotification", NOTICE | {"MaintenanceNotification": "7"}, 400, "not creatable"),
    (f"{NOTICES}/MaintenanceNotification", NOTICE | {"NotificationText": None}, 400, "must not be null"),
    (f"{NOTICES}/MaintenanceNotification", NOTICE | {"MaintenanceObjectIsDown": "X"}, 400, "no Edm.Boolean"),
    (f"{NOTICES}/MaintenanceNotification", NOTICE | {"MalfunctionStartTime": "08:30"}, 400, "no Edm.Time"),
    (
        f"{NOTICES}/MaintenanceNotification",
        NOTICE | {"TechnicalObject": "LATHE-9", "TechObjIsEquipOrFuncnlLoc": "EAMS_EQUI"},
        400,
        "LATHE-9 does not exist",
    ),
    (f"{LOTS}/A_InspLotUsageDecision", {"InspectionLot": "1"}, 400, "InspLotUsageDecisionCodeGroup"),
    (f"{SALES}/A_SalesOrder", {"SalesOrder": "SO-9"}, 400, "SalesOrderType"),
    (f"{ORDERS}/A_ProductionOrder_2", [], 400, "one JSON object"),
    (f"{ORDERS}/ReleaseOrder?ManufacturingOrder=JO-1007", None, 400, "no Edm.String literal"),
    (f"{ORDERS}/ReleaseOrder", None, 400, "needs parameter"),
    (f"{ORDERS}/ReleaseOrder?ManufacturingOrder='JO-1007'&Force=true", None, 400, "no parameter 'Force'"),
    (f"{ORDERS}/ReleaseOrder?ManufacturingOrder='JO-1003'", None, 400, "set already"),
    (f"{ORDERS}/CloseOrder?ManufacturingOrder='JO-1003'", None, 400, "OrderIsTechnicallyCompleted"),
]


@pytest.mark.parametrize("address, body, status, says", CREATES)
def test_posts_that_are_refused_change_nothing(
    writer: httpx.Client, sap: SapStandIn, address: str, body: Any, status: int, says: str
) -> None:
    before = sap.dump("")
    answer = writer.post(address, json=body) if body is not None else writer.post(address)
    assert answer.status_code == status
    assert says in error(answer)
    assert (sap.dump(""), sap.books.stock(("BAR-40", "BRNO", "0001", "L-BAR-502", "01"))) == (before, Decimal(120))


UPDATES: list[tuple[str, dict[str, Any], str, int, str]] = [
    (ORDER, {"ManufacturingOrderImportance": "1"}, "", 428, "If-Match"),
    (ORDER, {"ManufacturingOrderImportance": "1"}, "W/\"'20200101000000'\"", 412, "was changed"),
    (ORDER, {"ManufacturingOrderImportance": "12"}, "*", 400, "longer than 1"),
    (ORDER, {"ManufacturingOrder": "JO-1"}, "*", 400, "is a key"),
    (ORDER, {}, "*", 400, "no property"),
    (ORDER, {"to_ProductionOrderOperation": []}, "*", 400, "does not reach"),
    (ORDER, {"MfgOrderPlannedEndDate": "/Date(0)/"}, "*", 400, "before the planned start"),
    (f"{SALES}/A_SalesOrder('SO-2001')", {"ExternalDocumentID": "x"}, "*", 400, "not updatable"),
    (f"{SALES}/A_SalesOrder('SO-2001')/to_Item", {"Material": "x"}, "*", 405, "addressed by its key"),
    (f"{SALES}/A_SalesOrder", {"Material": "x"}, "*", 405, "addressed by its key"),
]


@pytest.mark.parametrize("address, body, match, status, says", UPDATES)
def test_updates_that_are_refused(
    writer: httpx.Client, address: str, body: dict[str, Any], match: str, status: int, says: str
) -> None:
    answer = writer.patch(address, json=body, headers={"if-match": match} if match else {})
    assert answer.status_code == status
    assert says in error(answer)


def test_other_ways_to_be_refused(writer: httpx.Client) -> None:
    assert writer.delete(ORDER, headers={"if-match": "*"}).status_code == 405
    assert writer.put(ORDER, json={}).status_code == 405
    assert writer.patch(ORDER, content=b"a=1", headers={"if-match": "*"}).status_code == 415
    wrong = {"if-match": "*", "content-type": "application/json"}
    assert "no JSON" in error(writer.patch(ORDER, content=b"{", headers=wrong))


def test_a_version_is_good_for_one_update(writer: httpx.Client) -> None:
    first = etag(writer)
    said = {"ManufacturingOrderImportance": "1"}
    assert writer.patch(ORDER, json=said, headers={"if-match": first}).status_code == 204
    assert writer.patch(ORDER, json=said, headers={"if-match": first}).status_code == 412
    merge = {"if-match": etag(writer), "x-http-method": "MERGE"}
    assert writer.post(ORDER, json=said, headers=merge).status_code == 204
    assert writer.get(ORDER).json()["d"]["ManufacturingOrderImportance"] == "1"


def test_nothing_keeps_two_alike_apart(writer: httpx.Client) -> None:
    """The duplicate after a lost answer, which a connector must avoid, is what this system makes of a repeat."""
    body = NOTICE | {"MaintNotifExtReferenceNumber": "abc"}
    for _ in range(2):
        assert writer.post(f"{NOTICES}/MaintenanceNotification", json=body).status_code == 201
    query = "$filter=MaintNotifExtReferenceNumber eq 'ABC'"
    assert len(writer.get(f"{NOTICES}/MaintenanceNotification?{query}").json()["d"]["results"]) == 2


def test_blocking_moves_stock_and_cancelling_brings_it_back_once(writer: httpx.Client, sap: SapStandIn) -> None:
    made = writer.post(f"{DOCUMENTS}/A_MaterialDocumentHeader", json=movement()).json()["d"]
    assert made["to_MaterialDocumentItem"]["results"][0]["GoodsMovementType"] == "344"
    place = ("BAR-40", "BRNO", "0001", "L-BAR-502")
    assert (sap.books.stock((*place, "01")), sap.books.stock((*place, "07"))) == (Decimal(0), Decimal(120))
    key = f"MaterialDocumentYear='{made['MaterialDocumentYear']}'&MaterialDocument='{made['MaterialDocument']}'"
    assert writer.post(f"{DOCUMENTS}/Cancel?{key}").status_code == 200
    assert (sap.books.stock((*place, "01")), sap.books.stock((*place, "07"))) == (Decimal(120), Decimal(0))
    assert "already cancelled" in error(writer.post(f"{DOCUMENTS}/Cancel?{key}"))


def test_a_lot_takes_one_usage_decision(writer: httpx.Client) -> None:
    lot = {"Material": "BAR-40", "Plant": "BRNO", "InspectionLotType": "89"}
    number = writer.post(f"{LOTS}/A_InspectionLot", json=lot).json()["d"]["InspectionLot"]
    said = {"InspectionLot": number, "InspLotUsageDecisionCodeGroup": "UD", "InspectionLotUsageDecisionCode": "A"}
    assert writer.post(f"{LOTS}/A_InspLotUsageDecision", json=said).status_code == 201
    assert "made already" in error(writer.post(f"{LOTS}/A_InspLotUsageDecision", json=said))


def batch(*operations: str) -> tuple[bytes, dict[str, str]]:
    """A batch with one changeset of these operations."""
    part = (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {n}\r\n\r\n{operation}\r\n"
    )
    parts = "".join(f"--cs\r\n{part.format(n=n, operation=text)}" for n, text in enumerate(operations))
    body = f"--b\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n{parts}--cs--\r\n--b--\r\n"
    return body.encode(), {"content-type": "multipart/mixed; boundary=b"}


PATCH = "PATCH A_ProductionOrder_2('{order}') HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: {match}\r\n\r\n"
PATCH += '{{"ManufacturingOrderImportance":"1"}}'


@pytest.mark.parametrize(
    "match, part, changed", [("*", "204 No Content", 2), ("W/\"'1'\"", "412 Precondition Failed", 0)]
)
def test_a_changeset_is_all_or_nothing(writer: httpx.Client, match: str, part: str, changed: int) -> None:
    body, headers = batch(PATCH.format(order="JO-1003", match="*"), PATCH.format(order="JO-1005", match=match))
    answer = writer.post(f"{ORDERS}/$batch", content=body, headers=headers)
    assert answer.status_code == 202
    assert part in answer.text
    found = writer.get(f"{ORDERS}/A_ProductionOrder_2?$filter=ManufacturingOrderImportance eq '1'")
    assert len(found.json()["d"]["results"]) == changed


BROKEN_BATCHES = [
    (b"", "application/json", 415),
    (b"--b\r\n\r\n", "multipart/mixed; boundary=b", 400),
    (batch("GET A_ProductionOrder_2 HTTP/1.1\r\n\r\n")[0], "multipart/mixed; boundary=b", 400),
    (batch("nonsense")[0], "multipart/mixed; boundary=b", 400),
]


@pytest.mark.parametrize(
    "body, kind, status", BROKEN_BATCHES, ids=["no batch", "cut", "read in changeset", "no request"]
)
def test_batches_that_are_refused(writer: httpx.Client, body: bytes, kind: str, status: int) -> None:
    assert writer.post(f"{ORDERS}/$batch", content=body, headers={"content-type": kind}).status_code == status


def test_metadata_tells_lengths_flags_and_versions(web: httpx.Client) -> None:
    text = web.get(f"{ORDERS}/$metadata").text
    assert 'Name="ManufacturingOrder" Type="Edm.String" MaxLength="12" Nullable="false"' in text
    assert 'MaxLength="14" ConcurrencyMode="Fixed"' in text
    assert 'sap:creatable="false" sap:deletable="false"' in text


def test_what_a_file_keeps_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "sap.sqlite"
    first = SapStandIn({"MOS": "word"}, path=path, clock=lambda: NOW)
    with (
        serving(build_app(first, "control")) as url,
        httpx.Client(base_url=url, headers=JSON, auth=("MOS", "word")) as web,
    ):
        token = web.get(ORDER, headers={"x-csrf-token": "Fetch"}).headers["x-csrf-token"]
        web.post(f"{DOCUMENTS}/A_MaterialDocumentHeader", json=movement(), headers={"x-csrf-token": token})
    first.books.close()
    again = SapStandIn({"MOS": "word"}, path=path, clock=lambda: NOW)
    assert again.dump("A_MaterialDocumentHeader") == first.dump("A_MaterialDocumentHeader")
    assert again.dump("stock") == first.dump("stock")


def test_control_has_a_door_of_its_own(web: httpx.Client) -> None:
    assert web.get("/control/violations").status_code == 401
    bearer = {"authorization": "Bearer control"}
    web.get(f"{ORDERS}/A_ProductionOrder_2?$top=x")
    web.auth = NOBODY
    (violation,) = web.get("/control/violations", headers=bearer).json()
    assert (violation["status"], violation["kind"]) == (400, "request")
    assert web.post("/control/seed", headers=bearer).json() == {"seeded": True}
    assert len(web.get("/control/dump?part=A_ProductionOrder_2", headers=bearer).json()) == 10
