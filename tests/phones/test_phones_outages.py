"""Vendors that are down refuse connections, callbacks come late and twice, and 429 names its patience."""

import socket
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.phones.peers import ACCOUNT, AUTH, NUMBER, PATIENCE, TESS, TESS_PHONE, TOKEN, Application, Phones
from tests.support.vendor_rules import assert_rules_kept

NAME = "Tess Technician"


def own_slack(phones: Phones) -> WebClient:
    """Slack on a port of its own."""
    return WebClient(
        TOKEN, base_url=f"http://{phones.address('slack')}/slack/api/", timeout=PATIENCE, retry_handlers=[]
    )


def own_twilio(phones: Phones) -> Client:
    """Twilio on a port of its own."""
    client = Client(ACCOUNT, AUTH)  # type: ignore[no-untyped-call]
    client.api.base_url = f"http://{phones.address('twilio')}/twilio"
    return client


def refuses(address: str) -> bool:
    """Whether nobody listens."""
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def test_slack_that_is_down_refuses_connections_and_comes_back(phones: Phones) -> None:
    own_slack(phones).chat_postMessage(channel=TESS, text="before")
    phones.do("outages", vendor="slack")
    assert refuses(phones.address("slack"))
    assert refuses(phones.address("socket"))
    assert not refuses(phones.address("twilio"))
    with pytest.raises(OSError, match="refused"):
        own_slack(phones).chat_postMessage(channel=TESS, text="during")
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{phones.url}/slack/api/auth.test", timeout=PATIENCE)
    phones.http.delete("/control/outages/slack").raise_for_status()
    own_slack(phones).chat_postMessage(channel=TESS, text="after")
    assert [m["text"] for m in phones.screen(NAME)["messages"]] == ["before", "after"]


def test_twilio_that_is_down_refuses_connections(phones: Phones) -> None:
    phones.do("outages", vendor="twilio")
    with pytest.raises(requests.ConnectionError):
        own_twilio(phones).messages.create(to=TESS_PHONE, from_=NUMBER, body="x")
    phones.http.delete("/control/orders").raise_for_status()
    own_twilio(phones).messages.create(to=TESS_PHONE, from_=NUMBER, body="x")


def test_an_outage_outlives_a_restart(phones: Phones) -> None:
    phones.do("outages", vendor="slack")
    phones.stop(kill=True)
    phones.start()
    assert refuses(phones.address("slack"))
    phones.http.delete("/control/outages/slack").raise_for_status()
    assert not refuses(phones.address("slack"))


@pytest.mark.parametrize("method", ["Messages.create", "Calls.create"])
def test_twilio_says_how_long_to_wait(phones: Phones, method: str) -> None:
    phones.do("faults", vendor="twilio", kind="rate_limit", method=method, retry_after=7)
    kind = method.partition(".")[0]
    path = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/{kind}.json"
    answer = phones.http.post(path, data={"To": TESS_PHONE}, auth=(ACCOUNT, AUTH))
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "7", 20429)


def test_a_call_whose_answer_is_lost_was_placed(phones: Phones, application: Application) -> None:
    phones.do("faults", vendor="twilio", kind="drop_after", method="Calls.create")
    with pytest.raises(requests.ConnectionError):
        phones.twilio().calls.create(to=TESS_PHONE, from_=NUMBER, url=f"{application.url}/voice")
    assert len(phones.twilio().calls.list(to=TESS_PHONE)) == 1


@pytest.mark.parametrize("kind, seen", [("late", ["sent", "delivered", "queued"]), ("repeat", ["queued"] * 2)])
def test_status_callbacks_come_shuffled_and_twice(
    phones: Phones, application: Application, kind: str, seen: list[str]
) -> None:
    phones.do("sabotage", vendor="twilio", kind=kind, callback="status")
    phones.twilio().messages.create(to=TESS_PHONE, from_=NUMBER, body="x", status_callback=f"{application.url}/status")
    got: list[Any] = phones.until(lambda: len(application.received) >= 3 and application.received)
    assert [r.form["MessageStatus"] for r in got][: len(seen)] == seen


def test_only_mail_is_rejected_on_order(phones: Phones) -> None:
    refused = phones.http.post("/control/faults", json={"vendor": "slack", "kind": "reject", "tmes": 1})
    assert (refused.status_code, "body.tmes: is unknown here" in refused.json()["detail"]) == (422, True), refused.text
    refused = phones.http.patch("/control/settings", json={"twilio": {"webhook_seconds": "x"}})
    assert (refused.status_code, refused.json()) == (422, {"detail": "twilio.webhook_seconds: a number is needed"})
    assert phones.http.patch("/control/settings", json={}).json() == {"ok": True}, "what is refused is not kept"


def test_a_bad_kind_of_outcome_names_its_twilio_error(phones: Phones) -> None:
    phones.do("outcomes", phone=TESS_PHONE, channel="sms", refuse=30034)
    with pytest.raises(TwilioRestException) as refused:
        phones.twilio().messages.create(to=TESS_PHONE, from_=NUMBER, body="x")
    assert refused.value.code == 30034


def test_the_count_of_violations_and_the_helper_of_whole_runs_say_the_same(phones: Phones) -> None:
    assert_rules_kept(phones.url)
    phones.http.post("/slack/api/auth.test")
    with pytest.raises(TwilioRestException):
        phones.twilio().messages.create(to="+1", from_=NUMBER, body="x")
    assert phones.get("violations/count") == {"total": 2, "request": 2, "state": 0, "rate": 0, "answer": 0}
    with pytest.raises(AssertionError, match=r"2 violations(?s:.*)not_authed(?s:.*)21211"):
        assert_rules_kept(phones.url)
    assert_rules_kept(phones.url, ("state", "rate"))
