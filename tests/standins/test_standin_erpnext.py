"""The ERPNext stand-in: what it refuses, by the names of the framework's exceptions, and what it keeps."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.standins.erpnext.app import ErpNextStandIn, build_app
from infra.standins.serve import serving

AUTH = {"authorization": "token key:word"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ErpNextStandIn, httpx.Client]]:
    standin = ErpNextStandIn("key", "word")
    with serving(build_app(standin, "control")) as url, httpx.Client(base_url=f"{url}/api/resource") as client:
        client.headers.update(AUTH)
        yield standin, client


@pytest.fixture
def erpnext(running: tuple[ErpNextStandIn, httpx.Client]) -> ErpNextStandIn:
    running[0].reset()
    running[0].seed()
    running[0].records.clear()
    return running[0]


@pytest.fixture
def web(erpnext: ErpNextStandIn, running: tuple[ErpNextStandIn, httpx.Client]) -> httpx.Client:
    return running[1]


STOP = {
    "workstation": "lathe-1",
    "operator": "MOS",
    "from_time": "2026-11-22 08:00:00",
    "to_time": "2026-11-22 09:00:00",
}
STOP |= {"stop_reason": "Machine malfunction"}
REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", "/Nothing", {}, 404, "DoesNotExistError"),
    ("GET", "/Work Order/JO-9999", {}, 404, "DoesNotExistError"),
    ("POST", "/Downtime Entry", {"workstation": "lathe-1"}, 417, "MandatoryError"),
    ("POST", "/Downtime Entry", STOP | {"workstation": "lathe-9"}, 417, "LinkValidationError"),
    ("POST", "/Downtime Entry", STOP | {"stop_reason": "Broken"}, 417, "ValidationError"),
    ("POST", "/Downtime Entry", STOP | {"from_time": "2026-11-22T08:00:00Z"}, 417, "ValidationError"),
    ("POST", "/Downtime Entry", STOP | {"custom_mos_key": "k" * 141}, 417, "CharacterLengthExceededError"),
    ("POST", "/Downtime Entry", STOP | {"docstatus": 1}, 417, "DocstatusTransitionError"),
    ("POST", "/Workstation", {"workstation_name": "lathe-1"}, 409, "DuplicateEntryError"),
    ("PUT", "/Work Order/JO-1003", {"qty": 7}, 417, "UpdateAfterSubmitError"),
    ("PUT", "/Work Order/JO-1003", {"docstatus": 0}, 417, "DocstatusTransitionError"),
    ("PUT", "/Work Order/JO-1003", {"modified": "2020-01-01 00:00:00.000000"}, 417, "TimestampMismatchError"),
    ("DELETE", "/Work Order/JO-1003", {}, 417, "ValidationError"),
    ("DELETE", "/Workstation/lathe-9", {}, 404, "DoesNotExistError"),
    ("DELETE", "/Item/GS-40", {}, 417, "LinkExistsError"),
    ("GET", '/Work Order?filters=[["nothing","=",1]]', {}, 417, "DataError"),
    ("GET", '/Work Order?fields=["nothing"]', {}, 417, "DataError"),
]


@pytest.mark.parametrize("method, path, body, status, name", REFUSED)
def test_calls_that_are_refused_change_nothing(
    erpnext: ErpNextStandIn, web: httpx.Client, method: str, path: str, body: dict[str, Any], status: int, name: str
) -> None:
    before = {part: erpnext.dump(part) for part in erpnext.dump("")}
    answer = web.request(method, path, json=body) if body else web.request(method, path)
    assert (answer.status_code, answer.json()["exc_type"]) == (status, name)
    assert {part: erpnext.dump(part) for part in before} == before


def test_a_wrong_secret_is_refused(web: httpx.Client) -> None:
    assert web.get("/Item", headers={"authorization": "token key:wrong"}).status_code == 401


def test_a_unique_custom_field_takes_a_value_once(web: httpx.Client) -> None:
    assert web.post("/Downtime Entry", json=STOP | {"custom_mos_key": "k"}).status_code == 200
    again = web.post("/Downtime Entry", json=STOP | {"custom_mos_key": "k"})
    assert (again.status_code, again.json()["exc_type"]) == (417, "UniqueValidationError")
    query = {"filters": '[["custom_mos_key","=","k"]]', "fields": '["name","workstation"]'}
    assert web.get("/Downtime Entry", params=query).json()["data"] == [{"name": "DT-00001", "workstation": "lathe-1"}]


def test_a_version_is_good_for_one_update(web: httpx.Client) -> None:
    seen = web.get("/Work Order/JO-1003").json()["data"]["modified"]
    said = {"planned_start_date": "2026-11-23 08:00:00", "modified": seen}
    assert web.put("/Work Order/JO-1003", json=said).status_code == 200
    assert web.put("/Work Order/JO-1003", json=said).json()["exc_type"] == "TimestampMismatchError"


def test_an_unknown_field_is_dropped_and_told_to_the_test(erpnext: ErpNextStandIn, web: httpx.Client) -> None:
    assert web.post("/Downtime Entry", json=STOP | {"machine": "x"}).status_code == 200
    (violation,) = erpnext.records.violations()
    assert "machine" in violation["error"]


def test_a_list_has_twenty_documents_unless_more_are_asked_for(erpnext: ErpNextStandIn, web: httpx.Client) -> None:
    for _ in range(25):
        erpnext.documents.insert("Downtime Entry", STOP)
    assert len(web.get("/Downtime Entry").json()["data"]) == 20
    assert len(web.get("/Downtime Entry?limit_page_length=0").json()["data"]) == 25
