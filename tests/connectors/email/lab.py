"""A mail server in this process (aiosmtpd) that keeps what it takes and can misbehave at each step."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connectors.email.config import EmailConfig
from connectors.email.connector import EmailChannel, build
from connectors.roles import ChannelMessage
from domain.values import Json
from tests.conformance.channel.recorder import HASTY_S, PATIENT_S, Fault

PERSON, PASSWORD = "petr@example.com", "very-secret-password"


@dataclass
class Mailbox:
    """`refuse`: step (MAIL, RCPT, DATA) -> the answer instead of 250; `drop`: close after DATA was taken."""

    taken: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    faults: deque[Fault] = field(default_factory=deque)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Fault | None = None

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.fault = self.faults.popleft() if self.faults else None
        if self.fault is Fault.REFUSED_AUTH:
            return "530 5.7.0 authentication required"
        if self.fault is Fault.REFUSED_RATE:
            return "451 4.7.1 too many mails"
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault is Fault.REFUSED_ADDRESS:
            return "550 5.1.1 no such mailbox"
        if "RCPT" in self.refuse:
            return self.refuse["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        if self.fault is Fault.SILENT:
            await self.closing.wait()
        if self.fault in (Fault.BROKEN, Fault.GARBLED):
            return "554 5.3.0 broken"
        if self.drop or self.fault is Fault.DROPPED:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 taken"


def config(port: int, **more: Json) -> EmailConfig:
    settings: dict[str, Any] = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "mos@example.com"}
    return EmailConfig.model_validate({**settings, "timeout": PATIENT_S, **more})


@dataclass
class EmailLab:
    """A channel beside its mail server."""

    patient: EmailChannel
    hasty: EmailChannel
    mailbox: Mailbox
    port: int
    secrets: list[str] = field(default_factory=lambda: [PASSWORD])

    @property
    def channel(self) -> EmailChannel:
        return self.hasty if Fault.SILENT in self.mailbox.faults else self.patient

    def message(self, key: str, text: str = "Lathe 1 is down") -> ChannelMessage:
        return ChannelMessage(key, PERSON, {"subject": text, "text": text, "html": f"<p>{text}</p>"})

    def delivered(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mailbox.taken]

    def fail(self, *faults: Fault) -> None:
        self.mailbox.faults.extend(faults)

    def unreachable(self) -> EmailChannel:
        return build(config(1))


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=right)


@asynccontextmanager
async def email_lab(**more: Json) -> AsyncIterator[EmailLab]:
    mailbox, server = Mailbox(), None
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        return SMTP(mailbox, hostname="mail.example.com", authenticator=_login, auth_require_tls=False, loop=loop)

    server = await loop.create_server(make, "127.0.0.1", 0, family=socket.AF_INET)
    port = server.sockets[0].getsockname()[1]
    try:
        patient, hasty = build(config(port, **more)), build(config(port, **({"timeout": HASTY_S} | more)))
        yield EmailLab(patient, hasty, mailbox, port)
    finally:
        mailbox.closing.set()
        server.close()
