"""Calls with the vendor's own client: ringing, TwiML, keys, status callbacks, and what Twilio would not accept."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.phones.peers import (
    ACCOUNT,
    AUTH,
    NUMBER,
    PATIENCE,
    PAUL_PHONE,
    TESS_PHONE,
    Application,
    Phones,
    Received,
    signed,
)

NAME = "Tess Technician"
MENU = (
    '<Response><Gather numDigits="1" action="/keys"><Say>Press 1 to accept</Say></Gather><Say>Goodbye</Say></Response>'
)
EVENTS = ["initiated", "ringing", "answered", "completed"]


@pytest.fixture
def hushed(phones: Phones) -> Iterator[Phones]:
    """A menu that soon takes it that nobody presses a key."""
    phones.configure(twilio={"gather_seconds": 0.1})
    yield phones
    phones.configure(twilio={"gather_seconds": PATIENCE})


def speaking(document: str = MENU, after: str = "<Response><Say>Thank you</Say><Hangup/></Response>") -> Any:
    """An application that answers a call with `document`, and a key with `after`."""

    def answer(got: Received) -> tuple[int, str, str]:
        if got.path.startswith("/status"):
            return 204, "text/plain", ""
        return 200, "text/xml", after if got.path.startswith("/keys") else document

    return answer


def call(phones: Phones, application: Application, **more: Any) -> Any:
    """A call to Tess."""
    more = {"url": f"{application.url}/voice?box=7", "status_callback": f"{application.url}/status", **more}
    more.setdefault("status_callback_event", EVENTS)
    return phones.twilio().calls.create(**{"to": TESS_PHONE, "from_": NUMBER, **more})


def ends(phones: Phones, sid: str) -> Any:
    """The finished call."""
    final = ("completed", "busy", "failed", "no-answer", "canceled")
    return phones.until(lambda: str((now := phones.twilio().calls(sid).fetch()).status) in final and now)


def answered(phones: Phones, **more: Any) -> None:
    """Tess picks up as soon as it rings."""
    phones.until(lambda: (now := phones.screen(NAME)["call"]) and now["status"] == "ringing")
    phones.person(NAME, "telephone", act="answer", **more)


def gathers(phones: Phones) -> None:
    """The menu waits for a key."""
    phones.until(lambda: (now := phones.screen(NAME)["call"]) and now["gathering"])


def reported(application: Application) -> list[tuple[str, str]]:
    """The status callbacks in order."""
    return [(r.form["SequenceNumber"], r.form["CallStatus"]) for r in application.received if r.path == "/status"]


def test_a_key_is_handed_to_the_action_and_the_call_completes(phones: Phones, application: Application) -> None:
    application.answer = speaking()
    placed = call(phones, application)
    assert placed.status == "queued"
    answered(phones)
    gathers(phones)
    phones.person(NAME, "telephone", act="press", digits="1")
    assert ends(phones, placed.sid).status == "completed"
    keys = next(r for r in application.received if r.path == "/keys")
    assert (keys.form["Digits"], keys.form["CallSid"], keys.form["CallStatus"]) == ("1", placed.sid, "in-progress")
    for got in application.received:
        assert signed(application.url + got.path, got.form, got.headers["x-twilio-signature"])
    phones.until(lambda: len(reported(application)) == 4)
    statuses = ["initiated", "ringing", "in-progress", "completed"]
    assert reported(application) == [(str(n), status) for n, status in enumerate(statuses)]
    said = [line["text"] for line in phones.screen(NAME)["messages"][-1]["said"]]
    assert said == ["Press 1 to accept", "pressed 1", "Thank you"]
    assert phones.get("violations") == []


def test_silence_goes_on_behind_the_menu(hushed: Phones, application: Application) -> None:
    application.answer = speaking()
    placed = call(hushed, application)
    answered(hushed)
    assert ends(hushed, placed.sid).status == "completed"
    assert hushed.screen(NAME)["messages"][-1]["text"] == "Press 1 to accept\nGoodbye"
    assert [r.path for r in application.received if r.path == "/keys"] == []


def test_silence_is_handed_on_when_asked_for(hushed: Phones, application: Application) -> None:
    application.answer = speaking('<Response><Gather action="/keys" actionOnEmptyResult="true"/></Response>')
    placed = call(hushed, application)
    answered(hushed)
    ends(hushed, placed.sid)
    assert next(r for r in application.received if r.path == "/keys").form["Digits"] == ""


def test_the_finishing_key_ends_the_input_and_a_redirect_is_followed(phones: Phones, application: Application) -> None:
    menu = '<Response><Gather action="/keys" method="GET"/></Response>'

    def answer(got: Received) -> tuple[int, str, str]:
        first = "<Response><Redirect>/menu</Redirect></Response>"
        return 200, "application/xml", menu if got.path == "/menu" else first

    application.answer = answer
    application.files["/keys"] = ("text/xml", b"")
    call(phones, application, status_callback=None, status_callback_event=None)
    answered(phones)
    gathers(phones)
    phones.person(NAME, "telephone", act="press", digits="42#")
    got = phones.until(lambda: [c for c in phones.get("callbacks") if "/keys?" in c["url"]])[0]
    query = parse_qs(urlsplit(got["url"]).query)
    assert (query["Digits"], query["FinishedOnKey"]) == (["42"], ["#"])


@pytest.mark.parametrize(
    "act, status", [("decline", "busy"), ("hang_up", "busy")], ids=["declined", "hung up while ringing"]
)
def test_a_call_that_is_not_taken_is_busy(phones: Phones, application: Application, act: str, status: str) -> None:
    placed = call(phones, application)
    phones.until(lambda: (now := phones.screen(NAME)["call"]) and now["status"] == "ringing")
    phones.until(lambda: len(reported(application)) == 2)  # a report that is on its way ends with the line
    phones.person(NAME, "telephone", act=act)
    assert ends(phones, placed.sid).status == status
    phones.until(lambda: len(reported(application)) == 3)
    assert reported(application)[-1] == ("2", status)


def test_a_call_that_nobody_hears_is_not_answered(phones: Phones, application: Application) -> None:
    assert ends(phones, call(phones, application, timeout=1).sid).status == "no-answer"


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
def test_an_outcome_on_order(phones: Phones, application: Application, status: str) -> None:
    phones.do("outcomes", phone=TESS_PHONE, channel="voice", status=status)
    assert ends(phones, call(phones, application).sid).status == status


def test_a_machine_is_told_from_a_human_when_asked_for(phones: Phones, application: Application) -> None:
    application.answer = speaking("<Response><Hangup/></Response>")
    phones.do("outcomes", phone=TESS_PHONE, channel="voice", answered_by="machine_start")
    placed = call(phones, application, machine_detection="Enable")
    assert ends(phones, placed.sid).answered_by == "machine_start"
    assert next(r for r in application.received if r.path.startswith("/voice")).form["AnsweredBy"] == "machine_start"


def test_a_call_is_taken_back_redirected_and_ended(phones: Phones, application: Application) -> None:
    application.answer = speaking()
    placed = call(phones, application)
    phones.twilio().calls(placed.sid).update(status="canceled")
    assert ends(phones, placed.sid).status == "canceled"
    other = call(phones, application)
    answered(phones)
    gathers(phones)
    phones.twilio().calls(other.sid).update(twiml="<Response><Say>Somebody has accepted</Say></Response>")
    assert ends(phones, other.sid).status == "completed"
    assert phones.screen(NAME)["messages"][-1]["said"][-1]["text"] == "Somebody has accepted"
    with pytest.raises(TwilioRestException) as refused:
        phones.twilio().calls(other.sid).update(status="completed")
    assert refused.value.code == 21220


def test_calls_are_listed_by_number_and_time(phones: Phones, application: Application) -> None:
    phones.do("outcomes", phone=TESS_PHONE, channel="voice", status="busy", times=3)
    sids = [ends(phones, call(phones, application).sid).sid for _ in range(3)]
    calls = phones.twilio().calls
    assert [c.sid for c in calls.list(to=TESS_PHONE, page_size=2)] == sids[::-1]
    assert calls.list(to=PAUL_PHONE) == []
    assert len(calls.list(status="busy", start_time_after="2020-01-01")) == 3


@pytest.mark.parametrize(
    "document, code",
    [
        pytest.param("<Response><Say>x</Response>", "12100", id="not well-formed"),
        pytest.param("<!DOCTYPE x><Response/>", "12100", id="document type"),
        pytest.param("<Answer/>", "12200", id="wrong root"),
        pytest.param("<Response><Speak>x</Speak></Response>", "12200", id="unknown verb"),
        pytest.param("<Response><say>x</say></Response>", "12200", id="small letters"),
        pytest.param('<Response><Say speed="1">x</Say></Response>', "12200", id="unknown attribute"),
        pytest.param("<Response>loose</Response>", "12200", id="loose text"),
        pytest.param("<Response><Say/></Response>", "13520", id="empty say"),
        pytest.param('<Response><Say voice="Klaus">x</Say></Response>', "13511", id="voice"),
        pytest.param('<Response><Say loop="-1">x</Say></Response>', "13510", id="loop"),
        pytest.param('<Response><Gather numDigits="0"/></Response>', "13314", id="numDigits"),
        pytest.param('<Response><Gather timeout="0"/></Response>', "13313", id="timeout"),
        pytest.param('<Response><Gather method="PUT"/></Response>', "13312", id="method"),
        pytest.param('<Response><Gather finishOnKey="##"/></Response>', "13310", id="finishOnKey"),
        pytest.param("<Response><Gather><Hangup/></Gather></Response>", "13320", id="nested verb"),
        pytest.param('<Response><Redirect method="PUT">/x</Redirect></Response>', "13710", id="redirect method"),
        pytest.param("<Response><Redirect/></Response>", "11100", id="redirect nowhere"),
        pytest.param("<Response><Hangup>now</Hangup></Response>", "12200", id="hangup with text"),
    ],
)
def test_documents_that_are_no_twiml(phones: Phones, application: Application, document: str, code: str) -> None:
    application.answer = speaking(document)
    placed = call(phones, application)
    answered(phones)
    ends(phones, placed.sid)
    found = phones.get("violations")
    assert [(v["kind"], v["error"]) for v in found] == [("answer", code)]
    assert "application error" in phones.screen(NAME)["messages"][-1]["text"]


@pytest.mark.parametrize(
    "answer, code",
    [
        pytest.param((500, "text/xml", "<Response/>"), "11200", id="failing"),
        pytest.param((200, "application/json", "{}"), "12300", id="json"),
        pytest.param((200, "text/plain", "hello"), "12300", id="plain text"),
    ],
)
def test_answers_that_are_no_document(
    phones: Phones, application: Application, answer: tuple[int, str, str], code: str
) -> None:
    application.answer = lambda got: answer if got.path.startswith("/voice") else (204, "", "")
    placed = call(phones, application)
    answered(phones)
    ends(phones, placed.sid)
    assert [v["error"] for v in phones.get("violations")] == [code]


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"to": ""}, 21201),
        ({"to": "420600100001"}, 21211),
        ({"from_": ""}, 21213),
        ({"from_": "PLANT"}, 21212),
        ({"from_": "+15005550001"}, 21210),
        ({"url": None}, 21205),
        ({"url": "/voice"}, 21205),
        ({"url": None, "application_sid": "AP" + "0" * 32}, 21218),
        ({"url": None, "twiml": "<Response>"}, 12100),
        ({"method": "PUT"}, 21209),
        ({"timeout": 0}, 21208),
        ({"timeout": 601}, 21208),
        ({"status_callback": "/status"}, 21609),
        ({"status_callback_event": ["finished"]}, 21626),
        ({"send_digits": "1a"}, 21206),
        ({"machine_detection": "Yes"}, 21234),
        ({"byoc": "BY1"}, 20422),
    ],
    ids=str,
)
def test_calls_that_are_refused(phones: Phones, application: Application, changes: dict[str, Any], code: int) -> None:
    given = {"to": TESS_PHONE, "from_": NUMBER, "url": f"{application.url}/voice", **changes}
    with pytest.raises(TwilioRestException) as refused:
        phones.twilio().calls.create(**{k: v for k, v in given.items() if v is not None})
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert [v["error"] for v in phones.get("violations")] == [str(code)]
    assert phones.screen(NAME)["messages"] == []


def test_an_unknown_parameter_of_a_call_is_refused(phones: Phones) -> None:
    path = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    answer = phones.http.post(path, data={"To": TESS_PHONE, "Colour": "red"}, auth=(ACCOUNT, AUTH))
    assert answer.json()["code"] == 20001
