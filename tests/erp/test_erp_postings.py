"""The guarantees of a posting, each against the real server over HTTP."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlparse

import pytest

from infra.plant.erp.rpc import ErpRefused, TrytonClient, encode

Erp = Any


def downtime(erp: Erp, **values: Any) -> dict[str, Any]:
    unit = erp.id("production.work.center", code="lathe-1")
    row = {"work_center": unit, "start": erp.anchor, "reason": "breakdown"} | values
    return {"model": "production.work.center.downtime", "method": "create", "values": [row]}


def priority(erp: Erp, reference: str, value: int, **more: Any) -> dict[str, Any]:
    order = erp.id("production", reference=reference)
    return {"model": "production", "method": "write", "ids": [order], "values": {"priority": value}} | more


def version(erp: Erp, reference: str) -> dict[str, str]:
    order = erp.id("production", reference=reference)
    return {str(order): erp.row("production", order, "_timestamp")["_timestamp"]}


def refusal(erp: Erp, ops: list[dict[str, Any]], key: str = "k") -> ErpRefused:
    with pytest.raises(ErpRefused) as caught:
        erp.post(key, ops)
    assert erp.status(key) is None
    return caught.value


def test_same_key_and_payload_answer_the_first_result(erp_server: Erp) -> None:
    ops = [downtime(erp_server)]
    first, second = erp_server.post("k", ops, "dec-1"), erp_server.post("k", ops, "dec-1")
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["result"] == second["result"] == erp_server.status("k")["result"]
    assert len(erp_server.reader.downtimes()) == 1
    (posting,) = erp_server.reader.postings()
    assert (posting.key, posting.decision) == ("k", "dec-1")


def test_a_key_is_refused_for_another_payload(erp_server: Erp) -> None:
    erp_server.post("k", [downtime(erp_server)])
    with pytest.raises(ErpRefused) as caught:
        erp_server.post("k", [downtime(erp_server, reason="setup")])
    assert caught.value.code == "mfgos.key_reused"
    assert [d.reason for d in erp_server.reader.downtimes()] == ["breakdown"]


def test_a_failing_operation_leaves_nothing_and_frees_the_key(erp_server: Erp) -> None:
    ops = [
        downtime(erp_server),
        {"model": "production", "method": "do", "ids": [erp_server.id("production", reference="JO-1007")]},
    ]
    assert refusal(erp_server, ops).kind == "UserError"
    assert erp_server.reader.downtimes() == []
    assert erp_server.post("k", [downtime(erp_server)])["replayed"] is False


def test_a_stale_version_stops_everything_before_the_first_operation(erp_server: Erp) -> None:
    stale = version(erp_server, "JO-1003")
    erp_server.post("other", [priority(erp_server, "JO-1003", 7)])
    error = refusal(erp_server, [downtime(erp_server), priority(erp_server, "JO-1003", 1, expect=stale)])
    assert error.kind == "ConcurrencyException"
    assert erp_server.reader.downtimes() == []


def test_one_posting_may_write_a_record_twice_under_one_version(erp_server: Erp) -> None:
    now = version(erp_server, "JO-1003")
    erp_server.post(
        "k", [priority(erp_server, "JO-1003", 2, expect=now), priority(erp_server, "JO-1003", 1, expect=now)]
    )
    assert erp_server.row("production", erp_server.id("production", reference="JO-1003"), "priority")["priority"] == 1


def test_a_version_of_a_missing_record_is_stale(erp_server: Erp) -> None:
    error = refusal(erp_server, [priority(erp_server, "JO-1003", 1, expect={"999999": "1.0"})])
    assert error.kind == "ConcurrencyException"


def test_a_client_that_hangs_up_has_still_posted_once(erp_server: Erp) -> None:
    ops = [downtime(erp_server)]
    _send_and_hang_up(erp_server, "k", ops)
    deadline = time.monotonic() + 30
    while erp_server.status("k") is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert erp_server.post("k", ops)["replayed"] is True
    assert len(erp_server.reader.downtimes()) == 1


def _send_and_hang_up(erp: Erp, key: str, ops: list[dict[str, Any]]) -> None:
    client: TrytonClient = erp.product
    params = [key, ops, None, client._context]
    body = json.dumps({"id": 1, "method": "model.mfgos.posting.post", "params": encode(params)}).encode()
    place = urlparse(erp.url)
    head = f"POST {place.path}rpc/ HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: {client._header}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(head.encode() + body)


def test_concurrent_postings_of_one_key_make_one_row(erp_server: Erp) -> None:
    ops = {key: [downtime(erp_server, reference=key)] for key in "abcde"}
    password = erp_server.passwords["mos_product"]

    def post_all(_: int) -> list[tuple[str, Any]]:
        with TrytonClient(erp_server.url, "mos_product", password) as client:
            return [(key, client.call("model.mfgos.posting.post", key, ops[key])["result"]) for key in ops]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for batch in pool.map(post_all, range(8)) for answer in batch]
    assert len({(key, json.dumps(result)) for key, result in answers}) == len(ops)
    assert sorted(d.reference for d in erp_server.reader.downtimes()) == list(ops)
    assert len(erp_server.reader.postings()) == len(ops)


def test_operations_refer_to_earlier_results_and_other_text_stays(erp_server: Erp) -> None:
    unit = erp_server.id("production.work.center", code="lathe-1")
    order = {"work_center": unit, "downtime": {"$ref": [0, 0]}, "title": "$5,000 spindle {$ref}"}
    alert = {"title": "Machine down", "origin": {"$ref": [0, 0], "text": f"production.work.center,{unit}"}}
    erp_server.post(
        "k",
        [
            downtime(erp_server),
            {"model": "maintenance.order", "method": "create", "values": [order]},
            {"model": "maintenance.order", "method": "start", "ids": {"$ref": [1]}},
            {"model": "quality.alert", "method": "create", "values": [alert]},
        ],
    )
    (found,) = erp_server.reader.maintenance_orders()
    assert (found.title, found.state) == ("$5,000 spindle {$ref}", "running")
    assert found.downtime == erp_server.reader.downtimes()[0].id


@pytest.mark.parametrize("path", [[1], [0, 1], [-1], ["0"], [0, 0, 0], 0, []])
def test_a_reference_to_nothing_is_refused(erp_server: Erp, path: Any) -> None:
    order = {"work_center": 1, "title": "x", "downtime": {"$ref": path}}
    ops = [downtime(erp_server), {"model": "maintenance.order", "method": "create", "values": [order]}]
    assert refusal(erp_server, ops).code == "mfgos.reference_unknown"


@pytest.mark.parametrize(
    "op, code",
    [
        ({"model": "res.user", "method": "write", "ids": [1], "values": {"name": "x"}}, "mfgos.operation_not_allowed"),
        ({"model": "production", "method": "copy", "ids": [1]}, "mfgos.operation_not_allowed"),
        ({"model": "nope", "method": "write", "ids": [1], "values": {"a": 1}}, "mfgos.operation_not_allowed"),
        ({"model": "mfgos.posting", "method": "create", "values": [{"key": "x"}]}, "mfgos.operation_not_allowed"),
        (
            {"model": "sale.line", "method": "write", "ids": [1], "values": {"quantity": 1}},
            "mfgos.operation_not_allowed",
        ),
        (
            {"model": "production", "method": "write", "ids": [1], "values": {"state": "done"}},
            "mfgos.field_not_allowed",
        ),
        ({"model": "sale.sale", "method": "write", "ids": [1], "values": {"party": 1}}, "mfgos.field_not_allowed"),
        ({"model": "production", "method": "write", "ids": [1]}, "mfgos.operation_malformed"),
        ({"model": "production", "method": "write", "values": {"priority": 1}}, "mfgos.operation_malformed"),
        ({"model": "production", "method": "wait", "ids": [1], "values": {"priority": 1}}, "mfgos.operation_malformed"),
        ({"model": "production", "method": "wait", "ids": []}, "mfgos.operation_malformed"),
        ({"model": "production", "method": "wait", "ids": [1, 1]}, "mfgos.operation_malformed"),
        ({"model": "production", "method": "wait", "ids": [999999]}, "mfgos.record_missing"),
        ({"model": "production", "method": "wait", "ids": [1], "surprise": 1}, "mfgos.operation_malformed"),
        (
            {"model": "production", "method": "plan", "values": [{"product": 1}], "expect": {"1": "1"}},
            "mfgos.operation_malformed",
        ),
        ({"method": "wait", "ids": [1]}, "mfgos.operation_malformed"),
        ("wait", "mfgos.operation_malformed"),
    ],
)
def test_what_a_posting_may_not_do(erp_server: Erp, op: Any, code: str) -> None:
    assert refusal(erp_server, [op]).code == code


@pytest.mark.parametrize("inner", [[["create", [{"state": "done"}]]], [["write", [1], {"quantity": 1}]]])
def test_inner_records_are_checked_too(erp_server: Erp, inner: Any) -> None:
    row = {"from_location": 1, "to_location": 2, "moves": inner}
    error = refusal(erp_server, [{"model": "stock.shipment.internal", "method": "create", "values": [row]}])
    assert error.code in {"mfgos.field_not_allowed", "mfgos.operation_malformed"}


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", 7])
def test_a_key_must_be_printable_and_short(erp_server: Erp, key: Any) -> None:
    with pytest.raises(ErpRefused) as caught:
        erp_server.post(key, [downtime(erp_server)])
    assert caught.value.code == "mfgos.key_invalid"


def test_an_empty_posting_is_refused(erp_server: Erp) -> None:
    assert refusal(erp_server, []).code == "mfgos.operation_malformed"


def test_only_the_products_user_may_post_and_it_may_do_nothing_else(erp_server: Erp) -> None:
    ops = [downtime(erp_server)]
    with pytest.raises(ErpRefused, match="not allowed to access"):
        erp_server.reader.client.call("model.mfgos.posting.post", "k", ops)
    with pytest.raises(ErpRefused, match="not allowed to access"):
        erp_server.product.call("model.production.write", [1], {"priority": 1})
    with pytest.raises(ErpRefused, match="not allowed to access"):
        erp_server.product.call("model.production.work.center.downtime.create", ops[0]["values"])


@pytest.mark.parametrize("method", ["write", "delete"])
def test_a_posting_is_never_changed_or_removed(erp_server: Erp, method: str) -> None:
    posting = erp_server.post("k", [downtime(erp_server)])["posting"]
    change = [{"result": "[]"}] if method == "write" else []
    with pytest.raises(ErpRefused):
        erp_server.admin.call(f"model.mfgos.posting.{method}", [posting], *change)
    with pytest.raises(ErpRefused):
        erp_server.product.call("model.mfgos.posting.create", [{"key": "forged", "digest": "0"}])
    assert [p.key for p in erp_server.reader.postings()] == ["k"]
