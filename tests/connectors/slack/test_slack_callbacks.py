"""Callbacks: which bytes are believed (contracts C1, C2, C4, C5) and what is read from them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from connectors.roles import CallbackRequest
from connectors.slack.connector import SlackChannel, build
from domain.errors import AuthError, InvalidPayloadError, TransientError
from domain.values import Json
from tests.connectors.slack.lab import APP, TEAM, TS, USER, config, interaction, pressed, signed


@pytest.fixture
def channel() -> SlackChannel:
    return build(config("http://127.0.0.1:1/api/", response_origins=["https://hooks.slack.com"]))


def event(**changes: Json) -> dict[str, Json]:
    said = {
        "type": "message",
        "channel": "D01",
        "channel_type": "im",
        "user": USER,
        "text": "a &lt; b",
        "ts": "1764000001.5",
    }
    body: dict[str, Json] = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": "Ev1"}
    return {**body, "event": {**said, **changes}}


def as_json(body: Json) -> CallbackRequest:
    return signed(json.dumps(body).encode(), "application/json")


def command(**changes: str) -> CallbackRequest:
    form = {
        "command": "/mos",
        "text": "status",
        "user_id": USER,
        "team_id": TEAM,
        "api_app_id": APP,
        "trigger_id": "1.2",
    }
    return signed(urlencode({**form, "response_url": "https://hooks.slack.com/commands/1", **changes}).encode())


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_within_five_minutes_either_way(channel: SlackChannel, seconds: int) -> None:
    channel.verify(signed(interaction(pressed()), received=TS + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_stale_or_future_is_refused(channel: SlackChannel, seconds: int) -> None:
    with pytest.raises(AuthError):
        channel.verify(signed(interaction(pressed()), received=TS + timedelta(seconds=seconds)))


@pytest.mark.parametrize(
    "stamp", ["", "now", "1e9", "-1", "9" * 400, "9" * 5000, "١٧٦٤", " 1764000000", "1_764", "nan"]
)
def test_garbage_timestamp_is_refused_not_raised(channel: SlackChannel, stamp: str) -> None:
    request = signed(interaction(pressed()))
    with pytest.raises(AuthError):
        channel.verify(replace(request, headers={**request.headers, "x-slack-request-timestamp": stamp}))


@pytest.mark.parametrize("signature", ["", "v0=", "v0=é", "v1=" + "0" * 64, "☃" * 67])
def test_garbage_signature_is_refused_not_raised(channel: SlackChannel, signature: str) -> None:
    request = signed(interaction(pressed()))
    with pytest.raises(AuthError):
        channel.verify(replace(request, headers={**request.headers, "x-slack-signature": signature}))


def test_body_that_is_not_utf8_is_refused(channel: SlackChannel) -> None:
    with pytest.raises(AuthError):
        channel.verify(signed(b"payload=\xff\xfe"))


def test_refusal_says_nothing_about_why_in_its_message(channel: SlackChannel) -> None:
    with pytest.raises(AuthError) as caught:
        channel.verify(signed(interaction(pressed()), secret="wrong"))
    assert caught.value.detail == ""


@pytest.mark.parametrize("whose", [{"team_id": "T09OTHER"}, {"api_app_id": "A09OTHER"}, {"team_id": ""}])
def test_commands_and_events_of_others_are_refused(channel: SlackChannel, whose: dict[str, str]) -> None:
    for request in (command(**whose), as_json({**event(), **whose})):
        with pytest.raises(AuthError):
            channel.verify(request)


def test_press_is_read_with_its_form(channel: SlackChannel) -> None:
    [message] = channel.read(signed(interaction(pressed())))
    assert (message.address, message.verb, message.task) == (USER, "done", "tsk_1:2")
    assert message.fields == {"cause": "belt & <!channel>"}
    assert message.occurred_at == datetime(2025, 11, 24, 16, 0, 1, 123456, tzinfo=UTC)
    assert message.reply_to["channel"] == "D01"
    assert message.reply_to["response_url"] == "https://hooks.slack.com/actions/T01TEAM/1/x"


def test_two_presses_differ_and_a_replay_does_not(channel: SlackChannel) -> None:
    keys = [
        channel.read(signed(interaction(payload)))[0].dedupe_key
        for payload in (pressed(), pressed(), pressed(trigger_id="2.2"), pressed(user={"id": "U02PETR"}))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/actions/1",
        "https://hooks.slack.com.evil.example/1",
        "https://hooks.slack.com@evil.example/1",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        None,
    ],
)
def test_response_url_elsewhere_is_dropped(channel: SlackChannel, url: str | None) -> None:
    [message] = channel.read(signed(interaction(pressed(response_url=url))))
    assert "response_url" not in message.reply_to


def test_menu_and_link_button_are_no_answers(channel: SlackChannel) -> None:
    menu = {"type": "static_select", "action_id": "pick", "selected_option": {"value": "x"}, "action_ts": "1.1"}
    link = {"type": "button", "action_id": "open", "action_ts": "1.1"}
    assert channel.read(signed(interaction(pressed(actions=[menu, link])))) == []


def test_form_of_a_view(channel: SlackChannel) -> None:
    picked = {
        "b": {"cause": {"type": "static_select", "selected_option": {"value": "belt"}}},
        "c": {"cause": {"value": "2"}},
    }
    view = {"id": "V1", "hash": "h1", "callback_id": "done", "private_metadata": "tsk_1:2", "state": {"values": picked}}
    payload = {"type": "view_submission", "team": {"id": TEAM}, "api_app_id": APP, "user": {"id": USER}, "view": view}
    request = signed(interaction(payload))
    channel.verify(request)
    [message] = channel.read(request)
    assert (message.verb, message.task) == ("done", "tsk_1:2")
    assert message.fields == {"cause": "belt", "c.cause": "2"}


def test_direct_message_is_plain_text(channel: SlackChannel) -> None:
    request = as_json(event())
    channel.verify(request)
    [message] = channel.read(request)
    assert (message.verb, message.text, message.address) == ("", "a < b", USER)
    assert message.dedupe_key == f"slack:{TEAM}:event:Ev1"


def test_a_file_is_noted_and_not_fetched(channel: SlackChannel) -> None:
    file = {"url_private": "https://files.slack.com/x.jpg", "mimetype": "image/jpeg"}
    [message] = channel.read(as_json(event(subtype="file_share", files=[file, {"id": "F2"}])))
    assert [(media.url, media.claimed_type) for media in message.media] == [(file["url_private"], "image/jpeg")]


@pytest.mark.parametrize("text, kind", [("help", "help"), (" Mine ", "mine")])
def test_a_single_known_word_to_the_app_is_a_wish(channel: SlackChannel, text: str, kind: str) -> None:
    callback = channel.parse(as_json(event(text=text)))
    assert [wish.kind for wish in channel.wishes(callback)] == [kind]
    assert channel.messages(callback) == []
    said_in_a_thread = channel.parse(as_json(event(text=text, thread_ts="1.1")))
    assert channel.wishes(said_in_a_thread) == []


async def test_c8_of_another_team_is_a_stranger_but_for_an_organisations_workspaces(channel: SlackChannel) -> None:
    other = {"id": USER, "team_id": "T0OTHER"}
    callback = channel.parse(signed(interaction(pressed(user=other))))
    assert await channel.barred(callback, TS) == "is_stranger"
    within = channel.parse(signed(interaction(pressed(user=other, enterprise={"id": "E01"}))))
    with pytest.raises(TransientError):  # Slack is to be asked, and nobody answers here
        await channel.barred(within, TS)


@pytest.mark.parametrize(
    "changes", [{"bot_id": "B1"}, {"subtype": "message_changed"}, {"channel_type": "channel"}, {"type": "app_mention"}]
)
def test_own_edited_and_foreign_messages_are_not_said_to_us(channel: SlackChannel, changes: dict[str, Json]) -> None:
    assert channel.read(as_json(event(**changes))) == []


def test_command_is_a_wish_and_no_answer(channel: SlackChannel) -> None:
    for text, kind, rest in [
        ("report lathe &amp; mill", "report", "lathe & mill"),
        ("Mine", "mine", ""),
        ("?", "help", ""),
    ]:
        request = command(text=text)
        channel.verify(request)
        [wish] = channel.wishes(channel.parse(request))
        assert (wish.kind, wish.text, wish.user, wish.trigger, wish.by_command) == (kind, rest, USER, "1.2", True)
        assert channel.read(request) == []


def test_challenge_is_answered_only_when_asked(channel: SlackChannel) -> None:
    request = as_json({"type": "url_verification", "token": "x", "challenge": "3eZbrw"})
    channel.verify(request)
    assert channel.challenge(channel.parse(request)) == "3eZbrw"
    assert channel.read(request) == []
    assert channel.challenge(channel.parse(as_json(event()))) is None
    assert channel.challenge(channel.parse(command())) is None


@pytest.mark.parametrize(
    "request_",
    [
        signed(b"payload=%7Bnot+json"),
        signed(b"payload=[1]"),
        signed(b"{", "application/json"),
        signed(interaction({**pressed(), "user": None})),
        signed(interaction({**pressed(), "actions": "x"})),
        signed(interaction({"type": "view_submission", "team": {"id": TEAM}, "api_app_id": APP})),
        as_json({**event(), "event": []}),
        signed(b"[" * 100_000, "application/json"),
    ],
)
def test_malformed_goes_to_the_quarantine(channel: SlackChannel, request_: CallbackRequest) -> None:
    channel.verify(request_)
    with pytest.raises(InvalidPayloadError):
        channel.read(request_)


def test_unknown_kinds_are_nothing(channel: SlackChannel) -> None:
    assert channel.read(signed(interaction({**pressed(), "type": "shortcut"}))) == []
    assert channel.wishes(channel.parse(signed(interaction({**pressed(), "type": "shortcut"})))) == []
    assert channel.read(signed(b"ssl_check=1&token=x")) == []
