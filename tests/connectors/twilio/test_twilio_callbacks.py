"""Callbacks: which bytes are believed (contracts C4, C5) and what delivery states say."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from connectors.roles import CallbackRequest
from connectors.twilio.connector import TwilioChannel, build
from domain.errors import AuthError, InvalidPayloadError
from tests.connectors.twilio.lab import ACCOUNT, PERSON, PUBLIC, config, delivery, signature, signed, signed_json, sms

STATUS = "/twilio/status?key=msg_1%3A2"


@pytest.fixture
def channel() -> TwilioChannel:
    return build(config("http://127.0.0.1:1"))


def test_unknown_parameters_and_blank_ones_are_part_of_the_signature(channel: TwilioChannel) -> None:
    channel.verify(signed(sms(NewParameterOfTwilio="", ProfileName="Ján & Žofie")))


@pytest.mark.parametrize("url", [PUBLIC + ":443/twilio/inbound", PUBLIC + "/twilio/inbound"])
def test_url_is_signed_with_or_without_port(channel: TwilioChannel, url: str) -> None:
    channel.verify(signed(sms(), signed_url=url))


@pytest.mark.parametrize(
    "request_",
    [
        signed(sms(), secret="another token"),
        signed(sms(), signed_url="https://mos.example.com/twilio/status"),
        signed(sms(), signed_url="http://mos.example.com/twilio/inbound"),
        signed(sms(), signed_url="https://evil.example/twilio/inbound"),
        signed(sms(), algorithm="sha256"),
        replace(signed(sms()), body=urlencode(sms(Body="K7QP 1")).encode()),
        replace(signed(sms()), body=signed(sms()).body.replace(b"FromCity=&", b"")),
        replace(signed(sms()), body=b"Body=%ff%fe"),
        replace(signed(sms()), body=b"&".join(b"a%d=1" % number for number in range(500))),
        signed_json(b'{"Body": "K7QP ok"}', claimed=None),
        signed_json(b'{"Body": "K7QP ok"}', claimed=b'{"Body": "other"}'),
    ],
)
def test_forgeries_are_refused(channel: TwilioChannel, request_: CallbackRequest) -> None:
    with pytest.raises(AuthError):
        channel.verify(request_)


@pytest.mark.parametrize("value", ["", "é", "☃" * 28, "A" * 10_000])
def test_garbage_signature_is_refused_not_raised(channel: TwilioChannel, value: str) -> None:
    request = signed(sms())
    with pytest.raises(AuthError):
        channel.verify(replace(request, headers={**request.headers, "x-twilio-signature": value}))


def test_header_never_chooses_the_algorithm() -> None:
    strict = build(config("http://127.0.0.1:1", signature="HMAC_SHA256"))
    strict.verify(signed(sms(), algorithm="sha256"))
    weak = signed(sms(), algorithm="sha1")
    asking = {**weak.headers, "x-twilio-webhooks-signature-settings": "key=x,algorithm=HMAC_SHA1"}
    with pytest.raises(AuthError):
        strict.verify(replace(weak, headers=asking))


def test_signed_json_is_believed_but_is_no_message(channel: TwilioChannel) -> None:
    request = signed_json(b'{"Body": "x"}', claimed=b'{"Body": "x"}')
    channel.verify(request)
    with pytest.raises(InvalidPayloadError):
        channel.read(request)
    assert channel.status(request) is None


def test_repeated_parameter_is_not_chosen_from(channel: TwilioChannel) -> None:
    request = signed(sms())
    twice = replace(request, body=request.body + b"&" + urlencode({"AccountSid": ACCOUNT}).encode())
    with pytest.raises(AuthError):
        channel.verify(twice)  # the signature covers a repeated equal value once: it would hold


def test_own_messaging_service_is_ours() -> None:
    service = "MG" + "d" * 32
    channel = build(config("http://127.0.0.1:1", messaging_service_sid=service))
    channel.verify(signed(sms(To="+420910000777", MessagingServiceSid=service)))
    with pytest.raises(AuthError):
        channel.verify(signed(sms(To="+420910000777", MessagingServiceSid="MG" + "e" * 32)))


def test_delivery_state_names_our_key(channel: TwilioChannel) -> None:
    request = signed(delivery(MessageStatus="undelivered", ErrorCode="30003"), STATUS)
    channel.verify(request)
    assert channel.read(request) == []
    state = channel.status(request)
    assert state is not None
    assert (state.key, state.status, state.error_code) == ("msg_1:2", "undelivered", "30003")
    assert channel.status(signed(sms())) is None


@pytest.mark.parametrize(
    "status, code, delivered, failure",
    [
        ("queued", "", False, ""),
        ("sent", "", False, ""),
        ("delivered", "", True, ""),
        ("read", "", True, ""),
        ("undelivered", "30003", False, "Not delivered: the phone is off or out of reach (Twilio: undelivered 30003)."),
        ("failed", "39999", False, "Not delivered: no reason is known (Twilio: failed 39999)."),
        ("canceled", "", False, "Not delivered: no reason is known (Twilio: canceled)."),
        ("a_state_of_tomorrow", "", False, ""),
    ],
)
def test_a_delivery_state_says_whether_and_why_not(
    channel: TwilioChannel, status: str, code: str, delivered: bool, failure: str
) -> None:
    report = channel.status(signed(delivery(MessageStatus=status, ErrorCode=code), STATUS))
    assert report is not None
    assert (report.delivered, report.failure) == (delivered, failure)


def test_ranks_only_rise_along_a_messages_life(channel: TwilioChannel) -> None:
    states = [channel.status(signed(delivery(MessageStatus=name), STATUS)) for name in LIFE]
    ranks = [state.rank for state in states if state]
    assert ranks == sorted(ranks)
    assert len(ranks) == len(LIFE)


LIFE = ["accepted", "queued", "sending", "sent", "delivered", "read"]


def test_sms_is_read_as_its_sender_says_it(channel: TwilioChannel) -> None:
    [message] = channel.read(signed(sms(Body=" k7qp   No,\n at the dentist ", ProfileName="The plant manager")))
    assert (message.address, message.task, message.verb) == (PERSON, "K7QP", "decline")
    assert message.fields == {"reason": "at the dentist"}
    assert message.text == "k7qp No, at the dentist"


@pytest.mark.parametrize("missing", ["MessageSid", "From", "Body"])
def test_sms_without_a_part_goes_to_the_quarantine(channel: TwilioChannel, missing: str) -> None:
    fields = {name: value for name, value in sms().items() if name != missing}
    request = signed(fields)
    channel.verify(request)
    with pytest.raises(InvalidPayloadError):
        channel.read(request)


def test_lab_signs_as_twilios_published_example() -> None:
    """twilio.com/docs/usage/security, validating requests: the example with token 12345."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310"}
    assert signature(url, {**fields, "To": "+18005551212"}, "12345") == "GvWf1cFY/Q7PnoempGyD5oXAezc="
