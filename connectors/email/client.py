"""The only place that knows aiosmtplib: one mail transaction with the domain's errors."""

import ssl
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from connectors.email.config import EmailConfig
from domain.errors import AuthError, MosError, OutcomeUnknownError, RejectedError, TransientError


class EmailClient:
    """A connection for each message: they are few, and an idle one would be dropped anyway."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config

    async def send(self, to: str, message: EmailMessage) -> None:
        """Hands it to the mail server. Raises TransientError (not reached, 4xx), RejectedError (5xx), AuthError, and
        OutcomeUnknownError when the server may have taken it without saying so."""
        smtp = self._smtp()
        try:
            await self._envelope(smtp, to)
            await self._data(smtp, message)
        finally:
            smtp.close()

    def _smtp(self) -> aiosmtplib.SMTP:
        config = self._config
        context = None if config.security == "none" else ssl.create_default_context(cafile=config.ca_file)
        return aiosmtplib.SMTP(
            hostname=config.host,
            port=config.server_port,
            username=config.username or None,
            password=config.password.get_secret_value() if config.password else None,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=context,
            timeout=config.timeout,
        )

    async def _envelope(self, smtp: aiosmtplib.SMTP, to: str) -> None:
        try:
            await smtp.connect()
            await smtp.mail(self._config.sender)
            await smtp.rcpt(to)
        except SMTPResponseException as error:
            raise _refused(error) from error
        except SMTPNotSupported as error:
            raise RejectedError(
                "The mail server lacks what the settings ask for.", detail=repr(error), code="email.tls"
            ) from error
        except (SMTPException, OSError, ssl.SSLError) as error:
            raise TransientError("The mail server cannot be reached; it is tried again.", detail=repr(error)) from error

    async def _data(self, smtp: aiosmtplib.SMTP, message: EmailMessage) -> None:
        try:
            await smtp.data(message.as_bytes(policy=SMTP_POLICY))
        except SMTPResponseException as error:
            raise _refused(error) from error
        except (SMTPException, OSError) as error:
            raise OutcomeUnknownError(
                "The mail server did not say whether it took an e-mail; it is sent again under the same Message-ID.",
                detail=repr(error),
            ) from error


def _refused(error: SMTPResponseException) -> MosError:
    """RFC 5321: 4xx may work later, 5xx never will."""
    detail = f"SMTP {error.code}: {error.message}"[:300]
    if isinstance(error, SMTPAuthenticationError) or error.code in (530, 534, 535):
        if 400 <= error.code < 500:
            return TransientError("The mail server is not ready to log us in; it is tried again.", detail=detail)
        return AuthError("The mail server refused our log-in: renew it in the settings.", detail=detail)
    if 400 <= error.code < 500:
        return TransientError("The mail server asks to try again later.", detail=detail)
    if isinstance(error, SMTPRecipientRefused):
        return RejectedError(
            "The mail server refused the address: correct it on the roster.", detail=detail, code=f"email.{error.code}"
        )
    return RejectedError("The mail server refused the e-mail.", detail=detail, code=f"email.{error.code}")
