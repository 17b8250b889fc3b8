"""What is Twilio's own: parameters on the wire, looking up by text, errors by code, TwiML."""

import base64
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from aiohttp import web
from pydantic import ValidationError

from connectors.roles import ChannelMessage, SentMessage
from connectors.twilio.connector import TwilioChannel
from connectors.twilio.manifest import build
from connectors.twilio.memory import Nothing
from domain.errors import AuthError, InvariantError, OutcomeUnknownError, RejectedError, TransientError
from tests.conformance.channel.recorder import Fault
from tests.connectors.twilio.lab import (
    ACCOUNT,
    OURS,
    PERSON,
    PUBLIC,
    TOKEN,
    TwilioLab,
    config,
    signed,
    sms,
    twilio_lab,
)

NOW = datetime.now(UTC)


@pytest.fixture
async def lab() -> AsyncIterator[TwilioLab]:
    async with twilio_lab() as lab:
        yield lab


async def test_parameters_on_the_wire(lab: TwilioLab) -> None:
    await lab.channel.send(lab.message("exc_1:repair[0]:1", "K7QP Lathe 1 is down"))
    [call] = lab.recorder.calls
    assert call.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    callback = f"{PUBLIC}/twilio/status?key=exc_1%3Arepair%5B0%5D%3A1"
    assert call.data == {"To": PERSON, "From": OURS, "Body": "K7QP Lathe 1 is down", "StatusCallback": callback}


async def test_messaging_service_sends_instead_of_a_number(lab: TwilioLab) -> None:
    service = "MG" + "d" * 32
    await build(config(lab.recorder.url, messaging_service_sid=service).model_dump()).send(lab.message("msg_1"))
    [call] = lab.recorder.calls
    assert call.data["MessagingServiceSid"] == service
    assert "From" not in call.data


async def test_found_while_still_queued_and_on_a_later_page(lab: TwilioLab) -> None:
    sent = await lab.channel.send(lab.message("msg_1", "AAAA first"))
    for number in range(5):
        await lab.channel.send(lab.message(f"msg_{number}", f"BBBB {number}"))
    assert await lab.channel.find(lab.message("msg_1", "AAAA first"), NOW) == sent


async def test_older_message_with_the_same_text_is_another(lab: TwilioLab) -> None:
    await lab.channel.send(lab.message("msg_1"))
    assert await lab.channel.find(lab.message("msg_2"), datetime.now(UTC) + timedelta(minutes=10)) is None


async def test_message_to_another_person_is_another(lab: TwilioLab) -> None:
    await lab.channel.send(lab.message("msg_1"))
    assert await lab.channel.find(ChannelMessage("msg_1", "+420601000002", {"body": lab.delivered()[0]}), NOW) is None


async def test_trial_accounts_own_words_are_seen_through(lab: TwilioLab) -> None:
    lab.account.prefix = "Sent from your Twilio trial account - "
    sent = await lab.channel.send(lab.message("msg_1"))
    assert await lab.channel.find(lab.message("msg_1"), NOW) == sent


@pytest.mark.parametrize("code", [21408, 21610, 21614, 63016])
async def test_refusals_keep_twilios_code(lab: TwilioLab, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"code": code, "message": "no", "status": 400}
    monkeypatch.setattr(lab.recorder, "refuse", lambda fault: web.json_response(answer, status=400))
    lab.fail(Fault.REFUSED_ADDRESS)
    with pytest.raises(RejectedError) as caught:
        await lab.channel.send(lab.message("msg_1"))
    assert caught.value.code == f"twilio.{code}"


async def test_not_ready_is_transient_and_a_bad_gateway_is_unknown(
    lab: TwilioLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, expected in ((503, TransientError), (502, OutcomeUnknownError)):
        monkeypatch.setattr(lab.recorder, "refuse", lambda fault, status=status: web.Response(status=status))
        lab.fail(Fault.REFUSED_ADDRESS)
        with pytest.raises(expected):
            await lab.channel.send(lab.message("msg_1"))


async def test_lost_answer_to_a_look_up_is_asked_again(lab: TwilioLab, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = await lab.channel.send(lab.message("msg_1"))
    monkeypatch.setattr(lab.recorder, "takes", lambda call: call.method == "GET")
    lab.fail(Fault.SILENT)
    with pytest.raises(TransientError):
        await lab.channel.find(lab.message("msg_1"), NOW)
    assert await lab.channel.find(lab.message("msg_1"), NOW) == sent


async def test_body_is_kept_within_twilios_limit(lab: TwilioLab) -> None:
    long = lab.message("msg_1", "K7QP " + "word " * 400)
    sent = await lab.channel.send(long)
    assert len(lab.delivered()[0]) <= 1600
    assert await lab.channel.find(long, NOW) == sent


async def test_sms_cannot_be_edited(lab: TwilioLab) -> None:
    assert lab.channel.can_edit is False
    with pytest.raises(InvariantError):
        await lab.channel.edit(SentMessage("SM1"), lab.message("msg_1"))


def test_answer_is_xml_in_which_text_stays_text(lab: TwilioLab) -> None:
    kind, body = lab.channel.answer("</Message><Redirect>https://evil.example</Redirect> & more")
    assert kind == "text/xml"
    tree = ElementTree.fromstring(body)
    assert [child.tag for child in tree] == ["Message"]
    assert tree[0].text == "</Message><Redirect>https://evil.example</Redirect> & more"
    assert list(ElementTree.fromstring(lab.channel.answer()[1])) == []


@pytest.mark.parametrize(
    "change", [{"auth_token": ""}, {"auth_token": " "}, {"account_sid": "AC1"}, {"numbers": []}, {"public_url": "mos"}]
)
def test_no_channel_without_its_secrets_and_names(change: dict[str, object]) -> None:
    settings = {"account_sid": ACCOUNT, "auth_token": TOKEN, "numbers": [OURS], "public_url": PUBLIC, **change}
    with pytest.raises(ValidationError):
        build(settings)


async def test_while_tokens_are_rotated_the_other_one_is_tried_and_kept(lab: TwilioLab) -> None:
    channel = build(config(lab.recorder.url, auth_token="revoked", auth_token_secondary=TOKEN).model_dump())
    lab.fail(Fault.REFUSED_AUTH)
    for number in range(2):
        await channel.send(lab.message(f"msg_{number}", f"K7QP {number}"))
    used = [base64.b64decode(call.headers["Authorization"].split()[1]).decode() for call in lab.recorder.calls]
    assert [pair.partition(":")[2] for pair in used] == ["revoked", TOKEN, TOKEN]
    assert len(lab.delivered()) == 2


def test_callbacks_signed_with_either_token_are_believed(lab: TwilioLab) -> None:
    channel = build(config(lab.recorder.url, auth_token="new-token", auth_token_secondary=TOKEN).model_dump())
    channel.verify(signed(sms()))
    channel.verify(signed(sms(), secret="new-token"))
    with pytest.raises(AuthError):
        channel.verify(signed(sms(), secret="old-token"))


async def test_c32_same_text_of_another_message_is_not_taken_for_this_one(lab: TwilioLab) -> None:
    class Memory(Nothing):
        async def claimed(self, vendor_ids: Sequence[str], key: str) -> Collection[str]:
            return vendor_ids

    await lab.channel.send(lab.message("msg_1"))
    assert await TwilioChannel(config(lab.recorder.url), Memory()).find(lab.message("msg_2"), NOW) is None
