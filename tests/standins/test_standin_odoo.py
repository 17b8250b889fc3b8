"""The Odoo stand-in: what it refuses in both interfaces, and what one call leaves behind."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.standins.odoo.app import OdooStandIn, build_app
from infra.standins.serve import serving

KEY = "an-api-key"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[OdooStandIn, httpx.Client]]:
    standin = OdooStandIn(KEY)
    with serving(build_app(standin, "control")) as url, httpx.Client(base_url=url) as client:
        yield standin, client


@pytest.fixture
def odoo(running: tuple[OdooStandIn, httpx.Client]) -> OdooStandIn:
    running[0].reset()
    running[0].seed()
    return running[0]


def json2(web: httpx.Client, call: str, key: str = KEY, **body: Any) -> httpx.Response:
    return web.post(f"/json/2/{call}", json=body, headers={"authorization": f"bearer {key}"})


def rpc(web: httpx.Client, model: str, method: str, *positional: Any, **named: Any) -> Any:
    args = ["plant", 2, KEY, model, method, list(positional), named]
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "call",
        "params": {"service": "object", "method": "execute_kw", "args": args},
    }
    return web.post("/jsonrpc", json=body).json()


ORDER = {"product_id": 1, "product_qty": 3}
VALUE, VALID = "builtins.ValueError", "odoo.exceptions.ValidationError"
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("mrp.nothing/create", {"vals_list": [{}]}, 404, "werkzeug.exceptions.NotFound"),
    ("mrp.production/nothing", {}, 404, "werkzeug.exceptions.NotFound"),
    ("mrp.production/create", {"values": [ORDER]}, 422, "werkzeug.exceptions.UnprocessableEntity"),
    ("mrp.production/create", {"vals_list": [ORDER], "ids": [1]}, 422, "werkzeug.exceptions.UnprocessableEntity"),
    ("mrp.production/create", {"vals_list": [ORDER | {"nothing": 1}]}, 500, VALUE),
    ("mrp.production/create", {"vals_list": [{"product_id": 1}]}, 422, VALID),
    ("mrp.production/create", {"vals_list": [ORDER | {"priority": "7"}]}, 500, VALUE),
    ("mrp.production/create", {"vals_list": [ORDER | {"date_start": "2026-11-22T08:00:00Z"}]}, 500, VALUE),
    ("mrp.production/create", {"vals_list": [ORDER | {"product_id": 99}]}, 404, "odoo.exceptions.MissingError"),
    ("mrp.production/create", {"vals_list": [ORDER | {"name": "JO-1001"}]}, 422, VALID),
    ("mrp.production/create", {"vals_list": [ORDER | {"x_mos_key": "k"}, ORDER | {"x_mos_key": "k"}]}, 422, VALID),
    ("mrp.production/write", {"ids": [1], "vals": {"state": "done"}}, 422, "odoo.exceptions.UserError"),
    ("mrp.production/write", {"ids": [99], "vals": {"priority": "1"}}, 404, "odoo.exceptions.MissingError"),
    ("mrp.production/action_confirm", {"ids": [1]}, 422, "odoo.exceptions.UserError"),
    ("mrp.production/unlink", {"ids": [1]}, 422, "odoo.exceptions.UserError"),
    ("mrp.production/search_read", {"domain": [["nothing", "=", 1]]}, 500, VALUE),
    ("mrp.production/search_read", {"fields": ["nothing"]}, 500, VALUE),
    ("quality.alert/search_read", {}, 404, "werkzeug.exceptions.NotFound"),
]


@pytest.mark.parametrize("call, body, status, name", REFUSED)
def test_json2_refuses_and_changes_nothing(
    odoo: OdooStandIn, running: tuple[Any, httpx.Client], call: str, body: dict[str, Any], status: int, name: str
) -> None:
    before = odoo.dump("mrp.production")
    answer = json2(running[1], call, **body)
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    assert odoo.dump("mrp.production") == before


def test_a_wrong_key_is_refused_by_both(odoo: OdooStandIn, running: tuple[Any, httpx.Client]) -> None:
    assert json2(running[1], "mrp.production/search_read", key="wrong").status_code == 401
    params = {"service": "common", "method": "authenticate", "args": ["plant", "mos", "wrong", {}]}
    assert running[1].post("/jsonrpc", json={"id": 1, "params": params}).json()["result"] is False


def test_json_rpc_says_errors_inside_a_200(odoo: OdooStandIn, running: tuple[Any, httpx.Client]) -> None:
    error = rpc(running[1], "mrp.production", "create", [ORDER | {"nothing": 1}])["error"]
    assert error["data"]["name"] == VALUE


def test_both_interfaces_read_and_write_the_same_records(odoo: OdooStandIn, running: tuple[Any, httpx.Client]) -> None:
    web = running[1]
    (made,) = json2(web, "mrp.production/create", vals_list=[ORDER | {"x_mos_key": "k"}]).json()
    assert rpc(web, "mrp.production", "write", [made], {"priority": "1"})["result"] is True
    (row,) = rpc(
        web, "mrp.production", "search_read", domain=[["x_mos_key", "=", "k"]], fields=["priority", "product_id"]
    )["result"]
    assert row == {"id": made, "priority": "1", "product_id": [1, "Steel bar 40 mm"]}
    assert json2(web, "mrp.production/action_confirm", ids=[made]).json() is True


def test_without_the_field_for_our_key_it_is_unknown() -> None:
    bare = OdooStandIn(KEY, key_field=False)
    with serving(build_app(bare, "control")) as url, httpx.Client(base_url=url) as web:
        assert json2(web, "mrp.production/fields_get", allfields=["x_mos_key"]).json() == {}
        assert json2(web, "mrp.production/create", vals_list=[ORDER | {"x_mos_key": "k"}]).json()["name"] == VALUE
