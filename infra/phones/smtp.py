"""An SMTP server with the people's mailboxes (RFC 5321, 5322): strict about a message's form, spoiled on order."""

import asyncio
import ssl
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from infra.phones.certificate import make_certificate
from infra.phones.config import Email
from infra.phones.doors import Door
from infra.phones.faults import Fault, Orders
from infra.phones.records import Kind, Records
from infra.phones.state import Mail, State, new_id

_ONCE = ("From", "Date", "Message-ID", "Subject", "To", "Sender", "Reply-To", "Cc", "In-Reply-To", "References")
_REQUIRED = ("From", "Date", "Message-ID", "To", "Subject")
_LINE = 998  # octets without CRLF, RFC 5322 2.1.1
_ORDERED = " (on order)"


class Mailboxes:
    """aiosmtpd's handler: recipients, messages, and the faults that were ordered for them."""

    def __init__(self, state: State, orders: Orders, records: Records, data: Path) -> None:
        self.state, self.orders, self.records, self.data = state, orders, records, data
        self.live: set[asyncio.BaseTransport] = set()

    async def prepare(self, port: int) -> Door:
        """The door of the server, still closed."""
        return Door(port, self._protocol, lambda: self.live)

    def _protocol(self) -> "Server":
        settings, context = self.state.config.email, None
        if settings.starttls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*make_certificate(self.data))
        return Server(self, settings, context)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        if refusal := await self._fault("MAIL", session):
            return refusal
        envelope.mail_from, envelope.mail_options = address, [*envelope.mail_options, *options]
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO: a mailbox of this place."""
        if refusal := await self._fault("RCPT", session):
            return refusal
        if not any((p.email or "").lower() == address.lower() for p in self.state.config.people):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The message: checked, kept, or refused as ordered."""
        faults = self.orders.take_faults("email", "DATA")
        failure = await self._delayed(faults)
        if failure and failure.kind != "drop_after":
            return self._failed("DATA", failure, session)
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        if problem := malformed(raw):
            return f"550 5.6.0 {problem}"
        self._keep(envelope, raw)
        self.records.call("email", "DATA", 250, fault=failure.kind if failure else None)
        if failure:
            self._abort(session)
        return "250 2.0.0 OK: queued"

    async def _fault(self, verb: str, session: Session) -> str | None:
        failure = await self._delayed(self.orders.take_faults("email", verb, exact=True))
        return self._failed(verb, failure, session) if failure else None

    async def _delayed(self, faults: list[Fault]) -> Fault | None:
        for delay in (f for f in faults if f.kind == "delay"):
            await asyncio.sleep(delay.seconds)
        return next((f for f in faults if f.kind != "delay"), None)

    def _failed(self, verb: str, failure: Fault, session: Session) -> str:
        answers = {
            "rate_limit": "450 4.7.1 too many messages, try again later",
            "server_error": "451 4.3.0 local error",
        }
        if failure.kind.startswith("drop"):
            self._abort(session)
        said = answers.get(failure.kind, "554 5.7.1 rejected by policy")
        self.records.call("email", verb, int(said[:3]), fault=failure.kind)
        return said + _ORDERED

    def _abort(self, session: Session) -> None:
        for transport in list(self.live):
            if isinstance(transport, asyncio.Transport) and transport.get_extra_info("peername") == session.peer:
                transport.abort()

    def _keep(self, envelope: Envelope, raw: bytes) -> None:
        message = message_from_bytes(raw, policy=policy.default)
        text, html = _body(message, "plain"), _body(message, "html")
        name = str(message["Message-ID"]).strip()
        for address in {a.lower() for a in envelope.rcpt_tos}:
            known = self.state.mail.get(f"{address}/{name}")
            if known:
                known.times += 1
                self.state.mail.put(f"{address}/{name}", known)
                continue
            mail = Mail(
                id=new_id("E", 12),
                to=address,
                sender=str(message["From"]),
                message_id=name,
                subject=str(message["Subject"]),
                text=text or "",
                html=html or "",
                headers={k: str(v) for k, v in message.items()},
                created=time.time(),
                raw=raw.decode("utf-8", "replace"),
            )
            self.state.mail.put(f"{address}/{name}", mail)


class Server(SMTP):
    """One connection; whatever it refuses that was not ordered is kept as a violation."""

    def __init__(self, mailboxes: Mailboxes, settings: Email, context: ssl.SSLContext | None) -> None:
        self._mailboxes, self._settings = mailboxes, settings
        super().__init__(
            mailboxes,
            hostname="mail.stand-in.example",
            data_size_limit=settings.size_limit,
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=context is not None,
            auth_required=settings.username is not None,
            auth_require_tls=context is not None,
            authenticator=self._log_in if settings.username is not None else None,
        )

    def _log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (
            self._settings.username,
            self._settings.password,
        )
        return AuthResult(success=right, handled=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport, so that it can be cut."""
        self._mailboxes.live.add(transport)
        self._accepted = transport
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._mailboxes.live.discard(self._accepted)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        """Answer; an unordered refusal is a violation."""
        text = str(status, "utf-8", "replace") if isinstance(status, bytes) else str(status)
        if text[:1] in ("4", "5") and _ORDERED not in text:
            kind: Kind = "state" if "5.1.1" in text else "request"
            self._mailboxes.records.violation("email", "smtp", kind, text[:3], text.strip())
        await super().push(text.replace(_ORDERED, ""))


def malformed(raw: bytes) -> str | None:
    """What is wrong with a message by RFC 5322, or None."""
    if any(len(line) > _LINE for line in raw.split(b"\r\n")):
        return f"a line is longer than {_LINE} octets"
    message = message_from_bytes(raw, policy=policy.default)
    if missing := [name for name in _REQUIRED if not message.get(name)]:
        return f"missing header: {', '.join(missing)}"
    if twice := [name for name in _ONCE if len(message.get_all(name, [])) > 1]:
        return f"header given twice: {', '.join(twice)}"
    if not str(message["Message-ID"]).strip().startswith("<") or "@" not in str(message["Message-ID"]):
        return "Message-ID must be <left@right>"
    if any(part.defects for part in message.walk()):
        return "the MIME structure is broken"
    if not (_body(message, "plain") or _body(message, "html")):
        return "no text"
    return None


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else None
