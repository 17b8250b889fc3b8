"""What a setting must not allow, and that every connector is built from its manifest."""

import pytest
from pydantic import ValidationError

from connectors.mes_http import manifest as mes_manifest
from connectors.mqtt.config import MqttConfig
from connectors.opcua import manifest as opcua_manifest
from connectors.opcua.config import OpcUaConfig
from connectors.tryton import manifest as tryton_manifest
from connectors.tryton.config import TrytonConfig
from connectors.webhook import manifest as webhook_manifest
from domain.values import Json
from infra import connect

OPCUA: dict[str, Json] = {"url": "opc.tcp://127.0.0.1:4840", "machines": [{"equipment": "m", "state": "ns=2;s=m"}]}


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"policy": "None"}, "insecure"),
        ({}, "certificate_folder"),
        ({"certificate_folder": "keys"}, "server_certificate"),
        ({"policy": "Basic128", "insecure": True}, "policy"),
        ({"policy": "None", "insecure": True, "machines": []}, "machines"),
    ],
)
def test_opcua_settings_that_are_refused(changes: dict[str, Json], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        OpcUaConfig.model_validate(OPCUA | changes)


def test_opcua_without_security_must_be_said_aloud() -> None:
    assert OpcUaConfig.model_validate(OPCUA | {"policy": "None", "insecure": True}).insecure


@pytest.mark.parametrize("states", ["a/b", "a/x{equipment}/b"])
def test_mqtt_states_must_name_the_equipment(states: str) -> None:
    with pytest.raises(ValidationError, match="equipment"):
        MqttConfig(host="h", client_id="c", states=states)


@pytest.mark.parametrize(
    "changes", [{"timezone": "Brno"}, {"url": "ftp://x"}, {"database": "../other"}, {"password": "x"}]
)
def test_tryton_settings_that_are_refused(changes: dict[str, Json]) -> None:
    with pytest.raises(ValidationError):
        TrytonConfig.model_validate({"url": "http://erp", "database": "erp", "user": "mos"} | changes)


def test_manifests_build_their_connectors() -> None:
    erp = {"url": "http://erp", "database": "erp", "user": "mos", "password": "p"}
    assert tryton_manifest.build(erp).name == "erp"
    assert mes_manifest.build({"url": "http://mes", "token": "t"}).name == "mes"
    assert opcua_manifest.build(OPCUA | {"policy": "None", "insecure": True, "name": "hall-1"}).name == "hall-1"
    assert type(webhook_manifest.build({"signing": "whsec_c2VjcmV0"})).__name__ == "Webhook"


def test_who_posts_everything_at_once_is_what_the_manifests_say() -> None:
    kinds = {"erp": "tryton", "mes": "mes_http"}
    connected = [connect.Connection(name=role, kind=kind, role=role) for role, kind in kinds.items()]
    assert connect.atomic(connected) == {"erp"}
    assert connect.atomic([connect.Connection(name="erp", kind="odoo", role="erp")]) == frozenset()
