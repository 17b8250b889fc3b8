"""The control: what it causes is seen at the peers themselves, and what cannot be is said plainly."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from iotcore.broker import Broker

from connectors.webhook.mapping import read_cloudevent
from domain.signals import RawSignal
from infra.plant.catalogue import RushDraw
from infra.plant.control import main
from infra.plant.plant_control import ControlError, PlantControl, read_endpoints
from infra.plant.process import free_port
from tests.plant.peers import PATIENCE_S, Receiver, anchor, running, token, until


class Done(NamedTuple):
    """How a verb ended."""

    returncode: int
    stdout: str
    stderr: str


class Plant:
    """A whole plant with a receiver for its events."""

    def __init__(self, data: Path, endpoints: Path, receiver: Receiver) -> None:
        self.data = data
        self.endpoints = endpoints
        self.receiver = receiver

    def control(self, *verb: str) -> Done:
        """One verb of the command line, in this process."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                main(["--endpoints", str(self.endpoints), *verb])
        except SystemExit as end:
            return Done(1, said.getvalue(), str(end))
        return Done(0, said.getvalue(), "")

    def mes(self, path: str) -> Any:
        base = json.loads(self.endpoints.read_text())["mes"]
        return httpx.get(base + path, headers=token(self.data, "mes.token"), timeout=PATIENCE_S).json()

    def event(self, kind: str) -> dict[str, Any]:
        for _, body in list(self.receiver.got):
            event: dict[str, Any] = json.loads(body)
            if kind in event["type"]:
                return event
        return {}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    data = tmp_path_factory.mktemp("plant")
    common = ["--anchor", anchor(), "--data", str(data)]
    machine = [*common, "--control-port", "0", "--pace", "0.02"]
    (data / "webhook.secret").write_text("whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q=")
    receiver = Receiver()
    hook = ["--webhook-url", receiver.url, "--webhook-secret-file", str(data / "webhook.secret")]
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(port=free_port(), listen="127.0.0.1"))
        gateway = stack.enter_context(running("gateway", *machine, "--mqtt-url", f"mqtt://127.0.0.1:{broker.port}"))
        mes = stack.enter_context(running("mes", *common, "--port", "0", *hook))
        machines = stack.enter_context(running("machines", *machine, "--port", "0", expect=2))
        stack.callback(receiver.close)
        where = {
            "data": str(data),
            "machines": machines.address["machines-control"],
            "gateway": gateway.address["gateway-control"],
            "mes": mes.address["mes"],
            "erp": None,
        }
        (data / "endpoints.json").write_text(json.dumps(where))
        yield Plant(data, data / "endpoints.json", receiver)


@pytest.mark.parametrize("unit", ["lathe-1", "lathe-2"])
def test_break_and_clear_reach_the_machine_and_the_mes(plant: Plant, unit: str) -> None:
    broken = plant.control("break", unit, "--reason", "1203")
    assert broken.returncode == 0, broken.stderr
    shown = json.loads(broken.stdout)
    assert (shown["state"], shown["stop_reason"]["text"]) == (9, "Tool breakage")
    known = plant.mes(f"/equipment/{unit}")
    assert (known["state"], known["state_reason"]) == ("down", "Tool breakage")
    assert datetime.fromisoformat(known["state_since"]) == datetime.fromisoformat(shown["since"])

    again = plant.control("break", unit)
    assert (again.returncode, again.stderr.strip()) == (1, f"{unit} is down already.")
    assert plant.control("clear", unit).returncode == 0
    assert plant.mes(f"/equipment/{unit}")["state"] == "up"


def test_a_failed_inspection_is_told_to_the_mes(plant: Plant) -> None:
    done = plant.control("fail-inspection", "L-CAST-701")
    assert json.loads(done.stdout)["result"] == "failed"
    event = until(lambda: plant.event("inspection.failed"))
    assert event["subject"] == "L-CAST-701"


def test_material_that_lacks_is_told_as_the_product_reads_it(plant: Plant) -> None:
    done = plant.control("short", "JO-1003", "--counted", "10")
    event = until(lambda: plant.event("material.short"))
    signal = read_cloudevent(RawSignal(source="mes", event_id=event["id"], kind="cloudevent", body=event))
    assert json.loads(done.stdout) == event["data"]
    assert (signal.type.value, signal.subject) == ("material.short", "BAR-40")
    assert (signal.facts["missing"], signal.facts["location"]) == (30, "lathe-1 infeed")


def test_an_order_that_takes_longer_is_announced_only_when_it_will_be_late(plant: Plant) -> None:
    in_time = json.loads(plant.control("slow", "JO-1001", "--minutes", "5").stdout)
    assert (in_time["late"], plant.event("joborder.late")) == (False, {})
    before = datetime.fromisoformat(in_time["expected"])
    late = json.loads(plant.control("slow", "JO-1001", "--minutes", "300").stdout)
    event = until(lambda: plant.event("joborder.late"))
    signal = read_cloudevent(RawSignal(source="mes", event_id=event["id"], kind="cloudevent", body=event))
    assert (late["late"], signal.subject) == (True, "JO-1001")
    assert datetime.fromisoformat(signal.facts["expected"]) >= before + timedelta(minutes=100)
    assert datetime.fromisoformat(signal.facts["expected"]) > datetime.fromisoformat(signal.facts["due"])


def test_what_cannot_be_done_is_said_in_one_line(plant: Plant) -> None:
    for verb, says in (
        (("break", "lathe-9"), "The plant has no work unit lathe-9."),
        (("fail-inspection", "L-NONE"), "There is no lot L-NONE."),
        (("short", "JO-1001"), "job_order: Nothing is carried to a machine for JO-1001."),
        (("short", "JO-1003", "--counted", "40"), "counted: JO-1003 lacks nothing"),
        (("slow", "JO-1007"), "job_order: JO-1007 does not run"),
        (("slow", "JO-9"), "There is no job order JO-9."),
        (("rush",), "No ERP is configured"),
        (("rush", "orlik"), "Give customer, material, quantity and wanted"),
    ):
        refused = plant.control(*verb)
        assert refused.returncode == 1
        assert refused.stderr.startswith(says)


def test_the_command_line_prints_json_and_ends_with_1_when_refused(plant: Plant) -> None:
    command = [sys.executable, "-m", "infra.plant.control", "--endpoints", str(plant.endpoints)]
    drawn = subprocess.run([*command, "draw", "--seed", "11"], capture_output=True, text=True, check=True)
    assert json.loads(drawn.stdout) == json.loads(plant.control("draw", "--seed", "11").stdout)
    refused = subprocess.run([*command, "clear", "mill-1"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", "mill-1 is up already.\n")


async def test_a_rush_sale_is_in_the_erp_before_the_mes_announces_it(plant: Plant) -> None:
    entered: list[tuple[RushDraw, datetime]] = []

    def enter(sale: RushDraw, wanted: datetime) -> str:
        assert not plant.event("salesorder.rush")
        entered.append((sale, wanted))
        return "SO-2007"

    control = PlantControl(read_endpoints(plant.endpoints), enter)
    asked = RushDraw(customer="orlik", material="PH-12", quantity=15, wanted=1440)
    told = await control.rush(asked)
    ((sale, wanted),) = entered
    assert sale == asked
    ahead = wanted - datetime.fromisoformat(plant.mes("/clock")["as_of"])
    assert timedelta(minutes=1435) < ahead <= timedelta(minutes=1440)
    event = until(lambda: plant.event("salesorder.rush"))
    assert event["data"] == told
    assert (event["subject"], event["data"]["customer_class"]) == ("SO-2007", "key")


async def test_a_sale_that_the_erp_refuses_is_not_announced(plant: Plant) -> None:
    def refuse(_sale: RushDraw, _wanted: datetime) -> str:
        raise ControlError("The ERP refuses the sale.")

    before = len(plant.receiver.got)
    control = PlantControl(read_endpoints(plant.endpoints), refuse)
    with pytest.raises(ControlError, match="refuses"):
        await control.rush()
    await control.fail_inspection("L-BAR-502")
    until(lambda: len(plant.receiver.got) > before)
    assert b"salesorder" not in plant.receiver.got[before][1]


def test_the_same_verbs_over_http_want_the_plants_token(plant: Plant) -> None:
    arguments = ["--endpoints", str(plant.endpoints), "serve", "--port", "0"]
    with running("control", *arguments) as peer:
        base = peer.address["control"]
        assert httpx.get(f"{base}/status", timeout=PATIENCE_S).status_code == 401
        with httpx.Client(base_url=base, headers=token(plant.data, "plant.token"), timeout=PATIENCE_S) as http:
            assert http.post("/break/press-1", json={"reason": 1101}).json()["state"] == 9
            down = {unit["id"] for unit in http.get("/status").json()["machines"] if unit["state"] == 9}
            assert down == {"press-1"}
            assert http.post("/clear/press-1").status_code == 200
            assert http.post("/clear/press-1").status_code == 409
            assert http.post("/rush", json={}).json()["detail"].startswith("No ERP is configured")
            assert http.post("/rush", json={"customer": "orlik"}).status_code == 422


def test_a_peer_that_is_away_is_named(plant: Plant, tmp_path: Path) -> None:
    where = json.loads(plant.endpoints.read_text()) | {"machines": "http://127.0.0.1:9"}
    (tmp_path / "endpoints.json").write_text(json.dumps(where))
    away = Plant(plant.data, tmp_path / "endpoints.json", plant.receiver)
    assert away.control("break", "lathe-1").returncode == 1
    status = json.loads(away.control("status").stdout)
    assert "does not answer" in status["machines"]["away"]
    assert status["gateway"][0]["id"] == "lathe-2"
