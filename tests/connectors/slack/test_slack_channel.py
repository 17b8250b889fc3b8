"""What is Slack's own: conversations, metadata, edits, errors by name, Block Kit's limits on the wire."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from pydantic import ValidationError

from connectors.roles import ChannelMessage
from connectors.slack.manifest import MANIFEST, build
from domain.errors import AuthError, MosError, OutcomeUnknownError, RejectedError, TransientError
from domain.values import Json
from tests.conformance.channel.recorder import Fault
from tests.connectors.slack.lab import APP, SECRET, TEAM, TOKEN, USER, SlackLab, config, slack_lab

NOW = datetime.now(UTC)


@pytest.fixture
async def lab() -> AsyncIterator[SlackLab]:
    async with slack_lab() as lab:
        yield lab


async def test_conversation_is_opened_once_and_the_answers_channel_is_kept(lab: SlackLab) -> None:
    first = await lab.channel.send(lab.message("msg_1"))
    await lab.channel.send(lab.message("msg_2"))
    assert first.conversation == "D0" + USER
    assert [call.path.rsplit("/", 1)[1] for call in lab.recorder.calls].count("conversations.open") == 1


async def test_channel_id_is_posted_to_as_it_is(lab: SlackLab) -> None:
    sent = await lab.channel.send(ChannelMessage("msg_1", "C01PLANT", {"text": "shift hand-over"}))
    assert sent.conversation == "C01PLANT"
    assert not [call for call in lab.recorder.calls if call.path.endswith("conversations.open")]


async def test_post_carries_the_key_and_unfurls_nothing(lab: SlackLab) -> None:
    await lab.channel.send(lab.message("msg_1"))
    post = next(call.data for call in lab.recorder.calls if call.path.endswith("chat.postMessage"))
    assert post["metadata"] == {"event_type": "mos_message", "event_payload": {"key": "msg_1"}}
    assert (post["unfurl_links"], post["unfurl_media"]) == (False, False)


async def test_found_on_a_later_page_but_not_before_since(lab: SlackLab) -> None:
    sent = await lab.channel.send(lab.message("msg_1"))
    for number in range(2, 7):
        await lab.channel.send(lab.message(f"msg_{number}"))
    assert await lab.channel.find(lab.message("msg_1"), NOW) == sent
    assert await lab.channel.find(lab.message("msg_1"), NOW + timedelta(hours=1)) is None


async def test_another_apps_event_with_our_key_is_not_ours(lab: SlackLab) -> None:
    foreign = {"event_type": "other", "event_payload": {"key": "msg_1"}}
    lab.workspace.messages["D0" + USER] = [{"ts": f"{NOW.timestamp():.6f}", "text": "x", "metadata": foreign}]
    assert await lab.channel.find(lab.message("msg_1"), NOW) is None


async def test_edited_message_keeps_its_key(lab: SlackLab) -> None:
    sent = await lab.channel.send(lab.message("msg_1"))
    await lab.channel.edit(sent, lab.message("msg_1b", "Taken by Petr"))
    assert lab.delivered() == ["Taken by Petr"]
    assert await lab.channel.find(lab.message("msg_1"), NOW) == sent


async def test_what_follows_goes_into_the_thread_and_is_found_there(lab: SlackLab) -> None:
    prompt = await lab.channel.send(lab.message("msg_1"))
    reminder = lab.message("msg_2", "Still down")
    reminder = replace(reminder, payload={**reminder.payload, "thread_ts": prompt.vendor_id})
    sent = await lab.channel.send(reminder)
    post = [call.data for call in lab.recorder.calls if call.path.endswith("chat.postMessage")][-1]
    assert (post["thread_ts"], post["reply_broadcast"]) == (prompt.vendor_id, True)
    assert await lab.channel.find(reminder, NOW) == sent
    alone = await lab.channel.send(lab.message("msg_3"))
    doubted = lab.message("msg_3")
    assert await lab.channel.find(replace(doubted, payload={**doubted.payload, "thread_ts": "1.1"}), NOW) == alone


async def test_a_thread_that_is_gone_does_not_keep_the_message_back(
    lab: SlackLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"ok": False, "error": "thread_not_found"}
    monkeypatch.setattr(lab.recorder, "refuse", lambda fault: web.json_response(gone))
    lab.fail(Fault.REFUSED_AUTH)
    message = lab.message("msg_1")
    await lab.channel.send(replace(message, payload={**message.payload, "thread_ts": "1764000000.000100"}))
    assert lab.delivered() == ["Lathe 1 is down"]


@pytest.mark.parametrize(
    "status, error, expected",
    [
        (200, "missing_scope", AuthError),
        (200, "account_inactive", AuthError),
        (200, "token_revoked", AuthError),
        (403, "", AuthError),
        (200, "internal_error", OutcomeUnknownError),
        (200, "fatal_error", OutcomeUnknownError),
        (502, "", OutcomeUnknownError),
        (503, "service_unavailable", TransientError),
        (200, "msg_blocks_too_long", RejectedError),
        (200, "restricted_action", RejectedError),
        (200, "channel_not_found", RejectedError),
        (200, "user_not_found", RejectedError),
        (200, "is_archived", RejectedError),
        (200, "not_in_channel", RejectedError),
        (200, "user_disabled", RejectedError),
        (200, "invalid_auth", AuthError),
        (413, "", RejectedError),
    ],
)
async def test_errors_by_name(
    lab: SlackLab, status: int, error: str, expected: type[MosError], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"ok": False, "error": error, "needed": "chat:write"} if error else {}
    monkeypatch.setattr(lab.recorder, "refuse", lambda fault: web.json_response(answer, status=status))
    lab.fail(Fault.REFUSED_AUTH)
    with pytest.raises(expected) as caught:
        await lab.channel.send(lab.message("msg_1"))
    assert type(caught.value) is expected
    assert error in caught.value.detail
    if expected in (RejectedError, AuthError):
        assert caught.value.code == f"slack.{error or status}".replace("slack.413", "slack.http_413")


async def test_lost_answer_to_an_edit_may_simply_be_repeated(lab: SlackLab, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = await lab.channel.send(lab.message("msg_1"))
    monkeypatch.setattr(lab.recorder, "takes", lambda call: call.path.endswith("chat.update"))
    lab.fail(Fault.DROPPED)
    with pytest.raises(TransientError):
        await lab.channel.edit(sent, lab.message("msg_1", "Done"))
    await lab.channel.edit(sent, lab.message("msg_1", "Done"))
    assert lab.delivered() == ["Done"]


async def test_too_much_is_shortened_on_the_wire(lab: SlackLab) -> None:
    long = {"type": "mrkdwn", "text": "a" * 1990 + "&amp;&amp;&amp;" + "b" * 3000}
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "c" * 5000}, "fields": [long] * 12}
    button = {"type": "button", "action_id": "accept", "value": "tsk_1:1", "style": "loud"}
    label = {"type": "plain_text", "text": "d" * 100}
    buttons = [{**button, "action_id": f"a{number}", "text": label} for number in range(30)]
    lost = {**button, "action_id": "e" * 256, "text": label}
    blocks: list[Json] = [{"type": "header", "text": {"type": "plain_text", "text": "h" * 200}}, *[section] * 60]
    blocks.append({"type": "actions", "elements": [lost, *buttons]})
    await lab.channel.send(ChannelMessage("msg_1", USER, {"text": "t" * 9000, "blocks": blocks}))
    [posted] = lab.workspace.messages["D0" + USER]
    assert len(posted["text"]) <= 4000
    assert len(posted["blocks"]) == 50
    header, first, actions = posted["blocks"][0], posted["blocks"][1], posted["blocks"][-1]
    assert len(header["text"]["text"]) == 150
    assert len(first["text"]["text"]) == 3000
    assert len(first["fields"]) == 10
    assert first["fields"][0]["text"].endswith("&amp;…")
    assert len(first["fields"][0]["text"]) <= 2000
    assert [item["action_id"] for item in actions["elements"]] == [f"a{number}" for number in range(25)]
    assert len(actions["elements"][0]["text"]["text"]) == 75
    assert "style" not in actions["elements"][0]


@pytest.mark.parametrize("missing", ["bot_token", "signing_secret", "team_id", "app_id"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_channel_without_its_secrets_and_names(missing: str, value: str | None) -> None:
    settings = {"bot_token": TOKEN, "signing_secret": SECRET, "team_id": TEAM, "app_id": APP, missing: value}
    with pytest.raises(ValidationError):
        build(settings)


def test_manifest_builds_the_channel_and_hides_secrets() -> None:
    settings = {"bot_token": TOKEN, "signing_secret": SECRET, "team_id": TEAM, "app_id": APP}
    assert build(settings).name == MANIFEST.name
    assert TOKEN not in repr(config("http://127.0.0.1/api"))
