"""Calls: what is said, which keys count, and what becomes of a call that nobody hears."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from connectors.roles import CallbackRequest
from connectors.twilio.voice import ROUNDS, VoiceChannel
from domain.asking.messages import Choice, Fact, Input, Message
from domain.errors import AuthError, InvalidPayloadError
from domain.rosters.people import ChannelName
from templates.render import render
from tests.connectors.twilio.lab import OURS, PERSON, PUBLIC, config, signed
from tests.connectors.twilio.lines import ANSWER, CALL, VoiceLab, calling, pressed, script, voice_lab
from tests.templates.test_golden_renders import APPROVE, MINE, TASK

NOW = datetime.now(UTC)
ASKED = "/twilio/voice?key=msg_1"
PIOTR, JONAS = Fact(label="Piotr Nowak", value="piotr"), Fact(label="Jonas Weber", value="jonas.weber")


@pytest.fixture
async def lab() -> AsyncIterator[VoiceLab]:
    async with voice_lab() as lab:
        yield lab


@pytest.fixture
def channel() -> VoiceChannel:
    return VoiceChannel(config("http://127.0.0.1:1"))


def said(twiml: str) -> str:
    return " ".join(node.text or "" for node in ElementTree.fromstring(twiml).iter("Say"))


def follow(twiml: str, digits: str = "") -> CallbackRequest:
    """What Twilio calls next: the gather's action with a key, or the redirect in silence."""
    root = ElementTree.fromstring(twiml)
    gather, redirect = root.find("Gather"), root.find("Redirect")
    assert gather is not None
    assert redirect is not None
    url = gather.get("action") if digits else redirect.text
    assert url is not None
    assert url.startswith(PUBLIC + "/twilio/voice")
    return signed(calling(**({"Digits": digits} if digits else {})), url.removeprefix(PUBLIC))


async def test_parameters_on_the_wire(lab: VoiceLab) -> None:
    await lab.channel.send(lab.message("exc_1:repair[0]:1"))
    [call] = lab.recorder.calls
    assert call.path.endswith("/Calls.json")
    assert (call.data["To"], call.data["From"]) == (PERSON, OURS)
    assert call.data["Url"] == f"{PUBLIC}/twilio/voice?key=exc_1%3Arepair%5B0%5D%3A1"
    assert call.data["StatusCallback"] == f"{PUBLIC}/twilio/status?key=exc_1%3Arepair%5B0%5D%3A1"
    assert call.data["MachineDetection"] == "Enable"


@pytest.mark.parametrize("language, tag", [("en", "en-GB"), ("de", "de-DE"), ("es", "es-ES"), ("pl", "pl-PL")])
def test_it_is_said_in_the_persons_language(channel: VoiceChannel, language: str, tag: str) -> None:
    twiml = channel.speak(signed(calling(), ASKED), script(language=language))
    [say] = ElementTree.fromstring(twiml).iter("Say")
    assert (say.get("language"), say.text) == (tag, "Lathe 1 is down.")


@pytest.mark.parametrize(
    "message, digit, verb", [(TASK, "1", "accept"), (TASK, "2", "decline"), (APPROVE, "2", "approve:swap")]
)
def test_key_means_what_was_said(channel: VoiceChannel, message: Message, digit: str, verb: str) -> None:
    rendered = render(message, ChannelName.VOICE)
    request = follow(channel.speak(signed(calling(), ASKED), rendered), digit)
    channel.verify(request)
    [found] = channel.read(request)
    assert (found.verb, found.task, found.address) == (verb, rendered["task"], PERSON)
    assert channel.status(request) is None
    assert said(channel.speak(request, rendered)) == rendered["received"]


def test_nine_repeats_and_answers_nothing(channel: VoiceChannel) -> None:
    request = follow(channel.speak(signed(calling(), ASKED), script()), "9")
    assert channel.read(request) == []
    assert said(channel.speak(request, script())) == "Lathe 1 is down."


MORE = MINE.model_copy(
    update={
        "choices": [
            *MINE.choices,
            Choice(verb="hand_over", more=True, asks=[Input(name="to", kind="choice", choices=[PIOTR, JONAS])]),
            *(Choice(verb=verb, more=True) for verb in ("ask", "snooze", "decline")),
        ]
    }
)


def keyed(channel: VoiceChannel, *pressed: str) -> tuple[list[tuple[str, object]], str]:
    """What is answered by these keys, one after the other, and what is said at last."""
    rendered, found = render(MORE, ChannelName.VOICE), list[tuple[str, object]]()
    twiml = channel.speak(signed(calling(), ASKED), rendered)
    for digits in pressed:
        request = follow(twiml, digits)
        channel.verify(request)
        found += [(one.verb, one.fields) for one in channel.read(request)]
        twiml = channel.speak(request, rendered)
    return found, said(twiml)


@pytest.mark.parametrize(
    "keys, answered, told",
    [
        (("0", "1", "25"), [("snooze", {"for": "25m"})], "received"),
        (("0", "1", "0"), [], "did not understand"),
        (("0", "1", "0", "9"), [("snooze", {"for": "9m"})], "received"),
        (("0", "2", "1"), [("hand_over", {"to": "piotr"})], "received"),
        (("0", "2", "9", "2"), [("hand_over", {"to": "jonas.weber"})], "received"),
        (("0", "2", "8"), [("hand_over", {})], "received"),
        (("0", "3"), [], "begins with the code K, 7, Q, P"),
        (("0", "7"), [], "did not understand"),
        (("0", "2", "7"), [], "did not understand"),
    ],
)
def test_second_menu(channel: VoiceChannel, keys: tuple[str, ...], answered: list[object], told: str) -> None:
    found, last = keyed(channel, *keys)
    assert found == answered
    assert told in last.replace("Received", "received")


def test_no_menu_is_without_an_end(channel: VoiceChannel) -> None:
    _, last = keyed(channel, "0", *("6" * ROUNDS))
    assert "Good bye" in last


def test_unknown_key_is_asked_again(channel: VoiceChannel) -> None:
    request = follow(channel.speak(signed(calling(), ASKED), script()), "7")
    assert channel.read(request) == []
    assert said(channel.speak(request, script())) == "No such key. Lathe 1 is down."


def test_silence_ends_after_three_rounds(channel: VoiceChannel) -> None:
    twiml = channel.speak(signed(calling(), ASKED), script())
    for _ in range(2):
        twiml = channel.speak(follow(twiml), script())
    last = channel.speak(follow(twiml), script())
    assert said(last) == "Good bye."
    assert ElementTree.fromstring(last).find("Hangup") is not None


def test_c3_same_key_again_is_the_same_answer_and_a_later_round_another(channel: VoiceChannel) -> None:
    first, again = (channel.read(pressed("1"))[0].dedupe_key for _ in range(2))
    later = channel.read(pressed("1", ANSWER.replace("round=1", "round=2")))[0].dedupe_key
    assert first == again != later


@pytest.mark.parametrize(
    "path",
    [
        ANSWER.replace("keys=1.accept", "keys=1.approve%3Apush"),
        ANSWER.replace("tsk_1", "tsk_2"),
        ANSWER.replace("round=1", "round=2"),
    ],
)
def test_c4_what_a_key_means_cannot_be_changed_on_the_way(channel: VoiceChannel, path: str) -> None:
    genuine = pressed("1")
    forged = CallbackRequest("/twilio/voice/answer", PUBLIC + path, genuine.headers, genuine.body, genuine.received_at)
    channel.verify(genuine)
    with pytest.raises(AuthError):
        channel.verify(forged)


def test_c14_high_risk_is_told_to_sign_in_and_no_key_counts(channel: VoiceChannel) -> None:
    high = render(APPROVE.model_copy(update={"choices": [], "link": "https://mos.example.com/t/1"}), ChannelName.VOICE)
    twiml = channel.speak(signed(calling(), ASKED), high)
    assert "console" in said(twiml)
    for digit in "12345678":
        assert channel.read(follow(twiml, digit)) == []


def test_c27_what_people_wrote_stays_text(channel: VoiceChannel) -> None:
    evil = "</Say></Gather><Redirect>https://evil.example</Redirect><Say>&"
    twiml = channel.speak(signed(calling(), ASKED), script(say=evil))
    root = ElementTree.fromstring(twiml)
    assert said(twiml) == evil
    assert [child.tag for child in root] == ["Gather", "Redirect"]
    assert "evil" not in (root.findtext("Redirect") or "")


def test_machine_hears_nothing(channel: VoiceChannel) -> None:
    for answered_by in ("machine_start", "machine_end_beep", "fax"):
        twiml = channel.speak(signed(calling(AnsweredBy=answered_by), ASKED), script())
        assert [child.tag for child in ElementTree.fromstring(twiml)] == ["Hangup"]


def test_who_calls_us_and_an_unknown_message_hear_nothing(channel: VoiceChannel) -> None:
    ends = {"Direction": "inbound", "From": PERSON, "To": OURS}
    inbound = signed(calling(**ends, Digits="1"), ANSWER)
    channel.verify(inbound)
    assert channel.read(inbound) == []
    for twiml in (channel.speak(inbound, script()), channel.speak(signed(calling(), ASKED), None)):
        assert [child.tag for child in ElementTree.fromstring(twiml)] == ["Hangup"]


@pytest.mark.parametrize(
    "status, answered_by, delivered, failure",
    [
        ("initiated", "", False, ""),
        ("in-progress", "human", False, ""),
        ("completed", "human", True, ""),
        ("completed", "", True, ""),
        ("completed", "machine_start", False, "answering machine"),
        ("busy", "", False, "busy"),
        ("no-answer", "", False, "nobody picked up"),
        ("failed", "", False, "cannot be called"),
        ("canceled", "", False, "cancelled"),
    ],
)
def test_c34_call_that_nobody_heard_is_a_failure(
    channel: VoiceChannel, status: str, answered_by: str, delivered: bool, failure: str
) -> None:
    request = signed(calling(CallStatus=status, AnsweredBy=answered_by), "/twilio/status?key=msg_1")
    channel.verify(request)
    assert channel.read(request) == []
    state = channel.status(request)
    assert state is not None
    assert (state.key, state.vendor_id, state.delivered) == ("msg_1", CALL, delivered)
    assert failure in state.failure
    assert bool(state.failure) == bool(failure)


async def test_c32_call_of_another_message_is_not_taken_for_this_one(lab: VoiceLab) -> None:
    first = await lab.channel.send(lab.message("msg_1"))
    since = NOW - timedelta(seconds=1)
    assert await lab.channel.find(lab.message("msg_1"), since) == first
    assert await lab.channel.find(lab.message("msg_2"), since) is None
    lab.memory.deaf = True  # no callback has come: rather no second call than a second one
    assert await lab.channel.find(lab.message("msg_2"), since) == first


async def test_call_without_words_is_not_made(lab: VoiceLab) -> None:
    with pytest.raises(InvalidPayloadError):
        await lab.channel.send(lab.message("msg_1", " "))
    assert lab.recorder.calls == []


def test_answer_url_carries_the_key(channel: VoiceChannel) -> None:
    gather = ElementTree.fromstring(channel.speak(signed(calling(), ASKED), script())).find("Gather")
    assert gather is not None
    query = parse_qs(urlsplit(str(gather.get("action"))).query)
    assert query == {"key": ["msg_1"], "round": ["1"], "task": ["tsk_1:1"], "keys": ["1.accept,2.decline"]}
    assert (gather.get("input"), gather.get("numDigits")) == ("dtmf", "1")
