"""What normalisers read and queries answer is what is declared: definitions are checked against the declarations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.mes_http.config import MesConfig
from connectors.mes_http.connector import build
from connectors.mqtt import mapping as mqtt
from connectors.opcua import mapping as opcua
from connectors.webhook import mapping as webhook
from domain.queries import VOCABULARY
from domain.signals import FACTS, RawSignal, Signal, SignalType
from domain.typing.tree import misfit
from planning.propose import propose
from tests.plant.peers import Peer, Receiver, anchor, running

AT = "2026-11-22T08:00:00Z"
STATE = {"state": 9, "unit_mode": 1, "stop_code": 7, "stop_reason": "jam", "blocked": False, "starved": None}
INSPECTION = {
    **dict.fromkeys(("lot", "material", "inspection", "characteristic", "unit", "inspector"), "x"),
    **{"value": 31, "low": 29.5, "high": 30.5, "job_order": None},
}
RUSH = {
    **dict.fromkeys(("sales_order", "customer", "customer_title", "customer_class", "material"), "x"),
    **{"quantity": 5, "wanted": AT},
}


def raw(kind: str, body: Any) -> RawSignal:
    return RawSignal(source="s", event_id="1", kind=kind, body=body)


def event(name: str, data: Any) -> RawSignal:
    return raw(webhook.CLOUDEVENT, {"type": f"com.havel.mes.{name}.v1", "time": AT, "data": data})


def signals() -> Iterator[Signal]:
    opc = {"equipment": "lathe-1", "source_timestamp": AT}
    yield opcua.read_state(raw(opcua.STATE, STATE | opc))
    yield opcua.read_state(raw(opcua.STATE, {"state": 2} | opc))
    alarm = {"condition": "Oil", "time": AT, "active": True, "severity": 700, "message": "low"}
    yield opcua.read_condition(raw(opcua.CONDITION, alarm | opc))
    uns = {"equipment": "lathe-1", "payload": STATE | {"timestamp": AT, "stop_reason": {"code": 3, "text": "jam"}}}
    yield mqtt.read_state(raw(mqtt.UNS, uns))
    yield webhook.read_cloudevent(event("inspection.failed", INSPECTION))
    yield webhook.read_cloudevent(event("salesorder.rush", RUSH))


@pytest.mark.parametrize("signal", list(signals()), ids=lambda signal: str(signal.type))
def test_a_signal_carries_what_is_declared(signal: Signal) -> None:
    facts = {"equipment": signal.equipment, "subject": signal.subject, **signal.facts}  # as intake keeps them
    assert misfit(facts, VOCABULARY.signals[signal.type], "signal") == ""


def test_every_type_of_signal_is_declared() -> None:
    assert set(FACTS) == set(SignalType)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peer, Path]]:
    data = tmp_path_factory.mktemp("mes")
    receiver = Receiver()
    (data / "webhook.secret").write_text("whsec_bWVzLXRlc3Qtc2VjcmV0LW1lcw==")
    options = ["--port", "0", "--anchor", anchor(), "--data", str(data), "--webhook-url", receiver.url]
    with running("mes", *options, "--webhook-secret-file", str(data / "webhook.secret")) as peer:
        yield peer, data
    receiver.close()


async def test_the_mes_answers_and_the_planners_propose_what_is_declared(plant: tuple[Peer, Path]) -> None:
    peer, data = plant
    secret = {"token": (data / "mes.token").read_text().strip()}
    mes = build(MesConfig(url=peer.address["mes"], timeout=60), secret)
    asked: dict[str, dict[str, Any]] = {
        "mes.job_orders": {},
        "mes.plan": {},
        "mes.staging": {},
        "mes.lot": {"lot": "L-BAR-501"},
        "mes.equipment": {"equipment": "lathe-1"},
    }
    answers = {name: await mes.query(name, where) for name, where in asked.items()}
    await mes.close()
    for name, answer in answers.items():
        assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""
    orders = answers["mes.job_orders"]
    demand = [{**order, "customer": order["customer_title"]} for order in orders if order["sale"]]
    facts = {"plan": answers["mes.plan"], "demand": demand, "staging": answers["mes.staging"]}
    questions = {
        "push_right": {"equipment": "lathe-1", "down_from": answers["mes.plan"]["as_of"], "down_for": "8h"},
        "rush_insert": {"material": orders[0]["material"], "quantity": 5, "sale": "SO-1", "wanted": AT},
    }
    for using, where in questions.items():
        proposal = propose(using, where, facts)
        assert proposal["options"]
        assert misfit(proposal, VOCABULARY.proposals[using].answer, using) == ""
