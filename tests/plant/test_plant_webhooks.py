"""The MES's events at a real receiver: signed, complete, in order, and kept until they are taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from infra.plant.process import free_port
from tests.plant.peers import PATIENCE_S, Receiver, anchor, plant_post, running, token, until

SECRET = "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q="


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


def _arguments(data: Path, url: str, started: str) -> list[str]:
    (data / "webhook.secret").write_text(SECRET)
    hook = ["--webhook-url", url, "--webhook-secret-file", str(data / "webhook.secret")]
    return ["--port", "0", "--anchor", started, "--data", str(data), *hook]


def _fail(base: str, data: Path, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = plant_post(base, data, "/floor/inspections", request).json()
    return answer


def _of_type(receiver: Receiver, kind: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    got = [(headers, json.loads(body)) for headers, body in list(receiver.got)]
    return [(headers, event) for headers, event in got if event["type"] == f"com.havel.mes.{kind}.v1"]


def _settled(base: str, data: Path, state: str) -> dict[str, Any]:
    """The outbox row of the failed inspection once it is in this state; empty until then."""
    headers = token(data, "plant.token")
    rows = httpx.get(f"{base}/floor/outbox", headers=headers, timeout=PATIENCE_S).json()["outbox"]
    row: dict[str, Any] = next(row for row in rows if row["type"] == "com.havel.mes.inspection.failed.v1")
    return row if row["state"] == state else {}


def test_a_failed_inspection_goes_out_signed_as_a_cloud_event(receiver: Receiver, tmp_path: Path) -> None:
    with running("mes", *_arguments(tmp_path, receiver.url, anchor())) as peer:
        result = _fail(peer.address["mes"], tmp_path, lot="L-CAST-701", job_order="JO-1004")
        until(lambda: _of_type(receiver, "inspection.failed"))
    headers, body = next(item for item in receiver.got if b"inspection.failed" in item[1])
    assert Webhook(SECRET).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"L-CAST-701", b"L-CAST-702"), headers)
    event = from_http_event(HTTPMessage(headers, body))
    assert headers["webhook-id"] == event.get_id()
    assert (event.get_source(), event.get_subject()) == ("/mes/brno", "L-CAST-701")
    assert event.get_data() == {
        "inspection": result["id"],
        "plan": "porosity",
        "lot": "L-CAST-701",
        "material": "CAST-12",
        "characteristic": "Porosity",
        "value": 2.0,
        "low": 0,
        "high": 1.5,
        "unit": "%",
        "inspector": "Inspection station 1",
        "job_order": "JO-1004",
    }


def test_a_result_within_the_tolerance_is_kept_and_not_announced(receiver: Receiver, tmp_path: Path) -> None:
    with running("mes", *_arguments(tmp_path, receiver.url, anchor())) as peer:
        good = _fail(peer.address["mes"], tmp_path, lot="L-BAR-502", value=21)
        assert good["result"] == "passed"
        bad = _fail(peer.address["mes"], tmp_path, lot="L-BAR-502", value=25)
        until(lambda: _of_type(receiver, "inspection.failed"))
    assert [event["data"]["inspection"] for _, event in _of_type(receiver, "inspection.failed")] == [bad["id"]]


def test_a_rush_sale_names_the_customer_and_its_class(receiver: Receiver, tmp_path: Path) -> None:
    wanted = (datetime.fromisoformat(anchor()) + timedelta(days=1)).isoformat()
    sale = {"sales_order": "SO-3001", "customer": "vesta", "material": "GS-40", "quantity": 20, "wanted": wanted}
    with running("mes", *_arguments(tmp_path, receiver.url, anchor())) as peer:
        unknown = plant_post(peer.address["mes"], tmp_path, "/floor/rush", sale | {"customer": "nobody"})
        assert unknown.status_code == 422
        assert plant_post(peer.address["mes"], tmp_path, "/floor/rush", sale).status_code == 200
        (_, event), *none = until(lambda: _of_type(receiver, "salesorder.rush"))
    assert none == []
    assert event["subject"] == "SO-3001"
    assert (event["data"]["customer_title"], event["data"]["customer_class"]) == ("Vesta Rail", "key")
    assert datetime.fromisoformat(event["data"]["wanted"]) == datetime.fromisoformat(wanted)


def test_an_event_is_repeated_with_the_same_id_until_it_is_taken(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers += [503, 500, 429, 200]
    with running("mes", *_arguments(tmp_path, receiver.url, anchor())) as peer:
        _fail(peer.address["mes"], tmp_path, lot="L-BAR-502")
        row = until(lambda: _settled(peer.address["mes"], tmp_path, "delivered"))
    assert row["attempts"] == 4
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {row["id"]}
    assert len(receiver.got) == 4


def test_a_refused_event_is_shown_and_not_repeated_by_itself(receiver: Receiver, tmp_path: Path) -> None:
    with running("mes", *_arguments(tmp_path, receiver.url, anchor())) as peer:
        base = peer.address["mes"]
        receiver.answers += [422]
        _fail(base, tmp_path, lot="L-BAR-502")
        row = until(lambda: _settled(base, tmp_path, "refused"))
        assert (row["last_status"], row["attempts"]) == (422, 1)
        plant_post(base, tmp_path, f"/floor/outbox/{row['id']}/resend")
        until(lambda: _settled(base, tmp_path, "delivered"))
    assert len(_of_type(receiver, "inspection.failed")) == 2


def test_an_event_waits_for_a_receiver_that_is_away_even_over_a_kill(tmp_path: Path) -> None:
    port, started = free_port(), anchor()
    url = f"http://127.0.0.1:{port}/webhooks/mes"
    with running("mes", *_arguments(tmp_path, url, started)) as peer:
        result = _fail(peer.address["mes"], tmp_path, lot="L-BAR-502")
    with running("mes", *_arguments(tmp_path, url, started)) as peer:
        assert _settled(peer.address["mes"], tmp_path, "pending")
        late = Receiver(port)
        ((_, event),) = until(lambda: _of_type(late, "inspection.failed"))
        assert event["data"]["inspection"] == result["id"]
        until(lambda: _settled(peer.address["mes"], tmp_path, "delivered"))
        late.close()
