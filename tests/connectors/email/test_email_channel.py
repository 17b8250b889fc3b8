"""E-mail: what a mail server gets, what its refusals mean, and what cannot be smuggled into a header."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors.email.config import EmailConfig
from connectors.email.connector import build
from connectors.email.manifest import build as build_from_settings
from connectors.roles import CallbackRequest, SentMessage
from domain.errors import (
    AuthError,
    InvalidPayloadError,
    InvariantError,
    MosError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from tests.connectors.email.lab import PASSWORD, PERSON, EmailLab, config, email_lab

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
async def lab() -> AsyncIterator[EmailLab]:
    async with email_lab() as lab:
        yield lab


async def test_both_forms_reach_the_person(lab: EmailLab) -> None:
    sent = await lab.channel.send(lab.message("msg_1", "Größe falsch: Presse 2"))
    [mail] = lab.mailbox.taken
    assert mail["To"] == PERSON
    assert mail["Subject"] == "Größe falsch: Presse 2"
    assert mail["Message-ID"] == sent.vendor_id
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "Größe falsch: Presse 2"
    assert html.get_content().strip() == "<p>Größe falsch: Presse 2</p>"


async def test_second_attempt_carries_the_same_message_id(lab: EmailLab) -> None:
    lab.mailbox.drop = True
    with pytest.raises(OutcomeUnknownError):
        await lab.channel.send(lab.message("msg_1"))
    assert lab.channel.can_find is False
    assert await lab.channel.find(lab.message("msg_1"), NOW) is None
    lab.mailbox.drop = False
    await lab.channel.send(lab.message("msg_1"))
    await lab.channel.send(lab.message("msg_2"))
    first, again, other = (mail["Message-ID"] for mail in lab.mailbox.taken)
    assert first == again != other


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer, error", [("451 later", TransientError), ("550 no", RejectedError)])
async def test_refusals_say_whether_to_try_again(lab: EmailLab, step: str, answer: str, error: type[MosError]) -> None:
    lab.mailbox.refuse = {step: answer}
    with pytest.raises(error) as caught:
        await lab.channel.send(lab.message("msg_1"))
    assert lab.mailbox.taken == []
    if error is RejectedError:
        assert caught.value.code == "email.550"


async def test_log_in() -> None:
    async with email_lab(username="mos", password=PASSWORD) as lab:
        await lab.channel.send(lab.message("msg_1"))
        assert len(lab.mailbox.taken) == 1
    async with email_lab(username="mos", password="wrong") as lab:
        with pytest.raises(AuthError):
            await lab.channel.send(lab.message("msg_1"))


async def test_unreachable_is_transient() -> None:
    async with email_lab() as lab:
        with pytest.raises(TransientError):
            await build(config(1)).send(lab.message("msg_1"))


async def test_starttls_is_never_given_up(lab: EmailLab) -> None:
    with pytest.raises((RejectedError, TransientError)):
        await build(config(lab.port, security="starttls")).send(lab.message("msg_1"))
    assert lab.mailbox.taken == []


@pytest.mark.parametrize(
    "address",
    [
        "petr@example.com\r\nBcc: all@example.com",
        "petr@example.com, all@example.com",
        "Petr <petr@example.com>",
        "petr@example.com\nRCPT TO:<evil@example.com>",
        "",
        "petr",
    ],
)
async def test_only_one_plain_address_is_written_to(lab: EmailLab, address: str) -> None:
    with pytest.raises(RejectedError):
        await lab.channel.send(replace(lab.message("msg_1"), address=address))
    assert lab.mailbox.taken == []


async def test_what_people_wrote_cannot_end_a_header(lab: EmailLab) -> None:
    await lab.channel.send(lab.message("msg_1", "Lathe\r\nBcc: all@example.com\r\n\r\nbody\u2028x\x00"))
    [mail] = lab.mailbox.taken
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Lathe Bcc: all@example.com body x"


async def test_a_line_with_a_dot_alone_does_not_end_the_mail(lab: EmailLab) -> None:
    text = "Lathe 1\r\n.\r\nMAIL FROM:<evil@example.com>"
    await lab.channel.send(replace(lab.message("msg_1"), payload={"subject": "Lathe 1", "text": text}))
    [mail] = lab.mailbox.taken
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Lathe 1", ".", "MAIL FROM:<evil@example.com>"]


@pytest.mark.parametrize("payload", [{}, {"subject": "x"}, {"subject": " ", "text": "x"}, {"subject": "x", "text": ""}])
async def test_message_without_content_never_leaves(lab: EmailLab, payload: dict[str, str]) -> None:
    with pytest.raises(InvalidPayloadError):
        await lab.channel.send(replace(lab.message("msg_1"), payload=payload))
    assert lab.mailbox.taken == []


async def test_one_way(lab: EmailLab) -> None:
    request = CallbackRequest("/email", "https://mos.example.com/email", {}, b"", NOW)
    with pytest.raises(AuthError):
        lab.channel.verify(request)
    with pytest.raises(AuthError):
        lab.channel.read(request)
    with pytest.raises(InvariantError):
        await lab.channel.edit(SentMessage("1"), lab.message("msg_1"))


async def test_c7_secrets_show_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with email_lab(username="mos", password=PASSWORD) as lab:
        shown = [repr(lab.channel), repr(vars(lab.channel)), repr(config(lab.port, username="a", password=PASSWORD))]
        lab.mailbox.refuse = {"RCPT": "550 no"}
        with pytest.raises(MosError) as caught:
            await lab.channel.send(lab.message("msg_1"))
        shown += [repr(caught.value), caught.value.detail, caplog.text]
    assert PASSWORD not in "\n".join(shown)


@pytest.mark.parametrize(
    "change",
    [
        {"security": "none", "host": "mail.example.com"},
        {"username": "mos"},
        {"sender": "mos"},
        {"sender": "mos@example.com\r\nX: y"},
        {"sender_name": "a\nb"},
    ],
)
def test_settings_that_are_not_safe_are_refused(change: dict[str, str]) -> None:
    right = {"host": "127.0.0.1", "sender": "mos@example.com"}
    assert build_from_settings(right).name == "email"
    with pytest.raises(ValidationError):
        EmailConfig.model_validate({**right, **change})
