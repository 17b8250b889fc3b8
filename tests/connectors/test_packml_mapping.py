"""PackML values as machine states, as a table; the same words for OPC UA and MQTT."""

from datetime import UTC, datetime

import pytest

from connectors.mqtt.mapping import match, topic_filter, uns_signal
from connectors.mqtt.mapping import read_state as read_mqtt
from connectors.opcua.mapping import gone, read_condition, state_signal
from connectors.opcua.mapping import read_state as read_opcua
from connectors.packml import STATES
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal
from domain.values import Json

AT = datetime(2026, 11, 22, 8, 15, 3, tzinfo=UTC)
COMPANIONS = {
    "unit_mode": 1,
    "stop_code": 0,
    "stop_reason": "",
    "blocked": False,
    "starved": False,
    "planned_reason": False,
}
TOPIC = "havel/brno/machining/turning/lathe-2/status"


def opcua(**changes: Json) -> RawSignal:
    return state_signal("opcua", "ns=2;s=lathe-1", AT, {"equipment": "lathe-1", "state": 9, **COMPANIONS, **changes})


def mqtt(payload: bytes) -> RawSignal:
    return uns_signal("mqtt", TOPIC, payload, equipment="lathe-2", retained=False, planned=[2001])


@pytest.mark.parametrize(
    "body, facts",
    [
        ({"state": 6}, {"state": "running", "planned_stop": False, "stop_code": None, "stop_reason": None}),
        ({"state": 9, "stop_code": 1101, "stop_reason": "Spindle overload"}, {"state": "aborted", "stop_code": 1101}),
        ({"state": 8, "unit_mode": 2}, {"state": "aborting", "planned_stop": True}),
        ({"state": 2, "unit_mode": 3}, {"state": "stopped", "planned_stop": True}),
        ({"state": 2, "stop_code": 2001, "planned_reason": True}, {"state": "stopped", "planned_stop": True}),
        ({"state": 5, "blocked": True}, {"state": "suspended", "blocked": True, "starved": False}),
        ({"state": 11, "unit_mode": None, "blocked": None}, {"state": "held", "unit_mode": None, "blocked": None}),
    ],
)
def test_packml_facts(body: dict[str, Json], facts: dict[str, Json]) -> None:
    signal = read_opcua(opcua(**body))
    assert {name: signal.facts[name] for name in facts} == facts
    assert (signal.state_key, signal.state, signal.facts["packml"]) == ("lathe-1", signal.facts["state"], body["state"])
    assert signal.occurred_at == AT


def test_every_packml_number_has_a_name_of_its_own() -> None:
    assert sorted(STATES) == list(range(1, 18))
    assert len(set(STATES.values())) == 17


@pytest.mark.parametrize("state", [0, 18, -1, "9", 9.0, True, None, [9]])
def test_what_is_no_packml_state_goes_to_the_quarantine(state: Json) -> None:
    with pytest.raises(InvalidPayloadError, match="PackML"):
        read_opcua(opcua(state=state))


def test_the_same_value_has_the_same_id_and_another_time_another() -> None:
    again = state_signal("opcua", "ns=2;s=lathe-1", AT, {"equipment": "lathe-1", "state": 9, "unit_mode": None})
    later = state_signal("opcua", "ns=2;s=lathe-1", AT.replace(second=4), {"equipment": "lathe-1", "state": 9})
    assert opcua().event_id == again.event_id == "ns=2;s=lathe-1@2026-11-22T08:15:03Z=9"
    assert later.event_id != again.event_id
    assert len(state_signal("opcua", "n" * 900, AT, {"state": 9}).event_id) <= 200


@pytest.mark.parametrize(
    "active, acked, state",
    [(True, False, "active"), (True, True, "acknowledged"), (False, True, "cleared"), (False, False, "cleared")],
)
def test_conditions(active: bool, acked: bool, state: str) -> None:
    body = {"equipment": "lathe-1", "condition": "lathe-1.Fault", "condition_id": "c", "event_id": "ab", "retain": True}
    body |= {
        "active": active,
        "acked": acked,
        "severity": 800,
        "message": "Spindle overload",
        "time": "2026-11-22T08:15:03Z",
    }
    raw = RawSignal(source="opcua", event_id="c#ab", kind="opcua.condition", body=body)
    signal = read_condition(raw)
    assert (signal.state, signal.state_key, signal.facts["severity"]) == (state, "lathe-1/lathe-1.Fault", 800)
    ended = read_condition(gone(raw, AT))
    assert (ended.state, ended.facts["retain"]) == ("cleared", False)
    assert gone(raw, AT).event_id != raw.event_id


def test_an_mqtt_state_reads_like_an_opcua_one() -> None:
    raw = mqtt(
        b'{"timestamp": "2026-11-22T09:15:03+01:00", "state": 9, "state_name": "Aborted", "unit_mode": 1,'
        b' "stop_reason": {"code": 1203, "text": "Tool breakage"}, "sequence": 14}'
    )
    signal = read_mqtt(raw)
    assert raw.event_id == f"{TOPIC}@2026-11-22T09:15:03+01:00#14=9"
    assert raw.occurred_at == signal.occurred_at == AT
    assert (signal.equipment, signal.state) == ("lathe-2", "aborted")
    assert (signal.facts["stop_code"], signal.facts["stop_reason"]) == (1203, "Tool breakage")


def test_a_publisher_that_counts_anew_under_a_clock_that_stands_still_is_heard() -> None:
    before, after = (
        mqtt(b'{"timestamp": "1970-01-01T00:00:00Z", "sequence": 0, "state": %d}' % state) for state in (6, 9)
    )
    assert before.event_id != after.event_id


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"9",
        b'{"state": 9}',
        b'{"state": 9, "timestamp": "2026-11-22T08:15:03"}',
        b'{"state": 9, "timestamp": 1795304873}',
        b'{"state": 99, "timestamp": "2026-11-22T08:15:03Z"}',
        b'{"timestamp": "2026-11-22T08:15:03Z"}',
        b"[" * 100_000,
    ],
)
def test_an_odd_mqtt_payload_is_kept_and_goes_to_the_quarantine(payload: bytes) -> None:
    raw = mqtt(payload)
    assert raw.event_id
    with pytest.raises(InvalidPayloadError):
        read_mqtt(raw)


@pytest.mark.parametrize(
    "pattern, topic, named",
    [
        ("a/{area}/{equipment}/status", "a/m/lathe-1/status", {"area": "m", "equipment": "lathe-1"}),
        ("a/+/{equipment}/status", "a/m/lathe-1/status", {"equipment": "lathe-1"}),
        ("a/{equipment}", "b/lathe-1", None),
        ("a/{equipment}", "a/lathe-1/status", None),
    ],
)
def test_topics(pattern: str, topic: str, named: dict[str, str] | None) -> None:
    assert match(pattern, topic) == named


def test_a_pattern_is_subscribed_with_wildcards() -> None:
    assert topic_filter("havel/{area}/+/{equipment}/status") == "havel/+/+/+/status"
