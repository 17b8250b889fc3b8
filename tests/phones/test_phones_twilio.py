"""What Twilio accepts, delivers and calls back, through the twilio library with only the base URL changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tests.phones.peers import (
    ACCOUNT,
    AUTH,
    CONTENT,
    NUMBER,
    ONLY_SMS,
    SERVICE,
    TESS_PHONE,
    Application,
    Phones,
    Received,
)

TESS, OLGA = "Tess Technician", "Olga Operator"


def send(phones: Phones, body: str | None = "Lathe 1 stopped. Reply K7QX 1", **more: Any) -> Any:
    """Send an SMS to Tess."""
    return phones.twilio().messages.create(**({"to": TESS_PHONE, "from_": NUMBER, "body": body} | more))


def signed(application: Application, got: Received, token: str = AUTH) -> bool:
    """Whether the vendor's own validator takes the webhook."""
    validator = RequestValidator(token)  # type: ignore[no-untyped-call]
    url = application.url + got.path
    return bool(validator.validate(url, got.form, got.headers.get("x-twilio-signature", "")))  # type: ignore[no-untyped-call]


def code(call: Any) -> int:
    """The code of the refusal."""
    with pytest.raises(TwilioRestException) as caught:
        call()
    return caught.value.code or 0


def test_a_message_is_accepted_delivered_and_reported(phones: Phones, application: Application) -> None:
    sent = send(phones, status_callback=f"{application.url}/twilio/status?outbox=7")
    assert (sent.status, sent.direction, sent.num_segments) == ("queued", "outbound-api", "1")
    assert sent.sid.startswith("SM")
    phones.until(lambda: len(application.received) == 3)
    assert [got.form["MessageStatus"] for got in application.received] == ["queued", "sent", "delivered"]
    assert all(signed(application, got) for got in application.received)
    assert not signed(application, application.received[0], "another-token")
    assert {got.form["MessageSid"] for got in application.received} == {sent.sid}
    assert {got.form["AccountSid"] for got in application.received} == {ACCOUNT}
    fetched: Any = phones.twilio().messages(sent.sid).fetch()
    assert (fetched.status, fetched.body) == ("delivered", sent.body)
    assert phones.get("violations") == []


def test_a_list_is_filtered_and_paged(phones: Phones) -> None:
    sids = [send(phones, f"n{n}").sid for n in range(7)]
    send(phones, "other", to=ONLY_SMS)
    client = phones.twilio()
    since = datetime.now(UTC) - timedelta(minutes=1)
    listed = client.messages.list(to=TESS_PHONE, from_=NUMBER, date_sent_after=since, page_size=3)
    assert [m.sid for m in listed] == sids[::-1]
    assert client.messages.list(date_sent_before=since) == []
    assert client.messages.list(date_sent_after=datetime.now(UTC) + timedelta(minutes=1)) == []
    assert [m.body for m in client.messages.list(to=ONLY_SMS)] == ["other"]
    assert len(client.messages.list(limit=2)) == 2


def test_a_service_picks_the_sender_and_content_is_filled_in(phones: Phones) -> None:
    sent = send(
        phones,
        messaging_service_sid=SERVICE,
        from_=None,
        body=None,
        content_sid=CONTENT,
        content_variables='{"1": "JO-1001"}',
    )
    assert (sent.from_, sent.body, sent.status) == (NUMBER, "Order JO-1001 is late", "accepted")


@pytest.mark.parametrize(
    "body, segments", [("x" * 160, 1), ("x" * 161, 2), ("ž" * 70, 1), ("ž" * 71, 2), ("€" * 81, 2), ("x" * 1600, 11)]
)
def test_segments_are_counted(phones: Phones, body: str, segments: int) -> None:
    assert send(phones, body).num_segments == str(segments)


def test_a_reply_arrives_as_a_signed_form(phones: Phones, application: Application) -> None:
    application.answer = lambda _: (204, "text/xml", "")
    said = phones.person(OLGA, "sms", body="K7QX 1")
    assert said["ok"]
    (got,) = application.received
    assert got.path == "/twilio/inbound"
    assert signed(application, got)
    assert (got.form["From"], got.form["To"], got.form["Body"]) == (ONLY_SMS, NUMBER, "K7QX 1")
    assert {got.form[name] for name in ("MessageSid", "SmsSid", "SmsMessageSid")} == {said["sid"]}
    assert (got.form["NumMedia"], got.form["NumSegments"], got.form["AccountSid"]) == ("0", "1", ACCOUNT)
    assert got.form["FromCity"] == ""
    assert phones.get("violations") == []


@pytest.mark.parametrize(
    "kind, text, read",
    [
        ("text/xml", "<Response><Message>Thank you &amp; &lt;3</Message></Response>", ["Thank you & <3"]),
        ("text/xml", "<Response><Message><Body>a</Body></Message><Message>b</Message></Response>", ["a", "b"]),
        ("text/xml", "<Response/>", []),
        ("text/plain", "OK", ["OK"]),
    ],
)
def test_the_answer_to_a_reply_is_read_as_twilio_reads_it(
    phones: Phones, application: Application, kind: str, text: str, read: list[str]
) -> None:
    application.answer = lambda _: (200, kind, text)
    phones.person(TESS, "sms", body="K7QX 1")
    received = [m["text"] for m in phones.screen(TESS)["messages"] if m["direction"] == "received"]
    assert received == read
    assert phones.get("violations") == []


@pytest.mark.parametrize(
    "status, kind, text, error",
    [
        (200, "application/json", '{"ok": true}', "12300"),
        (200, "text/xml", "<Response>", "12100"),
        (200, "text/xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><Response/>", "12100"),
        (200, "text/xml", "<Answer/>", "12200"),
        (200, "text/xml", "<Response><Dial/></Response>", "12200"),
        (200, "text/xml", f"<Response><Message>{'x' * 1601}</Message></Response>", "21617"),
        (200, "text/xml", "<Response><Message/></Response>", "21602"),
        (403, "text/plain", "no", "11200"),
        (500, "text/plain", "boom", "11200"),
    ],
)
def test_a_bad_answer_to_a_reply_is_a_violation(
    phones: Phones, application: Application, status: int, kind: str, text: str, error: str
) -> None:
    application.answer = lambda _: (status, kind, text)
    phones.person(TESS, "sms", body="K7QX 1")
    assert [(v["kind"], v["error"]) for v in phones.get("violations")] == [("answer", error)]


@pytest.mark.parametrize(
    "word", ["STOP", "stop", " Unsubscribe ", "CANCEL", "QUIT", "END", "STOPALL", "REVOKE", "OPTOUT"]
)
def test_stop_stops_until_start(phones: Phones, application: Application, word: str) -> None:
    phones.person(TESS, "sms", body=word)
    assert phones.screen(TESS)["opted_out"]
    assert application.received[-1].form["Body"] == word
    assert code(lambda: send(phones)) == 21610
    phones.person(TESS, "sms", body="START")
    send(phones)
    counted = phones.get("counters")[TESS]
    assert (counted["sms"], counted["sms_by_twilio"]) == (1, 2)


def test_help_is_answered_by_twilio_itself(phones: Phones, application: Application) -> None:
    phones.person(TESS, "sms", body="HELP")
    assert phones.get("counters")[TESS]["sms_by_twilio"] == 1
    assert not phones.screen(TESS)["opted_out"]


def test_an_undeliverable_message_is_reported_with_its_code(phones: Phones, application: Application) -> None:
    phones.do("outcomes", phone=TESS_PHONE, status="undelivered", error_code=30003)
    send(phones, status_callback=f"{application.url}/status")
    phones.until(lambda: len(application.received) == 3)
    last = application.received[-1].form
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")


@pytest.mark.parametrize("refusal", [21610, 21614, 21408])
def test_a_number_refuses_on_order_once(phones: Phones, refusal: int) -> None:
    phones.do("outcomes", phone=TESS_PHONE, refuse=refusal)
    assert code(lambda: send(phones)) == refusal
    send(phones)


@pytest.mark.parametrize(
    "kind, holds",
    [
        ("wrong_secret", lambda app, got: not signed(app, got)),
        ("unsigned", lambda app, got: not signed(app, got)),
        ("tampered", lambda app, got: not signed(app, got)),
        ("wrong_account", lambda app, got: signed(app, got) and got.form["AccountSid"] != ACCOUNT),
    ],
)
def test_a_webhook_is_spoiled_on_order_once(phones: Phones, application: Application, kind: str, holds: Any) -> None:
    phones.do("sabotage", vendor="twilio", kind=kind, callback="inbound")
    phones.person(TESS, "sms", body="K7QX 1")
    phones.person(TESS, "sms", body="K7QX 1")
    spoiled, good = application.received
    assert holds(application, spoiled)
    assert signed(application, good)
    assert good.form["AccountSid"] == ACCOUNT


def test_a_body_is_redacted_and_a_message_deleted(phones: Phones) -> None:
    client = phones.twilio()
    sent = send(phones)
    assert client.messages(sent.sid).update(body="").body == ""
    phones.until(lambda: str(client.messages(sent.sid).fetch().status) == "delivered")
    assert client.messages(sent.sid).delete()
    assert code(lambda: client.messages(sent.sid).fetch()) == 20404


def test_a_scheduled_message_is_canceled(phones: Phones) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    sent = send(phones, from_=None, messaging_service_sid=SERVICE, schedule_type="fixed", send_at=at)
    assert sent.status == "scheduled"
    assert sent.update(status="canceled").status == "canceled"


def test_the_account_answers(phones: Phones) -> None:
    assert str(phones.twilio().api.accounts(ACCOUNT).fetch().status) == "active"


def test_too_many_calls_are_refused(phones: Phones) -> None:
    phones.configure(twilio={"calls_per_second": 0.01})
    assert code(lambda: send(phones)) == 20429
