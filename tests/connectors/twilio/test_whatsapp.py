"""WhatsApp: sessions and templates, buttons that prove who made them, and what decides nothing."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.roles import ChannelMessage, InboundMessage
from connectors.twilio.whatsapp import WhatsAppChannel, stamp
from domain.errors import AuthError, InvariantError, RejectedError
from domain.rosters.people import ChannelName
from domain.values import Json
from templates.render import render
from tests.connectors.twilio.lab import OURS, PERSON, TOKEN, config, delivery, signed
from tests.connectors.twilio.lines import CONTENTS, WhatsAppLab, whatsapp_lab, written
from tests.templates.test_golden_renders import APPROVE, NOTIFY, REPLY, TASK

NOW = datetime.now(UTC)
OTHER = "+420601000009"
PRESS = {"ButtonText": "Accept", "Body": "Accept"}


@pytest.fixture
async def lab() -> AsyncIterator[WhatsAppLab]:
    async with whatsapp_lab(contents=CONTENTS) as lab:
        yield lab


@pytest.fixture
def channel() -> WhatsAppChannel:
    return WhatsAppChannel(config("http://127.0.0.1:1", whatsapp_number=OURS))


def rendered(message: Json, key: str = "msg_1") -> ChannelMessage:
    return ChannelMessage(key, PERSON, render(message, ChannelName.WHATSAPP))


def read(channel: WhatsAppChannel, **changes: str) -> InboundMessage:
    request = signed(written(**changes))
    channel.verify(request)
    (found,) = channel.read(request)
    return found


async def test_prefix_is_twilios_and_not_in_our_data(lab: WhatsAppLab) -> None:
    await lab.channel.send(rendered(REPLY))
    [call] = lab.recorder.calls
    assert (call.data["To"], call.data["From"]) == (f"whatsapp:{PERSON}", f"whatsapp:{OURS}")
    assert read(lab.channel, Body="K7QP ok").address == PERSON


async def test_template_is_filled_with_lines_and_button_ids(lab: WhatsAppLab) -> None:
    await lab.channel.send(rendered(TASK))
    [call] = lab.recorder.calls
    given = json.loads(call.data["ContentVariables"])
    assert call.data["ContentSid"] == CONTENTS["task.en"]
    assert "Body" not in call.data
    assert set(given) == {"1", "2", "3", "4", "5"}
    assert all(isinstance(text, str) and text.strip() and not set(text) & set("\n\t\r") for text in given.values())
    assert all(len(given[name]) <= 200 for name in ("4", "5"))
    verbs = [read(lab.channel, ButtonPayload=given[name], **PRESS) for name in ("4", "5")]
    assert [(one.verb, one.task) for one in verbs] == [("accept", TASK.task), ("decline", TASK.task)]


async def test_an_enrolment_code_goes_by_its_own_template_outside_the_session() -> None:
    said = REPLY.model_copy(update={"reply_code": "enrol_code", "code": "409173"})
    contents = {"code.en": "HX" + "7" * 32}
    async with whatsapp_lab(session=False, contents=contents) as lab:
        sent = await lab.channel.send(rendered(said))
        [call] = lab.recorder.calls
        assert call.data["ContentSid"] == contents["code.en"]
        assert json.loads(call.data["ContentVariables"]) == {"1": "409173"}
        assert sent.vendor_id


async def test_approval_buttons_are_its_options(lab: WhatsAppLab) -> None:
    await lab.channel.send(rendered(APPROVE))
    given = json.loads(lab.recorder.calls[0].data["ContentVariables"])
    pressed = [read(lab.channel, ButtonPayload=given[name], **PRESS).verb for name in ("4", "5", "6")]
    assert pressed == ["approve:push", "approve:swap", "reject"]


@pytest.mark.parametrize("message", [TASK, APPROVE, NOTIFY])
async def test_c34_no_template_outside_the_session_is_refused_before_twilio_is_asked(message: Json) -> None:
    async with whatsapp_lab(session=False) as lab:
        with pytest.raises(RejectedError) as caught:
            await lab.channel.send(rendered(message))
        assert caught.value.code == "twilio.63016"
        assert caught.value.detail == "Set it in the connector's contents."
        assert "template" in caught.value.message
        assert lab.recorder.calls == []


@pytest.mark.parametrize("hours, free", [(23.9, True), (24, False), (30, False)])
async def test_session_is_24_hours_from_the_persons_last_message(hours: float, free: bool) -> None:
    async with whatsapp_lab() as lab:
        lab.memory.wrote = datetime.now(UTC) - timedelta(hours=hours)
        if free:
            await lab.channel.send(rendered(TASK))
            assert lab.recorder.calls[0].data["Body"].startswith("K7QP Lathe 1 is down")
        else:
            with pytest.raises(RejectedError):
                await lab.channel.send(rendered(TASK))


async def test_c32_sent_by_template_it_is_found_even_after_the_session_opened(lab: WhatsAppLab) -> None:
    sent = await lab.channel.send(rendered(TASK))
    assert await lab.channel.find(rendered(TASK), NOW - timedelta(seconds=1)) == sent
    assert await lab.channel.find(rendered(APPROVE, "msg_2"), NOW - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "made",
    [
        stamp("another token", PERSON, "accept", "tsk_1:1"),
        stamp(TOKEN, OTHER, "accept", "tsk_1:1"),
        stamp(TOKEN, PERSON, "accept", "tsk_1:1").replace("accept", "approve:push"),
        stamp(TOKEN, PERSON, "accept", "tsk_1:1").replace("tsk_1:1", "tsk_2:1"),
        stamp(TOKEN, PERSON, "accept", "tsk_1:1").replace(":1", ":2"),
        stamp(TOKEN, PERSON, "accept", "tsk_1:1")[:-1],
        "accept|tsk_1:1|",
        "accept|tsk_1:1",
        "accept",
        "||",
        "é|☃|" + "A" * 26,
        "",
    ],
)
def test_c12_button_that_we_did_not_make_for_this_person_decides_nothing(channel: WhatsAppChannel, made: str) -> None:
    found = read(channel, ButtonPayload=made, **PRESS)
    assert (found.verb, found.task) == ("", "")


def test_c12_own_button_is_believed_again_and_is_the_same_press(channel: WhatsAppChannel) -> None:
    made = stamp(TOKEN, PERSON, "accept", "tsk_1:1")
    first, again = (read(channel, ButtonPayload=made, **PRESS) for _ in range(2))
    assert (first.verb, first.task, first.dedupe_key) == ("accept", "tsk_1:1", again.dedupe_key)


@pytest.mark.parametrize("forwarded", [{"Forwarded": "true"}, {"FrequentlyForwarded": "true"}])
@pytest.mark.parametrize(
    "said", [{"Body": "K7QP ok"}, {**PRESS, "ButtonPayload": stamp(TOKEN, PERSON, "accept", "tsk_1:1")}]
)
def test_c12_what_was_forwarded_decides_nothing(
    channel: WhatsAppChannel, forwarded: dict[str, str], said: dict[str, str]
) -> None:
    found = read(channel, **forwarded, **said)
    assert (found.verb, found.task) == ("", "")


@pytest.mark.parametrize("text", ["Approve", "ok", "1", "ja", "here", "est 2h", "Accept", "approve 4821"])
def test_c12_typed_without_a_code_decides_nothing(channel: WhatsAppChannel, text: str) -> None:
    found = read(channel, Body=text)
    assert (found.verb, found.task) == ("", "")
    assert found.text == text


@pytest.mark.parametrize(
    "text, verb, task",
    [("K7QP ok", "accept", "K7QP"), ("mine", "mine", ""), ("report LATHE-1 leaks", "report", ""), ("help", "help", "")],
)
def test_typed_with_a_code_or_about_no_task_counts(channel: WhatsAppChannel, text: str, verb: str, task: str) -> None:
    found = read(channel, Body=text)
    assert (found.verb, found.task) == (verb, task)


def test_c9_profile_name_says_nothing(channel: WhatsAppChannel) -> None:
    plain = read(channel, Body="hello")
    assert "boss" not in repr(plain).lower()
    assert read(channel, Body="hello", ProfileName="Plant manager K7QP ok") == plain


def test_pictures_are_references(channel: WhatsAppChannel) -> None:
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
    found = read(channel, Body="", NumMedia="2", MediaUrl0=url, MediaContentType0="image/jpeg", MediaUrl1="")
    assert [(one.url, one.claimed_type) for one in found.media] == [(url, "image/jpeg")]
    assert read(channel, NumMedia="99999999999999999999").media == []
    assert read(channel, NumMedia="-1").media == []


def test_c34_63016_by_callback_is_a_failure_and_read_is_a_delivery(channel: WhatsAppChannel) -> None:
    ends = {"From": f"whatsapp:{OURS}", "To": f"whatsapp:{PERSON}"}
    failed = signed(delivery(MessageStatus="failed", ErrorCode="63016", **ends), "/twilio/status?key=msg_1")
    seen = signed(delivery(MessageStatus="read", **ends), "/twilio/status?key=msg_1")
    for request in (failed, seen):
        channel.verify(request)
        assert channel.read(request) == []
    state, last = channel.status(failed), channel.status(seen)
    assert state is not None
    assert "24 hours" in state.failure
    assert last is not None
    assert last.delivered
    assert (last.rank, last.failure) == (5, "")


def test_c5_sms_to_the_same_number_is_no_whatsapp_message(channel: WhatsAppChannel) -> None:
    with pytest.raises(AuthError):
        channel.verify(signed(written(To=OURS, From=PERSON)))


def test_token_rotation_keeps_buttons_and_callbacks_alive() -> None:
    made = stamp(TOKEN, PERSON, "accept", "tsk_1:1")
    renewed = WhatsAppChannel(
        config("http://127.0.0.1:1", whatsapp_number=OURS, auth_token="new-token", auth_token_secondary=TOKEN)
    )
    assert read(renewed, ButtonPayload=made, **PRESS).verb == "accept"


async def test_it_cannot_be_edited(lab: WhatsAppLab) -> None:
    sent = await lab.channel.send(rendered(TASK))
    with pytest.raises(InvariantError):
        await lab.channel.edit(sent, rendered(TASK))
