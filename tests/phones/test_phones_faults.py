"""Vendors fail on order: what was accepted exists, whatever the caller saw; and a restart forgets nothing."""

import json
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import requests
from slack_sdk.errors import SlackApiError
from twilio.base.exceptions import TwilioRestException

from infra.phones.__main__ import main
from tests.phones.peers import NUMBER, PAUL, TESS, TESS_PHONE, Application, Phones, configuration

NAME = "Tess Technician"


def counted(phones: Phones) -> tuple[int, int]:
    """Slack messages and SMS that Tess got."""
    found = phones.get("counters")[NAME]
    return found["slack"], found["sms"]


def test_slack_answers_429_and_500_on_order(phones: Phones) -> None:
    phones.do("faults", vendor="slack", kind="rate_limit", method="chat.postMessage", times=2, retry_after=7)
    phones.do("faults", vendor="slack", kind="server_error", method="chat.postMessage")
    seen = []
    for _ in range(3):
        with pytest.raises(SlackApiError) as caught:
            phones.slack().chat_postMessage(channel=TESS, text="x")
        seen.append((caught.value.response.status_code, caught.value.response.headers.get("retry-after")))
    assert seen == [(429, "7"), (429, "7"), (500, None)]
    phones.slack().chat_postMessage(channel=TESS, text="x")
    assert counted(phones) == (1, 0)
    assert phones.get("violations") == []
    assert [c["fault"] for c in phones.get("calls")] == ["rate_limit", "rate_limit", "server_error", None]


def test_a_dropped_answer_of_slack_leaves_the_message(phones: Phones) -> None:
    client = phones.slack()
    client.retry_handlers.clear()  # the library's default would post a second time
    phones.do("faults", vendor="slack", kind="drop_after", method="chat.postMessage")
    with pytest.raises((URLError, ConnectionError)):
        client.chat_postMessage(channel=TESS, text="x")
    assert counted(phones) == (1, 0)


def test_the_library_s_default_posts_twice_when_the_answer_is_dropped(phones: Phones) -> None:
    phones.do("faults", vendor="slack", kind="drop_after", method="chat.postMessage")
    phones.slack().chat_postMessage(channel=TESS, text="x")
    assert counted(phones) == (2, 0)


def test_a_call_dropped_before_slack_took_it_leaves_nothing(phones: Phones) -> None:
    client = phones.slack()
    client.retry_handlers.clear()
    phones.do("faults", vendor="slack", kind="drop_before")
    with pytest.raises((URLError, ConnectionError)):
        client.chat_postMessage(channel=TESS, text="x")
    assert counted(phones) == (0, 0)


def test_a_delayed_call_is_still_done(phones: Phones) -> None:
    phones.do("faults", vendor="slack", kind="delay", seconds=0.05)
    phones.slack().chat_postMessage(channel=TESS, text="x")
    assert counted(phones) == (1, 0)
    assert phones.get("orders")["faults"] == []


@pytest.mark.parametrize("kind, code", [("rate_limit", 20429), ("server_error", 20500)])
def test_twilio_fails_on_order(phones: Phones, kind: str, code: int) -> None:
    phones.do("faults", vendor="twilio", kind=kind, method="Messages.create")
    with pytest.raises(TwilioRestException) as caught:
        phones.twilio().messages.create(to=TESS_PHONE, from_=NUMBER, body="x")
    assert caught.value.code == code
    assert counted(phones) == (0, 0)


def test_a_dropped_answer_of_twilio_leaves_the_message_to_be_found(phones: Phones) -> None:
    phones.do("faults", vendor="twilio", kind="drop_after", method="Messages.create")
    with pytest.raises(requests.exceptions.ConnectionError):
        phones.twilio().messages.create(to=TESS_PHONE, from_=NUMBER, body="K7QX")
    assert [m.body for m in phones.twilio().messages.list(to=TESS_PHONE)] == ["K7QX"]
    assert counted(phones) == (0, 1)


def test_orders_are_taken_back(phones: Phones) -> None:
    phones.do("faults", vendor="slack", kind="server_error", times=5)
    phones.http.delete("/control/orders").raise_for_status()
    phones.slack().chat_postMessage(channel=TESS, text="x")


def test_everything_survives_a_kill(tmp_path: Path, application: Application) -> None:
    config = configuration(interactivity_url=application.url)
    config["twilio"]["status_delay_seconds"] = 0.2
    phones = Phones(tmp_path, config)
    phones.start()
    try:
        button = {"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}}
        blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button]}]
        ts = phones.slack().chat_postMessage(channel=TESS, text="x", blocks=blocks)["ts"]
        phones.person(NAME, "press", ts=ts, action_id="ok")
        trigger = application.received[-1].payload["trigger_id"]
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Why"}, "blocks": []}
        opened = phones.slack().views_open(trigger_id=trigger, view=view)["view"]["id"]
        phones.person("Paul Planner", "sms", body="STOP")
        phones.configure(slack={"interactivity_url": f"{application.url}/moved"})
        phones.do("faults", vendor="slack", kind="server_error", method="users.list")
        with pytest.warns(UserWarning, match="top-level `text`"), pytest.raises(SlackApiError):
            phones.slack().chat_postMessage(channel=TESS, text=" ")  # no text, on purpose: the SDK says so too
        sms: Any = phones.twilio().messages.create(to=TESS_PHONE, from_=NUMBER, body="x")
        phones.stop(kill=True)

        phones.start()
        assert [v["view_id"] for v in phones.screen(NAME)["modals"]] == [opened]
        assert phones.screen(PAUL)["opted_out"]
        assert [v["error"] for v in phones.get("violations")][-1] == "no_text"
        assert len(phones.get("orders")["faults"]) == 1
        phones.until(lambda: str(phones.twilio().messages(sms.sid).fetch().status) == "delivered")
        phones.person(NAME, "press", ts=ts, action_id="ok")
        assert application.received[-1].path == "/moved"
        later = phones.slack().chat_postMessage(channel=TESS, text="y")["ts"]
        assert later > ts
        assert counted(phones) == (2, 1)
    finally:
        phones.stop()


def test_a_bad_configuration_is_told_and_nothing_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration()
    config["slack"]["bot_token"] = "no-bot-token"
    file = tmp_path / "phones.json"
    file.write_text(json.dumps(config))
    assert main(["--config", str(file), "--data", str(tmp_path / "data")]) == 2
    assert "slack.bot_token" in capsys.readouterr().err


def test_a_port_in_use_is_told(shared: Phones, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "phones.json"
    file.write_text(json.dumps(configuration()))
    port = shared.url.rsplit(":", 1)[1]
    assert main(["--port", port, "--config", str(file), "--data", str(tmp_path / "data")]) == 2
    assert f"port {port}" in capsys.readouterr().err
