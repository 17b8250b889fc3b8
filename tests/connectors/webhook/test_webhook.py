"""Signed webhooks: what is let in, what is refused, and what the events mean."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connectors.roles import CallbackRequest
from connectors.webhook.config import WebhookConfig
from connectors.webhook.connector import MAX_BODY, build, read, verify
from connectors.webhook.mapping import event_name, is_informational, read_cloudevent
from domain.errors import AuthError, ConfigError, InvalidPayloadError, MosError
from domain.signals import RawSignal
from domain.values import Json

SECRET = "whsec_" + base64.b64encode(b"the plant's signing secret").decode()
OTHER = "whsec_" + base64.b64encode(b"an older signing secret").decode()
INSPECTION: dict[str, Json] = {
    "inspection": "INS-1",
    "plan": "porosity",
    "lot": "L-CAST-701",
    "material": "CAST-12",
    "characteristic": "Porosity",
    "value": 2.4,
    "low": 0,
    "high": 1.5,
    "unit": "%",
    "inspector": "CMM 2",
    "job_order": None,
}
RUSH: dict[str, Json] = {
    "sales_order": "SO-2007",
    "customer": "vesta",
    "customer_title": "Vesta Rail",
    "customer_class": "key",
    "material": "GS-40",
    "quantity": 20,
    "wanted": "2026-11-23T09:15:00+01:00",
}


def event(kind: str = "inspection.failed", data: Json = None, **changes: Json) -> dict[str, Json]:
    base = {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "/mes/brno",
        "type": f"com.havel.mes.{kind}.v1",
        "subject": "L-CAST-701",
        "time": "2026-11-22T08:15:03.120000+00:00",
        "datacontenttype": "application/json",
        "data": INSPECTION if data is None else data,
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def request(
    body: bytes, changes: Mapping[str, str] | None = None, *, secret: str = SECRET, at: datetime | None = None
) -> CallbackRequest:
    """Signed by hand, from the Standard Webhooks text: the test doesn't use the library that it tests."""
    now = datetime.now(UTC)
    stamp = str(int((at or now).timestamp()))
    mac = hmac.new(base64.b64decode(secret[6:]), b"evt_1." + stamp.encode() + b"." + body, hashlib.sha256)
    signed = {
        "webhook-id": "evt_1",
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
        "content-type": "application/cloudevents+json",
    }
    path = "/webhooks/mes"
    return CallbackRequest(path, "https://mos.example" + path, signed | dict(changes or {}), body, now)


def body(**changes: Json) -> bytes:
    return json.dumps(event(**changes)).encode()


def test_a_signed_event_is_read() -> None:
    signed = request(body())
    verify(signed, [SECRET])
    raw = read(signed)
    assert (raw.source, raw.event_id, raw.kind) == ("/mes/brno", "evt_1", "cloudevent")
    assert raw.occurred_at == datetime(2026, 11, 22, 8, 15, 3, 120000, tzinfo=UTC)
    assert raw.body["data"] == INSPECTION


def test_two_secrets_hold_while_they_are_rotated() -> None:
    hook = build(WebhookConfig(), {"signing": f"{SECRET} {OTHER}"})
    hook.verify(request(body(), secret=OTHER))
    hook.verify(request(body(), secret=SECRET))
    mixed = request(body())
    verify(request(body(), {"webhook-signature": "v1,AAAA " + mixed.headers["webhook-signature"]}), [SECRET])


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e400"},
        {"webhook-id": ""},
        {"webhook-id": "evt_2"},
    ],
)
def test_a_header_that_does_not_hold_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(AuthError):
        verify(request(body(), changes), [SECRET])


@pytest.mark.parametrize("minutes", [-10, 10])
def test_an_old_or_early_message_is_refused(minutes: int) -> None:
    with pytest.raises(AuthError):
        verify(request(body(), at=datetime.now(UTC) + timedelta(minutes=minutes)), [SECRET])


def test_a_changed_body_a_foreign_secret_and_no_utf8_are_refused() -> None:
    signed = request(body())
    for wrong in (
        CallbackRequest(signed.path, signed.url, signed.headers, signed.body + b" ", signed.received_at),
        request(body(), secret=OTHER),
        request(b"\xff\xfe"),
    ):
        with pytest.raises(AuthError) as caught:
            verify(wrong, [SECRET])
        assert SECRET[6:] not in repr(caught.value) + caught.value.detail


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidPayloadError, match="larger"):
        verify(request(b"x" * (MAX_BODY + 1)), [SECRET])


@pytest.mark.parametrize("secrets", [[], ["whsec_"], ["whsec_%%%"], [""]])
def test_a_secret_that_is_none_is_a_setting_to_correct(secrets: list[str]) -> None:
    with pytest.raises(ConfigError):
        verify(request(body()), secrets)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        body(specversion="9.9"),
        body(id=...),
        body(id=7),
        body(id=""),
        body(id="x" * 201),
        body(source=...),
        body(type=...),
        body(time="half past eight"),
        body(time="2026-11-22T08:15:03"),
        body(id="evt_2"),
    ],
)
def test_what_is_no_event_is_invalid(content: bytes) -> None:
    with pytest.raises(InvalidPayloadError):
        read(request(content))


def test_a_source_that_is_not_listed_is_refused() -> None:
    hook = build(WebhookConfig(sources=["/mes/ostrava"]), {"signing": SECRET})
    with pytest.raises(InvalidPayloadError, match="/mes/brno"):
        hook.read(request(body()))


def test_binary_mode_is_read_as_well() -> None:
    plain = {"content-type": "application/json", "ce-specversion": "1.0", "ce-id": "evt_1", "ce-source": "/mes/brno"}
    plain |= {"ce-type": "com.havel.mes.inspection.failed.v1", "ce-time": "2026-11-22T08:15:03Z"}
    signed = request(json.dumps(INSPECTION).encode(), plain)
    verify(signed, [SECRET])
    assert read_cloudevent(read(signed)).facts["lot"] == "L-CAST-701"


def normalise(**changes: Json) -> RawSignal:
    return read(request(body(**changes)))


def test_a_failed_inspection() -> None:
    signal = read_cloudevent(normalise())
    assert (signal.type, signal.subject) == ("inspection.failed", "L-CAST-701")
    assert signal.facts == {name: value for name, value in INSPECTION.items() if name != "plan"}
    assert signal.occurred_at == datetime(2026, 11, 22, 8, 15, 3, 120000, tzinfo=UTC)


def test_a_rush_order() -> None:
    signal = read_cloudevent(normalise(kind="salesorder.rush", data=RUSH))
    assert (signal.type, signal.subject) == ("order.rush", "SO-2007")
    assert signal.facts["sale"] == "SO-2007"
    assert signal.facts["wanted"] == "2026-11-23T08:15:00Z"
    assert signal.facts["quantity"] == 20


def test_an_order_that_changed_is_informational() -> None:
    assert is_informational(normalise(kind="joborder.changed", data={"job_order": "JO-1"}))
    assert not is_informational(normalise())


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"kind": "tool.worn"}, "com.havel.mes.tool.worn.v1"),
        ({"kind": "joborder.changed"}, "joborder.changed"),
        ({"type": "inspection.failed"}, "inspection.failed"),
        ({"data": []}, "data"),
        ({"data": {**INSPECTION, "lot": ""}}, "lot"),
        ({"data": {**INSPECTION, "value": "2.4"}}, "value"),
        ({"data": {**INSPECTION, "value": True}}, "value"),
        ({"data": {**INSPECTION, "inspector": 7}}, "inspector"),
        ({"data": {name: value for name, value in INSPECTION.items() if name != "unit"}}, "unit"),
        ({"kind": "salesorder.rush", "data": {**RUSH, "wanted": "2026-11-23T09:15:00"}}, "wanted"),
        ({"kind": "salesorder.rush", "data": {**RUSH, "quantity": None}}, "quantity"),
        ({"time": ...}, "time"),
    ],
)
def test_an_event_that_lacks_something_is_told_by_name(changes: dict[str, Json], word: str) -> None:
    with pytest.raises(MosError, match=word) as caught:
        read_cloudevent(normalise(**changes))
    assert isinstance(caught.value, InvalidPayloadError)


@pytest.mark.parametrize(
    "kind, name",
    [
        ("com.havel.mes.inspection.failed.v1", "inspection.failed"),
        ("com.acme.quality.lab.inspection.failed.v1", "inspection.failed"),
        ("com.havel.mes.inspection.failed.v2", ""),
        ("inspection.failed", ""),
        (None, ""),
    ],
)
def test_event_names(kind: Json, name: str) -> None:
    assert event_name(kind) == name
