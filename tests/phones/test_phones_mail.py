"""The mail server with aiosmtplib: mailboxes, refusals, faults, and the same Message-ID twice."""

import ssl
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from tests.phones.peers import MAILBOX, PATIENCE, Phones

NAME = "Tess Technician"
LOGIN = {"username": "mos", "password": "a-mail-password"}


def written(**headers: str | None) -> EmailMessage:
    """A message that a server takes; a header of None is left out."""
    message = EmailMessage()
    known = {"From": "Plant <mos@plant.example>", "To": MAILBOX, "Subject": "Lathe 1 stopped"}
    known |= {"Date": "Sun, 22 Nov 2026 08:00:00 +0000", "Message-ID": "<out_1@plant.example>"}
    for name, value in {**known, **{k.replace("_", "-"): v for k, v in headers.items()}}.items():
        if value is not None:
            message[name] = value
    message.set_content("Go to the machine.\n")
    return message


async def send(phones: Phones, message: EmailMessage, to: str = MAILBOX, **more: Any) -> Any:
    """Send by the vendor-neutral client."""
    host, _, port = phones.address("email").partition(":")
    return await aiosmtplib.send(
        message, hostname=host, port=int(port), recipients=[to], sender="mos@plant.example", timeout=PATIENCE, **more
    )


async def send_raw(phones: Phones, text: str) -> Any:
    """Send exactly these bytes."""
    host, _, port = phones.address("email").partition(":")
    async with aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False, timeout=PATIENCE) as client:
        return await client.sendmail("mos@plant.example", [MAILBOX], text.encode())


async def test_a_message_lies_in_the_mailbox(phones: Phones) -> None:
    await send(phones, written())
    shown = phones.screen(NAME)["messages"]
    assert [(m["via"], m["subject"], m["text"].strip(), m["times"]) for m in shown] == [
        ("email", "Lathe 1 stopped", "Go to the machine.", 1)
    ]
    assert phones.get("counters")[NAME]["mail"] == 1
    assert phones.get("violations") == []


async def test_the_same_message_id_is_shown_as_a_repetition(phones: Phones) -> None:
    for _ in range(2):
        await send(phones, written())
    await send(phones, written(Message_ID="<out_2@plant.example>"))
    assert [m["times"] for m in phones.screen(NAME)["messages"]] == [2, 1]
    assert phones.get("counters")[NAME]["mail"] == 3


HEAD = ["From: a@plant.example", f"To: {MAILBOX}", "Date: Sun, 22 Nov 2026 08:00:00 +0000", "Subject: x"]
IDENTITY = "Message-ID: <x@plant.example>"


@pytest.mark.parametrize(
    "lines, said",
    [
        pytest.param(HEAD, "Message-ID", id="no message id"),
        pytest.param([*HEAD[1:], IDENTITY], "From", id="no from"),
        pytest.param([HEAD[0], *HEAD[2:], IDENTITY], "To", id="no to"),
        pytest.param([*HEAD[:2], HEAD[3], IDENTITY], "Date", id="no date"),
        pytest.param([*HEAD[:3], IDENTITY], "Subject", id="no subject"),
        pytest.param([*HEAD, IDENTITY, "Subject: y"], "twice", id="two subjects"),
        pytest.param([*HEAD, IDENTITY, HEAD[0]], "twice", id="two senders"),
        pytest.param([*HEAD, "Message-ID: out-1"], "left@right", id="message id without brackets"),
        pytest.param([*HEAD, IDENTITY, "X-Long: " + "x" * 1100], "ong", id="long line"),
        pytest.param([*HEAD, IDENTITY, "Content-Type: application/pdf"], "no text", id="no text"),
    ],
)
async def test_messages_that_are_refused(phones: Phones, lines: list[str], said: str) -> None:
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send_raw(phones, "\r\n".join([*lines, "", "x", ""]))
    assert refused.value.code in (500, 550)
    assert said in refused.value.message
    assert [(v["vendor"], v["kind"]) for v in phones.get("violations")] == [("email", "request")]
    assert phones.screen(NAME)["messages"] == []


async def test_an_unknown_mailbox_is_refused(phones: Phones) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(phones, written(), "nobody@plant.example")
    assert [v["kind"] for v in phones.get("violations")] == ["state"]


@pytest.mark.parametrize(
    "kind, method, code",
    [
        ("rate_limit", "DATA", 450),
        ("server_error", "DATA", 451),
        ("reject", "DATA", 554),
        ("server_error", "MAIL", 451),
        ("reject", "MAIL", 554),
    ],
)
async def test_ordered_refusals_are_no_violations(phones: Phones, kind: str, method: str, code: int) -> None:
    phones.do("faults", vendor="email", kind=kind, method=method)
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(phones, written())
    assert refused.value.code == code
    await send(phones, written())
    assert len(phones.screen(NAME)["messages"]) == 1
    assert phones.get("violations") == []


async def test_an_answer_lost_after_data_leaves_the_message(phones: Phones) -> None:
    phones.do("faults", vendor="email", kind="drop_after", method="DATA")
    with pytest.raises(aiosmtplib.SMTPException):
        await send(phones, written())
    assert [m["times"] for m in phones.screen(NAME)["messages"]] == [1]
    await send(phones, written())
    assert [m["times"] for m in phones.screen(NAME)["messages"]] == [2]


async def test_a_connection_cut_before_data_leaves_nothing(phones: Phones) -> None:
    phones.do("faults", vendor="email", kind="drop_before", method="DATA")
    with pytest.raises(aiosmtplib.SMTPException):
        await send(phones, written())
    assert phones.screen(NAME)["messages"] == []


async def test_a_login_is_asked_for_over_starttls(phones: Phones) -> None:
    trusted = ssl.create_default_context()
    phones.configure(email=LOGIN | {"starttls": True})
    try:
        with pytest.raises(aiosmtplib.SMTPException):
            await send(phones, written(), start_tls=False)
        trusted.load_verify_locations(cafile=str(phones.folder / "data" / "mail.pem"))
        tls: dict[str, Any] = {"start_tls": True, "tls_context": trusted}
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(phones, written(), **tls, username="mos", password="wrong")
        assert phones.screen(NAME)["messages"] == []
        await send(phones, written(), **tls, **LOGIN)
        assert len(phones.screen(NAME)["messages"]) == 1
    finally:
        phones.configure(email={"username": None, "password": "", "starttls": False})
    assert {v["error"] for v in phones.get("violations")} == {"530", "535"}


async def test_a_mail_server_that_is_down_refuses_connections(phones: Phones) -> None:
    phones.do("outages", vendor="email")
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await send(phones, written())
    phones.http.delete("/control/outages/email").raise_for_status()
    await send(phones, written())
