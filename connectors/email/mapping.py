"""One e-mail from one of our messages. Pure."""

import hashlib
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from connectors.email.config import EmailConfig, is_address
from connectors.roles import ChannelMessage
from domain.errors import InvalidPayloadError, RejectedError

MAX_TEXT = 100_000
MAX_SUBJECT = 200


def message_id(config: EmailConfig, key: str) -> str:
    """The same for every attempt at one message: mail programs show two copies with one id once. The key itself is not
    shown."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{config.sender.rpartition('@')[2]}>"


def compose(config: EmailConfig, message: ChannelMessage, now: datetime) -> EmailMessage:
    """Plain text, and the same as simple HTML without remote content. Raises InvalidPayloadError for one without a
    subject or text, RejectedError for what is no address."""
    subject, text, html = (message.payload.get(name) for name in ("subject", "text", "html"))
    if not isinstance(subject, str) or not isinstance(text, str) or not subject.strip() or not text.strip():
        raise InvalidPayloadError("An e-mail needs a subject and a text.", code="email.no_text")
    if not is_address(message.address):
        raise RejectedError("This is no e-mail address: correct it on the roster.", code="email.address")
    made = EmailMessage()
    made["From"] = Address(config.sender_name, addr_spec=config.sender)
    made["To"] = message.address
    made["Subject"] = _one_line(subject)[:MAX_SUBJECT]
    made["Date"] = format_datetime(now)
    made["Message-ID"] = message_id(config, message.key)
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes in return
    made.set_content(text[:MAX_TEXT])
    if isinstance(html, str) and html.strip():
        made.add_alternative(html[:MAX_TEXT], subtype="html")
    return made


def _one_line(text: str) -> str:
    """No character of it can end the header."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
