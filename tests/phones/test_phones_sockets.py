"""Socket Mode with the vendor's own client: envelopes, acknowledgements, disconnects and redelivery."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.phones.peers import APP_TOKEN, TESS, TOKEN, Phones

Answer = Callable[["Listener", SocketModeRequest], None]
NAME = "Tess Technician"
PATIENT_SECONDS = 10.0  # the vendor's own client may need one ping interval until it reads from a new connection


class Listener:
    """One Socket Mode client of the product, answering as told."""

    def __init__(self, phones: Phones, answer: Answer | None = None) -> None:
        web = WebClient(TOKEN, base_url=f"{phones.url}/slack/api/")
        self.client = SocketModeClient(APP_TOKEN, web_client=web, auto_reconnect_enabled=True, ping_interval=0.3)
        self.received: list[SocketModeRequest] = []
        self._answer = answer or Listener.acknowledge
        self.client.socket_mode_request_listeners.append(self._heard)
        self.client.connect()

    def _heard(self, _: Any, request: SocketModeRequest) -> None:
        self.received.append(request)
        self._answer(self, request)

    def leave(self) -> None:
        """Cut the line: the client's own close() does not wake its reader, so that nothing would reach the phones."""
        self.client.auto_reconnect_enabled = self.client.default_auto_reconnect_enabled = False
        if self.client.current_session and self.client.current_session.sock:
            with contextlib.suppress(OSError):
                self.client.current_session.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave, and let the client's threads end: they would go on polling through all later tests. Its own close()
        waits for them, for ever where one of them reads from a connection that was replaced."""
        client = self.client
        self.leave()
        client.closed, client.current_session_state.terminated = True, True
        for runner in (client.current_app_monitor, client.message_processor, client.current_session_runner):
            runner.event.set()
        client.message_workers.shutdown(wait=False)

    def acknowledge(self, request: SocketModeRequest, payload: Any = None) -> None:
        self.client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))


@pytest.fixture
def socket_phones(phones: Phones) -> Iterator[Phones]:
    """The phones with Socket Mode switched on, and off again."""
    kept = phones.get("settings")["slack"]["limits"]
    phones.configure(slack={"socket_mode": True, "limits": kept | {"acknowledge_seconds": PATIENT_SECONDS}})
    yield phones
    phones.do("slack/sockets", reason="link_disabled")
    phones.configure(slack={"socket_mode": False, "limits": kept})


@pytest.fixture
def listen(socket_phones: Phones) -> Iterator[Callable[..., Listener]]:
    """Open a client; all are closed at the end."""
    opened: list[Listener] = []

    def start(answer: Answer | None = None) -> Listener:
        opened.append(Listener(socket_phones, answer))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def silent(_: Listener, __: SocketModeRequest) -> None:
    """Say nothing."""


def impatient(phones: Phones) -> None:
    """Let the phones wait for an acknowledgement for a second only."""
    limits = phones.get("settings")["slack"]["limits"]
    phones.configure(slack={"limits": limits | {"acknowledge_seconds": 1.0}})


def test_a_command_is_answered_over_the_socket(socket_phones: Phones, listen: Any) -> None:
    listener = listen(lambda self, request: self.acknowledge(request, {"text": "Three open tasks"}))
    assert socket_phones.person(NAME, "command", command="/mos", text="mine")["ok"]
    assert [r.type for r in listener.received] == ["slash_commands"]
    assert listener.received[0].payload["command"] == "/mos"
    assert socket_phones.screen(NAME)["messages"][-1]["text"] == "Three open tasks"
    assert socket_phones.get("violations") == []


def test_a_press_and_an_event_arrive_as_envelopes(socket_phones: Phones, listen: Any) -> None:
    listener = listen()
    button = {"type": "button", "action_id": "accept", "text": {"type": "plain_text", "text": "Accept"}, "value": "t:1"}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = socket_phones.slack().chat_postMessage(channel=TESS, text="Repair", blocks=blocks)["ts"]
    assert socket_phones.person(NAME, "press", ts=ts, action_id="accept")["ok"]
    assert socket_phones.person(NAME, "home")["ok"]
    press, home = listener.received
    assert (press.type, press.accepts_response_payload) == ("interactive", True)
    assert press.payload["actions"][0]["value"] == "t:1"
    assert (home.type, home.accepts_response_payload) == ("events_api", False)
    assert home.payload["event"]["type"] == "app_home_opened"
    assert socket_phones.get("violations") == []


def test_a_press_that_nobody_acknowledges_is_shown_as_failed(socket_phones: Phones, listen: Any) -> None:
    impatient(socket_phones)
    listen(silent)
    assert socket_phones.person(NAME, "shortcut", callback_id="report")["error"] == "operation_timeout"


def test_without_a_connection_a_press_fails_at_once(socket_phones: Phones) -> None:
    assert socket_phones.person(NAME, "command", command="/mos")["error"] == "connection_failed"


def test_an_unacknowledged_event_comes_again_on_another_connection(socket_phones: Phones, listen: Any) -> None:
    impatient(socket_phones)
    deaf, awake = listen(silent), listen()
    socket_phones.person(NAME, "dm", text="hello")  # connections take turns: the deaf one has the first
    again = socket_phones.until(lambda: [r for r in awake.received if r.retry_attempt])
    assert again[0].retry_reason == "http_timeout"
    told = sorted(r.retry_attempt or 0 for r in [*deaf.received, *awake.received])
    assert told == list(range(len(told)))  # each try once, counted
    assert again[0].payload["event_id"] == deaf.received[0].payload["event_id"]


def test_an_envelope_of_a_connection_that_breaks_is_handed_to_another(socket_phones: Phones, listen: Any) -> None:
    leaving, staying = listen(lambda self, _: self.leave()), listen()
    done = [socket_phones.person(NAME, "shortcut", callback_id="report")["ok"] for _ in range(2)]
    assert done == [True, True]
    assert len(leaving.received) == 1
    assert leaving.received[0].envelope_id in [r.envelope_id for r in staying.received]


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "cut"])
def test_the_client_comes_back_after_a_disconnect(socket_phones: Phones, listen: Any, reason: str) -> None:
    listen()
    before = socket_phones.get("slack/sockets")
    assert len(before) == 1
    socket_phones.do("slack/sockets", reason=reason)

    def fresh() -> bool:  # the old one may stay for a moment, and a client in doubt comes back twice
        open_now = [k["id"] for k in socket_phones.get("slack/sockets")]
        return len(open_now) == 1 and open_now != [before[0]["id"]]

    socket_phones.until(fresh)
    assert socket_phones.person(NAME, "shortcut", callback_id="report")["ok"]


@pytest.mark.parametrize(
    "said, error, kind",
    [
        ("nonsense", "invalid_acknowledgement", "request"),
        ("[]", "invalid_acknowledgement", "request"),
        ('{"envelope_id": "unknown"}', "unknown_envelope", "request"),
        ('{"ok": true}', "invalid_acknowledgement", "request"),
        ('{"envelope_id": "THIS", "payload": "text"}', "invalid_acknowledgement", "request"),
        ('{"envelope_id": "THIS", "payload": {"text": "x"}}', "payload_not_accepted", "request"),
    ],
)
def test_what_is_no_acknowledgement_is_a_violation(
    socket_phones: Phones, listen: Any, said: str, error: str, kind: str
) -> None:
    def answer(self: Listener, request: SocketModeRequest) -> None:
        self.client.send_message(said.replace("THIS", request.envelope_id))
        self.acknowledge(request)

    listen(answer)
    assert socket_phones.person(NAME, "home")["ok"]
    found = socket_phones.until(lambda: socket_phones.get("violations"))
    assert [(v["error"], v["kind"]) for v in found] == [(error, kind)]


def test_only_an_app_level_token_opens_a_connection(socket_phones: Phones) -> None:
    for token, error in ((TOKEN, "not_allowed_token_type"), ("xapp-wrong", "invalid_auth")):
        with pytest.raises(SlackApiError) as refused:
            socket_phones.slack().apps_connections_open(app_token=token)
        assert refused.value.response["error"] == error
    with pytest.raises(SlackApiError) as refused:
        socket_phones.slack(APP_TOKEN).chat_postMessage(channel=TESS, text="x")
    assert refused.value.response["error"] == "not_allowed_token_type"


def test_a_ticket_opens_one_connection_once(socket_phones: Phones) -> None:
    url = str(socket_phones.slack().apps_connections_open(app_token=APP_TOKEN)["url"]).replace("ws://", "http://")
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    asked["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with socket_phones.http.stream("GET", url, headers=asked) as first:
        assert first.status_code == 101
        assert socket_phones.http.get(url, headers=asked).status_code == 403


def test_there_are_ten_connections_at_most(socket_phones: Phones, listen: Any) -> None:
    limits = socket_phones.get("settings")["slack"]["limits"]
    socket_phones.configure(slack={"limits": limits | {"socket_connections": 1}})
    listen()
    second = listen()
    socket_phones.until(lambda: [v for v in socket_phones.get("violations") if v["error"] == "too_many_websockets"])
    second.leave()
    assert len(socket_phones.get("slack/sockets")) == 1
