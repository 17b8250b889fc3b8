"""The MES over HTTP: answers, keys, versions, replays, look-up after a timeout, and what a kill leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.plant.peers import PATIENCE_S, Peer, anchor, plant_post, running, token, until


class Mes:
    """The MES process, asked with the product's token."""

    def __init__(self, peer: Peer, data: Path) -> None:
        self.base = peer.address["mes"]
        self.data = data
        self._http = httpx.Client(base_url=self.base, headers=token(data, "mes.token"), timeout=PATIENCE_S)

    def get(self, path: str, **query: Any) -> Any:
        answer = self._http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get_status(self, path: str) -> int:
        return self._http.get(path).status_code

    def post(self, path: str, body: Any, key: str | None, **headers: str) -> httpx.Response:
        named = {"Idempotency-Key": key} if key else {}
        return self._http.post(path, json=body, headers=named | headers)

    def dispatch(self, entries: list[Any], key: str, version: int | None = None) -> httpx.Response:
        current = self.get("/dispatch-list")["version"] if version is None else version
        return self.post("/dispatch-list", {"entries": entries}, key, **{"If-Match": f'"{current}"'})

    def moved(self, segment_id: str, minutes: float) -> dict[str, Any]:
        """An entry that moves this segment by so many minutes."""
        entry = next(e for e in self.get("/dispatch-list")["entries"] if e["segment_id"] == segment_id)
        by = timedelta(minutes=minutes)
        start, end = (datetime.fromisoformat(entry[name]) + by for name in ("start", "end"))
        where = {"segment_id": segment_id, "equipment_id": entry["equipment_id"]}
        return where | {"start": start.isoformat(), "end": end.isoformat()}

    def planned_start(self, segment_id: str) -> datetime:
        order = self.get(f"/job-orders/{segment_id.partition('/')[0]}")
        segment = next(s for s in order["segments"] if s["id"] == segment_id)
        return datetime.fromisoformat(segment["planned"]["start"])


def _arguments(data: Path, started: str) -> list[str]:
    secret = data / "webhook.secret"
    secret.write_text("whsec_" + "c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q=")
    away = ["--webhook-url", "http://127.0.0.1:9/none", "--webhook-secret-file", str(secret)]
    return ["--port", "0", "--anchor", started, "--data", str(data), *away]


@pytest.fixture(scope="module")
def mes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mes]:
    data = tmp_path_factory.mktemp("mes")
    with running("mes", *_arguments(data, anchor())) as peer:
        yield Mes(peer, data)


def test_a_stranger_is_refused(mes: Mes) -> None:
    answer = httpx.get(f"{mes.base}/job-orders", headers={"authorization": "Bearer nobody"}, timeout=PATIENCE_S)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:havel:mes:problem:unauthorized"
    headers = token(mes.data, "mes.token")
    product = httpx.post(f"{mes.base}/floor/inspections", headers=headers, json={"lot": "x"}, timeout=PATIENCE_S)
    assert product.status_code == 401


def test_a_job_order_shows_plan_progress_alternatives_customer_and_promise(mes: Mes) -> None:
    order = mes.get("/job-orders/JO-1001")
    assert (order["operations_request_id"], order["sale_id"], order["lot_ids"]) == ("JO-1001", "SO-2001", ["L-BAR-501"])
    assert order["customer"] == {"id": "orlik", "title": "Orlik Pumps", "class": "key"}
    turn, mill, _ = order["segments"]
    assert {a["equipment_id"] for a in turn["alternatives"]} == {"lathe-1", "lathe-2"}
    assert turn["progress"]["state"] == "running"
    assert 85 < turn["progress"]["remaining_min"] <= 90
    assert mill["predecessors"] == [{"segment_id": "JO-1001/10", "type": "FS", "lag_min": 0}]
    assert datetime.fromisoformat(order["promised"]) > datetime.fromisoformat(order["segments"][-1]["planned"]["end"])


def test_job_orders_are_filtered_by_equipment_state_id_and_horizon(mes: Mes) -> None:
    def ids(**query: Any) -> list[str]:
        return [order["id"] for order in mes.get("/job-orders", **query)["job_orders"]]

    assert ids(equipment="lathe-1") == ["JO-1001", "JO-1003", "JO-1008"]
    assert ids(equipment="lathe-1", state="running") == ["JO-1001"]
    assert ids(id=["JO-1002", "JO-1009"]) == ["JO-1002", "JO-1009"]
    begun = datetime.fromisoformat(mes.get("/clock")["anchor"])
    assert ids(**{"from": (begun + timedelta(minutes=1000)).isoformat()}) == ["JO-1005", "JO-1009"]
    assert len(ids()) == 10


def test_lots_staging_equipment_and_calendars_answer_by_their_names(mes: Mes) -> None:
    lot = mes.get("/lots/L-CAST-701")
    assert {use["job_order_id"]: use["quantity"] for use in lot["where_used"]} == {
        "JO-1004": 30, "JO-1006": 30, "JO-1010": 40,
    }  # fmt: skip
    staged = mes.get("/staging", job_order="JO-1003")["staging"]
    assert [(s["material_lot_id"], s["equipment_id"], s["location"]) for s in staged] == [
        ("L-BAR-502", "lathe-1", "lathe-1 infeed")
    ]
    assert mes.get("/equipment/lathe-1")["parent_id"] == "turning"
    (calendar,) = mes.get("/calendars")["calendars"]
    assert all(
        first["to"] == then["from"] for first, then in zip(calendar["windows"], calendar["windows"][1:], strict=False)
    )


def test_a_new_dispatch_list_moves_the_plan_that_is_served(mes: Mes) -> None:
    old = mes.planned_start("JO-1010/20")
    answer = mes.dispatch([mes.moved("JO-1010/20", 60)], "move-1")
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert (receipt["replayed"], receipt["result"]["changed"]) == (False, ["JO-1010/20"])
    assert answer.headers["etag"] == f'"{receipt["result"]["version"]}"'
    assert mes.planned_start("JO-1010/20") == old + timedelta(minutes=60)


def test_a_key_posts_once_and_answers_the_same_receipt_for_ever(mes: Mes) -> None:
    entries = [mes.moved("JO-1007/20", 30)]
    version = mes.get("/dispatch-list")["version"]
    first = mes.dispatch(entries, "exc_1:post:1", version)
    start = mes.planned_start("JO-1007/20")
    again = mes.dispatch(entries, "exc_1:post:1", version)
    assert again.status_code == 200
    assert again.json() == first.json() | {"replayed": True}
    assert mes.planned_start("JO-1007/20") == start
    assert mes.get("/postings/exc_1:post:1") == again.json()

    other = mes.dispatch([mes.moved("JO-1007/20", 30)], "exc_1:post:1", version)
    assert (other.status_code, other.json()["type"]) == (409, "urn:havel:mes:problem:key-reused")


def test_an_old_version_is_refused_with_the_current_one_and_leaves_no_key(mes: Mes) -> None:
    entries = [mes.moved("JO-1002/20", 5)]
    current = mes.get("/dispatch-list")["version"]
    refused = mes.dispatch(entries, "late", current - 1)
    assert (refused.status_code, refused.json()["current_version"]) == (412, current)
    assert refused.headers["etag"] == f'"{current}"'
    assert mes.dispatch(entries, "late", current).status_code == 200


def test_a_posting_needs_a_key_and_a_dispatch_list_a_version(mes: Mes) -> None:
    body = {"entries": [mes.moved("JO-1002/20", 5)]}
    assert mes.post("/dispatch-list", body, None, **{"If-Match": '"1"'}).status_code == 400
    assert mes.post("/dispatch-list", body, "no-version").status_code == 428
    assert mes.post("/dispatch-list", {"entries": []}, "empty", **{"If-Match": '"1"'}).status_code == 422


def test_hold_and_release_are_keyed_and_say_what_state_forbids_them(mes: Mes) -> None:
    held = mes.post("/job-orders/JO-1009/hold", {"reason": "Lot on hold"}, "hold-1")
    assert held.json()["result"]["status"] == "held"
    assert mes.get("/job-orders/JO-1009")["hold"]["reason"] == "Lot on hold"
    assert mes.post("/job-orders/JO-1009/hold", {"reason": "Lot on hold"}, "hold-1").json()["replayed"] is True
    again = mes.post("/job-orders/JO-1009/hold", {"reason": "Again"}, "hold-2")
    assert (again.status_code, again.json()["state"]) == (409, "held")
    assert mes.post("/job-orders/JO-1009/release", {}, "release-1").json()["result"]["status"] == "planned"
    assert mes.post("/job-orders/JO-1009/release", {}, "release-2").status_code == 409


def test_a_new_job_order_comes_down_and_joins_the_dispatch_list(mes: Mes) -> None:
    begin = datetime.fromisoformat(mes.get("/clock")["as_of"]) + timedelta(hours=30)
    times = [(begin + timedelta(hours=n)).isoformat() for n in range(3)]
    segments = [
        {"seq": 10, "equipment_id": "mill-2", "start": times[0], "end": times[1]},
        {"seq": 20, "equipment_id": "press-1", "start": times[1], "end": times[2]},
    ]
    body = {"id": "JO-1101", "material_definition_id": "PH-12", "quantity": 15, "customer_id": "orlik"}
    wrong = mes.post("/job-orders", body | {"segments": [segments[0] | {"equipment_id": "saw-1"}]}, "down-0")
    assert wrong.json()["errors"] == [{"loc": "segments.0.equipment_id", "msg": "saw-1 is unknown."}]
    assert mes.post("/job-orders", body | {"segments": segments}, "down-1").status_code == 200
    order = mes.get("/job-orders/JO-1101")
    assert (order["priority_class"], order["weight"], order["status"]) == ("rush", 4, "released")
    listed = {entry["segment_id"] for entry in mes.get("/dispatch-list", equipment="press-1")["entries"]}
    assert "JO-1101/20" in listed


def test_after_a_timeout_the_posting_is_found_by_its_key(mes: Mes) -> None:
    entries = [mes.moved("JO-1006/20", 15)]
    version = mes.get("/dispatch-list")["version"]
    plant_post(mes.base, mes.data, "/floor/faults", {"mode": "stall", "delay_s": 120})
    headers = token(mes.data, "mes.token") | {"Idempotency-Key": "lost/answer", "If-Match": f'"{version}"'}
    with pytest.raises(httpx.ReadTimeout):
        httpx.put(f"{mes.base}/dispatch-list", json={"entries": entries}, headers=headers, timeout=1)
    until(lambda: mes.get_status("/postings/lost%2Fanswer") == 200)  # it may be done after we have given up
    assert mes.get("/postings/lost%2Fanswer")["result"]["changed"] == ["JO-1006/20"]
    plant_post(mes.base, mes.data, "/floor/faults", {"mode": "refuse"})
    assert mes.dispatch([mes.moved("JO-1006/20", 15)], "busy").status_code == 503
    assert mes.get_status("/postings/busy") == 404


def test_a_machine_that_is_down_stops_its_job_order(mes: Mes) -> None:
    plant_post(mes.base, mes.data, "/floor/equipment/mill-1/state", {"state": "down", "reason": "Tool breakage"})
    unit = mes.get("/equipment/mill-1")
    assert (unit["state"], unit["state_reason"]) == ("down", "Tool breakage")
    first, second = (mes.get("/job-orders/JO-1004")["segments"][0]["progress"]["remaining_min"] for _ in range(2))
    assert first == second
    plant_post(mes.base, mes.data, "/floor/equipment/mill-1/state", {"state": "up"})
    assert mes.get("/job-orders/JO-1004")["segments"][0]["progress"]["remaining_min"] < second


def test_a_kill_loses_no_posting_and_no_key(tmp_path: Path) -> None:
    started = anchor()
    with running("mes", *_arguments(tmp_path, started)) as peer:
        first = Mes(peer, tmp_path)
        receipt = first.dispatch([first.moved("JO-1006/20", 90)], "before-kill").json()
        start = first.planned_start("JO-1006/20")
    with running("mes", *_arguments(tmp_path, started)) as peer:
        second = Mes(peer, tmp_path)
        assert second.get("/postings/before-kill") == receipt | {"replayed": True}
        assert second.planned_start("JO-1006/20") == start
        assert second.get("/dispatch-list")["version"] == receipt["result"]["version"]
        assert peer.stop() == 0
