"""What a person starts in Slack: the home tab, shortcuts and threads; and the events that tell of them."""

import json

import pytest
from slack_sdk.errors import SlackApiError

from tests.phones.peers import TESS, Application, Phones, Received

NAME = "Tess Technician"
TITLE = {"type": "plain_text", "text": "Report"}
MODAL = {"type": "modal", "callback_id": "report", "title": TITLE, "blocks": [{"type": "divider"}]}
HOME = {
    "type": "home",
    "blocks": [{"type": "header", "block_id": "top", "text": {"type": "plain_text", "text": "My tasks"}}],
}


def event(got: Received) -> dict[str, object]:
    """The event of a callback."""
    found: dict[str, object] = json.loads(got.body)["event"]
    return found


def test_opening_the_home_tab_is_an_event_with_the_published_view(phones: Phones, application: Application) -> None:
    assert phones.person(NAME, "home")["ok"]
    assert event(application.received[-1]) | {"event_ts": ""} == {
        "type": "app_home_opened",
        "user": TESS,
        "tab": "home",
        "channel": "D0TESS",
        "event_ts": "",
    }
    published = phones.slack().views_publish(user_id=TESS, view=HOME)
    assert phones.screen(NAME)["home"][0]["blocks"] == HOME["blocks"]
    phones.person(NAME, "home")
    seen = event(application.received[-1])["view"]
    assert isinstance(seen, dict)
    assert seen["hash"] == published["view"]["hash"]
    with pytest.raises(SlackApiError) as stale:
        phones.slack().views_publish(user_id=TESS, view=HOME, hash="1.stale")
    assert stale.value.response["error"] == "hash_conflict"


def test_an_app_without_a_home_tab_cannot_publish(phones: Phones) -> None:
    phones.configure(slack={"home_tab": False})
    try:
        with pytest.raises(SlackApiError) as refused:
            phones.slack().views_publish(user_id=TESS, view=HOME)
        assert refused.value.response["error"] == "not_enabled"
    finally:
        phones.configure(slack={"home_tab": True})


def test_an_event_that_was_not_subscribed_is_not_sent(phones: Phones, application: Application) -> None:
    every = phones.get("settings")["slack"]["events"]
    phones.configure(slack={"events": []})
    try:
        assert phones.person(NAME, "home")["error"] == "not_subscribed"
        assert application.received == []
    finally:
        phones.configure(slack={"events": every})


def test_a_global_shortcut_opens_a_modal_once(phones: Phones, application: Application) -> None:
    phones.person(NAME, "shortcut", callback_id="report")
    payload = application.received[-1].payload
    assert (payload["type"], payload["callback_id"], payload["user"]["id"]) == ("shortcut", "report", TESS)
    assert not {"channel", "message", "response_url"} & payload.keys()
    phones.slack().views_open(trigger_id=payload["trigger_id"], view=MODAL)
    assert phones.screen(NAME)["modals"][0]["callback_id"] == "report"
    with pytest.raises(SlackApiError) as again:
        phones.slack().views_open(trigger_id=payload["trigger_id"], view=MODAL)
    assert again.value.response["error"] == "exchanged_trigger_id"


def test_a_message_shortcut_carries_the_message(phones: Phones, application: Application) -> None:
    ts = phones.slack().chat_postMessage(channel="C0FLOOR", text="Smoke at mill 2")["ts"]
    phones.person(NAME, "shortcut", callback_id="report_here", ts=ts, channel="C0FLOOR")
    payload = application.received[-1].payload
    assert (payload["type"], payload["message_ts"], payload["channel"]["id"]) == ("message_action", ts, "C0FLOOR")
    assert payload["message"]["text"] == "Smoke at mill 2"
    assert payload["response_url"].startswith(phones.url)


@pytest.mark.parametrize("given", [{"callback_id": "report_here"}, {"callback_id": "nothing"}])
def test_a_shortcut_that_the_app_has_not_cannot_be_used(phones: Phones, given: dict[str, str]) -> None:
    assert phones.http.post(f"/control/people/{NAME}/shortcut", json=given).status_code == 409


def test_a_reply_in_a_thread_of_a_channel_is_an_event(phones: Phones, application: Application) -> None:
    ts = phones.slack().chat_postMessage(channel="C0FLOOR", text="Lathe 1 stopped")["ts"]
    said = phones.person(NAME, "dm", text="Which tool?", thread_ts=ts, channel="C0FLOOR")
    got = event(application.received[-1])
    assert (got["channel_type"], got["thread_ts"], got["user"]) == ("channel", ts, TESS)
    assert got["parent_user_id"] == "U0ROUTER"
    answered = phones.slack().chat_postMessage(channel="C0FLOOR", text="The drill", thread_ts=ts)["ts"]
    scopes = phones.get("settings")["slack"]["scopes"]
    phones.configure(slack={"scopes": [*scopes, "channels:history"]})
    try:
        replies = phones.slack().conversations_replies(channel="C0FLOOR", ts=ts)["messages"]
    finally:
        phones.configure(slack={"scopes": scopes})
    assert [m["ts"] for m in replies] == [ts, said["ts"], answered]
