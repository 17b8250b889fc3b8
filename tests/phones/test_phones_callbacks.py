"""Presses, modals, commands and messages arrive as Slack sends them: signed and complete."""

import json
import threading
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from tests.phones.peers import PATIENCE, PAUL, SECRET, TESS, WIDE, Application, Phones, Received

Json = dict[str, Any]
TESS_NAME, PAUL_NAME = "Tess Technician", "Paul Planner"


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


BUTTON = {"type": "button", "action_id": "accept", "value": "tsk_1:1", "text": plain("Accept")}
ESTIMATE = {
    "type": "input",
    "block_id": "estimate",
    "label": plain("Minutes"),
    "element": {"type": "number_input", "action_id": "minutes", "is_decimal_allowed": False, "min_value": "1"},
}
REASON = {
    "type": "input",
    "block_id": "reason",
    "label": plain("Why"),
    "optional": True,
    "element": {
        "type": "static_select",
        "action_id": "code",
        "options": [{"text": plain("Tool"), "value": "tool"}, {"text": plain("Coolant"), "value": "coolant"}],
    },
}
MODAL = {
    "type": "modal",
    "title": plain("Estimate"),
    "submit": plain("Send"),
    "callback_id": "estimate",
    "private_metadata": "tsk_1:1",
    "blocks": [ESTIMATE, REASON],
}


def ask(phones: Phones, *, to: str = TESS, blocks: list[Json] | None = None) -> str:
    """Post a message with a button; its ts."""
    shown = blocks or [{"type": "actions", "block_id": "answer", "elements": [BUTTON]}]
    return str(phones.slack().chat_postMessage(channel=to, text="Lathe 1 stopped", blocks=shown)["ts"])


def press(phones: Phones, ts: str, name: str = TESS_NAME, **more: Any) -> Json:
    """Press Accept."""
    return phones.person(name, "press", ts=ts, action_id="accept", **more)


def verified(received: Received, secret: str = SECRET) -> bool:
    """Whether the vendor's own verifier takes the callback."""
    return SignatureVerifier(secret).is_valid_request(received.body, received.headers)


def test_a_press_is_signed_and_complete(phones: Phones, application: Application) -> None:
    ts = ask(phones)
    assert press(phones, ts)["ok"]
    (got,) = application.received
    assert got.path == "/slack/interactivity"
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert verified(got)
    assert not verified(got, "another-secret")
    payload = got.payload
    assert payload["type"] == "block_actions"
    assert (payload["team"]["id"], payload["api_app_id"]) == ("T0PLANT", "A0ROUTER")
    assert payload["user"]["id"] == TESS
    assert payload["container"] == {"type": "message", "message_ts": ts, "channel_id": "D0TESS", "is_ephemeral": False}
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("accept", "answer", "tsk_1:1")
    assert action["action_ts"]
    assert payload["trigger_id"]
    assert payload["response_url"].startswith(phones.url)


@pytest.mark.parametrize(
    "kind, holds",
    [
        ("wrong_secret", lambda got: not verified(got)),
        ("unsigned", lambda got: "x-slack-signature" not in got.headers),
        ("stale", lambda got: not verified(got)),
        ("tampered", lambda got: not verified(got)),
        ("wrong_team", lambda got: verified(got) and got.payload["team"]["id"] != "T0PLANT"),
        ("wrong_app", lambda got: verified(got) and got.payload["api_app_id"] != "A0ROUTER"),
    ],
)
def test_a_callback_is_spoiled_on_order_once(phones: Phones, application: Application, kind: str, holds: Any) -> None:
    ts = ask(phones)
    phones.do("sabotage", vendor="slack", kind=kind)
    press(phones, ts)
    press(phones, ts)
    spoiled, good = application.received
    assert holds(spoiled)
    assert verified(good)
    assert good.payload["team"]["id"] == "T0PLANT"


def test_a_repeat_has_the_same_bytes_and_a_lost_press_never_arrives(phones: Phones, application: Application) -> None:
    ts = ask(phones)
    phones.do("sabotage", vendor="slack", kind="repeat")
    press(phones, ts)
    first, second = application.received
    assert (first.body, first.headers["x-slack-signature"]) == (second.body, second.headers["x-slack-signature"])
    phones.do("sabotage", vendor="slack", kind="lost")
    assert not press(phones, ts)["ok"]
    assert len(application.received) == 2


def test_a_failed_press_shows_a_warning_that_the_next_success_takes_away(
    phones: Phones, application: Application
) -> None:
    ts = ask(phones)
    application.answer = lambda _: (500, "text/plain", "boom")
    assert press(phones, ts)["error"] == "http_500"
    assert phones.screen(TESS_NAME)["messages"][0]["warning"] == "http_500"
    application.answer = lambda _: (200, "text/plain", "")
    assert press(phones, ts)["ok"]
    assert phones.screen(TESS_NAME)["messages"][0]["warning"] is None
    assert [c["status"] for c in phones.get("callbacks")] == [500, 200]


def test_nobody_presses_what_is_not_on_the_screen(phones: Phones, application: Application) -> None:
    ts = ask(phones)
    for name, action in ((PAUL_NAME, "accept"), (TESS_NAME, "reject")):
        answer = phones.http.post(f"/control/people/{name}/press", json={"ts": ts, "action_id": action})
        assert answer.status_code == 409
    phones.slack().chat_update(channel="D0TESS", ts=ts, text="withdrawn", blocks=[])
    assert phones.http.post(f"/control/people/{TESS}/press", json={"ts": ts, "action_id": "accept"}).status_code == 409
    assert application.received == []
    assert phones.person(TESS, "press", ts=ts, action_id="accept", value="tsk_1:1", stale=True)["ok"]
    assert application.received[0].payload["actions"][0]["value"] == "tsk_1:1"


def open_modal(phones: Phones, application: Application) -> Json:
    """Press and open the modal with the press's trigger."""
    press(phones, ask(phones))
    trigger = application.received[-1].payload["trigger_id"]
    view: Json = phones.slack().views_open(trigger_id=trigger, view=MODAL)["view"]
    return view


def test_a_modal_is_opened_filled_in_and_submitted(phones: Phones, application: Application) -> None:
    view = open_modal(phones, application)
    (shown,) = phones.screen(TESS_NAME)["modals"]
    assert (shown["title"], shown["submit"], shown["callback_id"]) == ("Estimate", "Send", "estimate")
    assert [(i["label"], i["type"], i["optional"]) for i in shown["inputs"]] == [
        ("Minutes", "number_input", False),
        ("Why", "static_select", True),
    ]
    assert phones.person(TESS, "submit", inputs={})["errors"].keys() == {"estimate"}
    assert phones.person(TESS, "submit", inputs={"minutes": "0"})["result"] == "incomplete"
    assert len(application.received) == 1
    assert phones.person(TESS, "submit", inputs={"minutes": "45", "code": "tool"})["result"] == "closed"
    submitted = application.received[-1]
    assert verified(submitted)
    sent = submitted.payload["view"]
    assert (submitted.payload["type"], sent["id"], sent["private_metadata"]) == (
        "view_submission",
        view["id"],
        "tsk_1:1",
    )
    values = sent["state"]["values"]
    assert values["estimate"]["minutes"] == {"type": "number_input", "value": "45"}
    assert values["reason"]["code"]["selected_option"]["value"] == "tool"
    assert phones.screen(TESS_NAME)["modals"] == []


def test_the_answer_to_a_submission_steers_the_modal(phones: Phones, application: Application) -> None:
    open_modal(phones, application)

    def submit(answer: Json) -> str:
        application.answer = lambda _: (200, "application/json", json.dumps(answer))
        return str(phones.person(TESS, "submit", inputs={"minutes": "45"})["result"])

    assert submit({"response_action": "errors", "errors": {"estimate": "Too long"}}) == "errors"
    assert phones.screen(TESS)["modals"][0]["errors"] == {"estimate": "Too long"}
    assert submit({"response_action": "push", "view": MODAL | {"title": plain("Second")}}) == "pushed"
    assert [m["title"] for m in phones.screen(TESS)["modals"]] == ["Estimate", "Second"]
    assert submit({"response_action": "update", "view": MODAL | {"title": plain("Other")}}) == "updated"
    assert submit({"response_action": "clear"}) == "cleared"
    assert phones.screen(TESS)["modals"] == []
    assert phones.get("violations") == []


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "dance"},
        [],
    ],
)
def test_a_bad_answer_to_a_submission_is_a_violation(phones: Phones, application: Application, answer: Any) -> None:
    open_modal(phones, application)
    application.answer = lambda _: (200, "application/json", json.dumps(answer))
    assert phones.person(TESS, "submit", inputs={"minutes": "45"})["result"] == "failed"
    assert phones.screen(TESS)["modals"][0]["warning"]
    assert [v["kind"] for v in phones.get("violations")] == ["answer"]


def _refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_a_trigger_opens_one_view(phones: Phones, application: Application) -> None:
    open_modal(phones, application)
    trigger = application.received[-1].payload["trigger_id"]
    assert _refusal(lambda: phones.slack().views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"


def test_a_trigger_expires(phones: Phones, application: Application) -> None:
    phones.configure(slack={"limits": WIDE | {"trigger_seconds": 0.0}})
    press(phones, ask(phones))
    trigger = application.received[-1].payload["trigger_id"]
    assert _refusal(lambda: phones.slack().views_open(trigger_id=trigger, view=MODAL)) == "expired_trigger_id"
    assert [v["kind"] for v in phones.get("violations")] == ["state"]


def test_an_answer_after_the_vendor_s_patience_is_a_failure(phones: Phones, application: Application) -> None:
    phones.configure(slack={"limits": WIDE | {"acknowledge_seconds": 0.05}})
    ts = ask(phones)
    gave_up = threading.Event()

    def too_late(_: Received) -> tuple[int, str, str]:
        gave_up.wait(PATIENCE)
        return 200, "text/plain", ""

    application.answer = too_late
    assert press(phones, ts)["error"] == "operation_timeout"
    gave_up.set()
    assert phones.screen(TESS)["messages"][0]["warning"] == "operation_timeout"


def test_views_are_updated_with_the_hash_they_have(phones: Phones, application: Application) -> None:
    view = open_modal(phones, application)
    slack = phones.slack()
    changed = slack.views_update(view_id=view["id"], hash=view["hash"], view=MODAL | {"title": plain("Loaded")})
    assert changed["view"]["hash"] != view["hash"]
    stale = _refusal(lambda: slack.views_update(view_id=view["id"], hash=view["hash"], view=MODAL))
    assert stale == "hash_conflict"
    phones.person(TESS, "close")
    assert _refusal(lambda: slack.views_update(view_id=view["id"], view=MODAL)) == "not_found"


def test_three_views_are_the_most(phones: Phones, application: Application) -> None:
    button = {"type": "actions", "block_id": "more", "elements": [BUTTON]}
    view = MODAL | {"blocks": [button]}
    press(phones, ask(phones))
    phones.slack().views_open(trigger_id=application.received[-1].payload["trigger_id"], view=view)

    def push() -> None:
        phones.person(TESS, "press", action_id="accept")
        payload = application.received[-1].payload
        assert payload["container"]["type"] == "view"
        phones.slack().views_push(trigger_id=payload["trigger_id"], view=view)

    push()
    push()
    assert _refusal(push) == "push_limit_reached"


def test_a_home_tab_is_published(phones: Phones, application: Application) -> None:
    home = {"type": "home", "blocks": [{"type": "actions", "block_id": "b", "elements": [BUTTON]}]}
    published = phones.slack().views_publish(user_id=PAUL, view=home)["view"]
    assert phones.person(PAUL, "press", view_id=published["id"], action_id="accept")["ok"]
    assert application.received[0].payload["view"]["type"] == "home"
    outdated = _refusal(lambda: phones.slack().views_publish(user_id=PAUL, view=home, hash="1.x"))
    assert outdated == "hash_conflict"


def test_inputs_in_a_message_travel_with_the_press(phones: Phones, application: Application) -> None:
    ts = ask(phones, blocks=[REASON, {"type": "actions", "block_id": "answer", "elements": [BUTTON]}])
    press(phones, ts, inputs={"reason": {"code": "coolant"}})
    state = application.received[0].payload["state"]["values"]
    assert state["reason"]["code"]["selected_option"]["text"]["text"] == "Coolant"


def test_a_select_sends_the_choice(phones: Phones, application: Application) -> None:
    choice = {**REASON["element"], "action_id": "accept"}  # type: ignore[dict-item]
    ts = ask(phones, blocks=[{"type": "actions", "block_id": "answer", "elements": [choice]}])
    press(phones, ts, option="tool")
    assert application.received[0].payload["actions"][0]["selected_option"]["value"] == "tool"
    bad = phones.http.post(f"/control/people/{TESS}/press", json={"ts": ts, "action_id": "accept", "option": "hammer"})
    assert bad.status_code == 409


def test_a_response_url_works_five_times(phones: Phones, application: Application) -> None:
    press(phones, ask(phones))
    url = application.received[0].payload["response_url"]
    webhook = WebhookClient(url)
    assert webhook.send(text="Tess has it", replace_original=True).status_code == 200
    assert [m["text"] for m in phones.screen(TESS)["messages"]] == ["Tess has it"]
    for _ in range(4):
        assert webhook.send(text="noted", response_type="ephemeral").body == "ok"
    assert webhook.send(text="once more").status_code == 404
    bad = httpx.post(url.rsplit("/", 1)[0] + "/invented", json={"text": "x"})
    assert (bad.status_code, bad.json()["error"]) == (404, "invalid_url")
    assert [v["error"] for v in phones.get("violations")] == ["used_url", "invalid_url"]


def test_a_slash_command_is_a_signed_form_and_its_answer_is_shown(phones: Phones, application: Application) -> None:
    application.answer = lambda _: (200, "application/json", json.dumps({"text": "3 open exceptions"}))
    assert phones.person(PAUL, "command", command="/mos", text="status")["ok"]
    (got,) = application.received
    assert verified(got)
    assert got.path == "/slack/commands"
    assert (got.form["command"], got.form["text"], got.form["user_id"]) == ("/mos", "status", PAUL)
    assert (got.form["team_id"], got.form["api_app_id"]) == ("T0PLANT", "A0ROUTER")
    assert [(m["text"], m["ephemeral"]) for m in phones.screen(PAUL)["messages"]] == [("3 open exceptions", True)]


def test_a_direct_message_is_an_event_retried_until_taken(phones: Phones, application: Application) -> None:
    answers = iter([500, 500, 200])
    application.answer = lambda _: (next(answers), "text/plain", "")
    phones.person(TESS, "dm", text="what is the plan?")
    phones.until(lambda: len(application.received) == 3)
    events = [json.loads(got.body) for got in application.received]
    assert {event["event_id"] for event in events} == {events[0]["event_id"]}
    assert events[0]["event"]["text"] == "what is the plan?"
    assert events[0]["event"]["channel_type"] == "im"
    retries = [got.headers.get("x-slack-retry-num") for got in application.received]
    assert retries == [None, "1", "2"]
    assert all(verified(got) for got in application.received)
