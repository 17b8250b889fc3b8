"""WhatsApp with the vendor's own client: the session window, templates, quick replies, reading and media."""

import base64
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest.content.v1.content import ContentList

from tests.phones.peers import (
    ACCOUNT,
    AUTH,
    LANDLINE,
    NUMBER,
    PAUL_PHONE,
    TESS_PHONE,
    TESS_WHATSAPP,
    WHATSAPP,
    Application,
    Phones,
    signed,
)

NAME, HERS, OURS = "Tess Technician", f"whatsapp:{TESS_WHATSAPP}", f"whatsapp:{WHATSAPP}"
PNG = b"\x89PNG\r\n\x1a\n-not-a-whole-picture"


def template(phones: Phones, *titles: str, approve: bool = True, body: str = "Lathe 1 stopped: {{1}}. Go?") -> str:
    """The sid of a quick-reply template."""
    actions = [{"title": title, "id": f"{title}-{{{{2}}}}"} for title in titles or ("Accept", "Decline")]
    types = {"twilio/quick-reply": {"body": body, "actions": actions}}
    create = ContentList.ContentCreateRequest(
        {"friendly_name": "ask", "language": "en", "variables": {"1": "x", "2": "n"}, "types": types}
    )
    made: Any = phones.twilio().content.v1.contents.create(content_create_request=create)
    if approve:
        path = f"/twilio/v1/Content/{made.sid}/ApprovalRequests"
        asked = {"name": "ask_task", "category": "UTILITY"}
        phones.http.post(f"{path}/whatsapp", json=asked, auth=(ACCOUNT, AUTH)).raise_for_status()
        phones.until(lambda: _judged(phones, made.sid) != "received")
    return str(made.sid)


def _judged(phones: Phones, sid: str) -> str:
    found: Any = phones.twilio().content.v1.contents(sid).approval_fetch().fetch().whatsapp
    return str(found["status"])


def send(phones: Phones, application: Application, **more: Any) -> Any:
    """A WhatsApp message, settled."""
    more = {"to": HERS, "from_": OURS, "status_callback": f"{application.url}/status", **more}
    made: Any = phones.twilio().messages.create(**more)
    done = ("delivered", "failed", "undelivered", "read")
    return phones.until(lambda: str((now := phones.twilio().messages(made.sid).fetch()).status) in done and now)


def test_free_text_outside_the_session_is_accepted_and_fails_by_callback(
    phones: Phones, application: Application
) -> None:
    settled = send(phones, application, body="Lathe 1 stopped")
    assert (settled.status, settled.error_code) == ("failed", 63016)
    last = phones.until(lambda: [r for r in application.received if r.form.get("ErrorCode")])[-1].form
    assert (last["MessageStatus"], last["ErrorCode"], last["ChannelPrefix"]) == ("failed", "63016", "whatsapp")
    assert phones.get("violations") == []


def test_a_message_of_the_person_opens_the_session(phones: Phones, application: Application) -> None:
    assert phones.person(NAME, "whatsapp", body="hello")["ok"]
    assert send(phones, application, body="Lathe 1 stopped").status == "delivered"
    phones.configure(twilio={"session_seconds": 0.0})
    try:
        assert send(phones, application, body="Still").error_code == 63016
    finally:
        phones.configure(twilio={"session_seconds": 86_400.0})


def test_an_approved_template_reaches_out_of_session_and_its_quick_reply_comes_back(
    phones: Phones, application: Application
) -> None:
    sid = template(phones)
    sent = send(phones, application, content_sid=sid, content_variables='{"1": "E42", "2": "tsk_1:3"}')
    assert (sent.status, sent.body) == ("delivered", "Lathe 1 stopped: E42. Go?")
    assert phones.person(NAME, "quick-reply", sid=sent.sid, payload="Accept-tsk_1:3")["ok"]
    inbound = [r for r in application.received if r.path == "/twilio/inbound"][-1]
    form = inbound.form
    assert (form["ButtonPayload"], form["ButtonText"], form["Body"]) == ("Accept-tsk_1:3", "Accept", "Accept")
    assert (form["OriginalRepliedMessageSid"], form["MessageType"]) == (sent.sid, "button")
    assert (form["ProfileName"], form["WaId"]) == (NAME, TESS_WHATSAPP.lstrip("+"))
    url = f"{application.url}/twilio/inbound"
    assert signed(url, form, inbound.headers["x-twilio-signature"])
    assert str(phones.twilio().messages(sent.sid).fetch().status) == "read"
    assert "read" in [r.form.get("MessageStatus") for r in application.received]


def test_a_template_without_approval_needs_the_session_and_three_buttons_at_most(
    phones: Phones, application: Application
) -> None:
    sid = template(phones, "A", "B", "C", "D", approve=False)
    assert send(phones, application, content_sid=sid).error_code == 63016
    phones.person(NAME, "whatsapp", body="hello")
    assert send(phones, application, content_sid=sid).error_code == 63013


@pytest.mark.parametrize("body", ["{{1}} stopped", "stopped {{1}}", "a {{1}} {{2}} b", "a {{9}} b"])
def test_whatsapp_rejects_templates_by_its_rules(phones: Phones, body: str) -> None:
    assert _judged(phones, template(phones, body=body)) == "rejected"


def test_a_variable_without_value_fails_by_callback(phones: Phones, application: Application) -> None:
    body = {"twilio/text": {"body": "Order {{7}} is late"}}
    made = phones.http.post("/twilio/v1/Content", json={"language": "en", "types": body}, auth=(ACCOUNT, AUTH)).json()
    assert send(phones, application, content_sid=made["sid"], content_variables='{"1": "x"}').error_code == 63028


def test_a_forwarded_message_says_so_and_has_no_payload(phones: Phones, application: Application) -> None:
    phones.person(NAME, "whatsapp", body="Accept", forwarded=True)
    form = application.received[-1].form
    assert form["Forwarded"] == "true"
    assert "ButtonPayload" not in form


@pytest.mark.parametrize(
    "changes, code, status",
    [
        pytest.param({"from_": NUMBER}, 21910, 400, id="two channels"),
        pytest.param({"to": TESS_PHONE}, 21910, 400, id="two channels the other way"),
        pytest.param({"from_": f"whatsapp:{NUMBER}"}, 63007, 400, id="no sender of ours"),
        pytest.param({"to": "whatsapp:420600100011"}, 21211, 400, id="no plus"),
        pytest.param({"to": "whatsapp:"}, 21211, 400, id="no number"),
        pytest.param({"body": "x" * 1601}, 21617, 400, id="too long"),
        pytest.param({"content_sid": "HX" + "0" * 32}, 21655, 400, id="no such template"),
        pytest.param({"content_variables": '{"1": "x"}'}, 21655, 400, id="variables alone"),
        pytest.param({"content_sid": "OURS", "content_variables": '["x"]'}, 21656, 400, id="a list of variables"),
        pytest.param({"content_sid": "OURS", "content_variables": '{"1": "a\\nb"}'}, 21656, 400, id="a newline"),
        pytest.param({"content_sid": "OURS", "content_variables": '{"1": "a\\tb"}'}, 21656, 400, id="a tab"),
        pytest.param({"to": LANDLINE, "from_": NUMBER}, 21614, 400, id="SMS to a landline"),
    ],
)
def test_messages_that_are_refused(phones: Phones, changes: dict[str, str], code: int, status: int) -> None:
    if changes.get("content_sid") == "OURS":
        changes = changes | {"content_sid": template(phones, approve=False)}
    with pytest.raises(TwilioRestException) as refused:
        phones.twilio().messages.create(**{"to": HERS, "from_": OURS, "body": "x", **changes})
    assert (refused.value.code, refused.value.status) == (code, status)
    assert [v["error"] for v in phones.get("violations")] == [str(code)]


QUICK: dict[str, Any] = {"body": "x", "actions": [{"title": "Go", "id": "go"}]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"types": {"twilio/text": {"body": "x"}}}, id="no language"),
        pytest.param({"language": "en"}, id="no types"),
        pytest.param({"language": "en", "types": {}}, id="empty types"),
        pytest.param({"language": "en", "types": {"twilio/buttons": {"body": "x"}}}, id="unknown type"),
        pytest.param({"language": "en", "types": {"twilio/text": {"text": "x"}}}, id="text without body"),
        pytest.param({"language": "en", "types": {"twilio/text": {"body": "x" * 1601}}}, id="long text"),
        pytest.param({"language": "en", "types": {"twilio/quick-reply": {"body": "x"}}}, id="no actions"),
        pytest.param({"language": "en", "types": {"twilio/quick-reply": QUICK | {"actions": []}}}, id="zero actions"),
        pytest.param(
            {"language": "en", "types": {"twilio/quick-reply": QUICK | {"actions": [{"title": "x"}] * 11}}}, id="11"
        ),
        pytest.param(
            {"language": "en", "types": {"twilio/quick-reply": QUICK | {"actions": [{"id": "x"}]}}}, id="no title"
        ),
        pytest.param(
            {"language": "en", "types": {"twilio/quick-reply": QUICK | {"actions": [{"title": "x" * 26}]}}}, id="title"
        ),
        pytest.param({"language": "en", "types": {"twilio/quick-reply": QUICK | {"body": "x" * 1025}}}, id="long body"),
        pytest.param({"language": "en", "types": {"twilio/text": {"body": "x"}}, "variables": {"1": 7}}, id="number"),
        pytest.param({"language": "en", "types": {"twilio/text": {"body": "x"}}, "colour": "red"}, id="unknown key"),
    ],
)
def test_templates_that_are_refused(phones: Phones, body: dict[str, Any]) -> None:
    answer = phones.http.post("/twilio/v1/Content", json=body, auth=(ACCOUNT, AUTH))
    assert (answer.status_code, answer.json()["code"]) == (400, 20422)


def test_templates_travel_as_json_and_are_listed_and_deleted(phones: Phones) -> None:
    assert phones.http.post("/twilio/v1/Content", data={"x": "y"}, auth=(ACCOUNT, AUTH)).json()["code"] == 20415
    sid = template(phones, approve=False)
    contents = phones.twilio().content.v1.contents
    assert [c.sid for c in contents.list()] == [sid]
    types: Any = contents(sid).fetch().types
    assert types["twilio/quick-reply"]["actions"][0]["title"] == "Accept"
    assert contents(sid).delete()
    assert contents.list() == []


def test_a_phone_that_is_switched_off_is_told_by_callback(phones: Phones, application: Application) -> None:
    settled = send(phones, application, to=PAUL_PHONE, from_=NUMBER, body="x")
    assert (settled.status, settled.error_code) == ("undelivered", 30003)


def test_a_number_without_whatsapp_fails_by_callback(phones: Phones, application: Application) -> None:
    assert send(phones, application, to=f"whatsapp:{PAUL_PHONE}", body="x").error_code == 63024


def test_a_picture_lies_behind_credentials_on_a_host_that_takes_none(phones: Phones, application: Application) -> None:
    picture = {"content_type": "image/png", "data": base64.b64encode(PNG).decode()}
    assert phones.person(NAME, "whatsapp", body="look", media=[picture])["ok"]
    form = application.received[-1].form
    assert (form["NumMedia"], form["MediaContentType0"], form["MessageType"]) == ("1", "image/png", "image")
    url = form["MediaUrl0"]
    assert urlsplit(url).path.startswith(
        f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages/{form['MessageSid']}/Media/ME"
    )
    with httpx.Client(trust_env=False) as client:
        assert client.get(url).status_code == 401
        moved = client.get(url, auth=(ACCOUNT, AUTH))
        assert moved.status_code == 307
        elsewhere = moved.headers["location"]
        assert urlsplit(elsewhere).netloc != urlsplit(url).netloc
        assert client.get(elsewhere).content == PNG
        assert client.get(elsewhere, auth=(ACCOUNT, AUTH)).status_code == 400
    assert [v["error"] for v in phones.get("violations")] == ["20003", "credentials_sent"]
    assert len(phones.twilio().messages(form["MessageSid"]).media.list()) == 1


def test_media_of_the_product_are_fetched(phones: Phones, application: Application) -> None:
    application.files["/plan.png"] = ("image/png", PNG)
    phones.person(NAME, "whatsapp", body="hello")
    sent = send(phones, application, body="Plan", media_url=[f"{application.url}/plan.png"])
    assert sent.status == "delivered"
    shown = phones.screen(NAME)["messages"][-1]
    assert phones.http.get(shown["files"][0]).content == PNG
    assert send(phones, application, body="Plan", media_url=[f"{application.url}/none"]).error_code == 63019
