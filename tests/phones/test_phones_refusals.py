"""The stand-ins refuse what the vendors refuse, with the vendor's own code, and remember each refusal."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.phones import block_refusals, slack_refusals, twilio_refusals
from tests.phones.peers import ACCOUNT, AUTH, NUMBER, TESS, TESS_PHONE, TOKEN, Phones

Json = dict[str, Any]
_BEARER = {"Authorization": f"Bearer {TOKEN}"}
_MESSAGES = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
_STRANGER = "AC" + "9" * 32


@pytest.fixture(scope="module")
def plant(shared: Phones) -> Iterator[Phones]:
    """Phones on which nothing is ever accepted; a direct message is open."""
    shared.do("reset")
    shared.slack().conversations_open(users=TESS)
    yield shared
    accepted = [m for p in shared.get("people") for m in p["messages"]]
    assert accepted == [], "a refused call left a message"


def _refused(phones: Phones, answer: httpx.Response, error: str, status: int) -> None:
    found = answer.json()
    assert answer.status_code == status
    assert str(found["error"] if "error" in found else found["code"]) == error
    assert [kept["error"] for kept in phones.get("violations", last=1)] == [error]


def _slack(phones: Phones, method: str, arguments: Json) -> httpx.Response:
    return phones.http.post(f"/slack/api/{method}", json=arguments, headers=_BEARER)


@pytest.mark.parametrize("method, arguments, error", [pytest.param(*c[1:], id=c[0]) for c in slack_refusals.ARGUMENTS])
def test_slack_refuses_arguments(plant: Phones, method: str, arguments: Json, error: str) -> None:
    _refused(plant, _slack(plant, method, arguments), error, 200)


@pytest.mark.parametrize("method, arguments, error", [pytest.param(*c[1:], id=c[0]) for c in slack_refusals.FORMS])
def test_slack_refuses_forms(plant: Phones, method: str, arguments: Json, error: str) -> None:
    answer = plant.http.post(f"/slack/api/{method}", data=arguments, headers=_BEARER)
    _refused(plant, answer, error, 200)


@pytest.mark.parametrize("headers, body, error", [pytest.param(*c[1:], id=c[0]) for c in slack_refusals.CARRIED])
def test_slack_refuses_how_a_call_is_carried(plant: Phones, headers: dict[str, str], body: str, error: str) -> None:
    answer = plant.http.post("/slack/api/chat.postMessage", content=body, headers=headers)
    _refused(plant, answer, error, 200)


def test_slack_ignores_json_where_a_method_takes_none(plant: Phones) -> None:
    _refused(plant, _slack(plant, "users.info", {"user": TESS}), "invalid_arguments", 200)


def test_slack_takes_no_token_from_the_address(plant: Phones) -> None:
    _refused(plant, plant.http.get(f"/slack/api/auth.test?token={TOKEN}"), "not_authed", 200)


@pytest.mark.parametrize("blocks, place", [pytest.param(*c[1:], id=c[0]) for c in block_refusals.BLOCKS])
def test_slack_refuses_blocks(plant: Phones, blocks: Any, place: str) -> None:
    answer = _slack(plant, "chat.postMessage", {"channel": "C0FLOOR", "text": "x", "blocks": blocks})
    _refused(plant, answer, "invalid_blocks", 200)
    assert f"[json-pointer:{place}]" in " ".join(answer.json()["response_metadata"]["messages"])


@pytest.mark.parametrize("view, place", [pytest.param(*c[1:], id=c[0]) for c in block_refusals.VIEWS])
def test_slack_refuses_views(plant: Phones, view: Any, place: str) -> None:
    answer = _slack(plant, "views.open", {"trigger_id": "1.1.1", "view": view})
    _refused(plant, answer, "invalid_arguments", 200)
    assert f"[json-pointer:{place}]" in " ".join(answer.json()["response_metadata"]["messages"])


def test_slack_refuses_a_view_of_more_than_250_kb(plant: Phones) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2990}}] * 90
    answer = _slack(plant, "views.open", {"trigger_id": "1.1.1", "view": block_refusals.modal(blocks=blocks)})
    _refused(plant, answer, "view_too_large", 200)


@pytest.mark.parametrize(
    "method, scope",
    [
        ("chat.postMessage", "chat:write"),
        ("chat.update", "chat:write"),
        ("chat.delete", "chat:write"),
        ("chat.postEphemeral", "chat:write"),
        ("users.info", "users:read"),
        ("users.lookupByEmail", "users:read.email"),
        ("conversations.open", "im:write"),
        ("conversations.history", "im:history"),
        ("conversations.list", "channels:read"),
    ],
)
def test_slack_refuses_a_method_without_its_scope(plant: Phones, method: str, scope: str) -> None:
    every = plant.get("settings")["slack"]["scopes"]
    plant.configure(slack={"scopes": ["commands"]})
    try:
        answer = _slack(plant, method, {})
        _refused(plant, answer, "missing_scope", 200)
        assert scope in answer.json()["needed"]
        assert answer.json()["provided"] == "commands"
    finally:
        plant.configure(slack={"scopes": every})


def _form(changes: Json) -> Json:
    form = {"To": TESS_PHONE, "From": NUMBER, "Body": "Lathe 1 stopped", **changes}
    return {name: value for name, value in form.items() if value is not None}


@pytest.mark.parametrize("changes, code, status", [pytest.param(*c[1:], id=c[0]) for c in twilio_refusals.CREATE])
def test_twilio_refuses_messages(plant: Phones, changes: Json, code: int, status: int) -> None:
    answer = plant.http.post(_MESSAGES, data=_form(changes), auth=(ACCOUNT, AUTH))
    _refused(plant, answer, str(code), status)
    assert answer.json().keys() == {"code", "message", "more_info", "status"}
    assert answer.json()["status"] == status


@pytest.mark.parametrize("query, code, status", [pytest.param(*c[1:], id=c[0]) for c in twilio_refusals.LIST])
def test_twilio_refuses_lists(plant: Phones, query: Json, code: int, status: int) -> None:
    _refused(plant, plant.http.get(_MESSAGES, params=query, auth=(ACCOUNT, AUTH)), str(code), status)


@pytest.mark.parametrize(
    "verb, path, auth, code, status",
    [
        pytest.param("POST", _MESSAGES, None, 20003, 401, id="no credentials"),
        pytest.param("POST", _MESSAGES, (ACCOUNT, "wrong"), 20003, 401, id="wrong token"),
        pytest.param("POST", _MESSAGES, (_STRANGER, AUTH), 20003, 401, id="unknown account"),
        pytest.param("GET", _MESSAGES, (ACCOUNT, "wrong"), 20003, 401, id="wrong token for a list"),
        pytest.param("POST", _MESSAGES.replace(ACCOUNT, _STRANGER), (ACCOUNT, AUTH), 20404, 404, id="not mine"),
        pytest.param(
            "GET", _MESSAGES.replace(".json", f"/SM{'0' * 32}.json"), (ACCOUNT, AUTH), 20404, 404, id="no sid"
        ),
        pytest.param("GET", _MESSAGES.replace("Messages", "Faxes"), (ACCOUNT, AUTH), 20404, 404, id="no resource"),
        pytest.param(
            "DELETE", _MESSAGES.replace(".json", f"/SM{'0' * 32}.json"), (ACCOUNT, AUTH), 20404, 404, id="none"
        ),
    ],
)
def test_twilio_refuses_strangers(plant: Phones, verb: str, path: str, auth: Any, code: int, status: int) -> None:
    answer = plant.http.request(verb, path, data=_form({}) if verb == "POST" else None, auth=auth)
    _refused(plant, answer, str(code), status)


def test_twilio_refuses_json(plant: Phones) -> None:
    _refused(plant, plant.http.post(_MESSAGES, json=_form({}), auth=(ACCOUNT, AUTH)), "20415", 415)


def test_the_table_holds_at_least_150_refused_calls() -> None:
    tables: list[list[Any]] = [slack_refusals.ARGUMENTS, slack_refusals.FORMS, slack_refusals.CARRIED]
    tables += [block_refusals.BLOCKS, block_refusals.VIEWS, twilio_refusals.CREATE, twilio_refusals.LIST]
    names = [case[0] for table in tables for case in table]
    print(f"{len(names)} refused calls in the tables")
    assert len(set(names)) == len(names) >= 150
