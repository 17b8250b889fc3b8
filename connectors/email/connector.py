"""E-mail as a channel: one way. Nobody's answer by e-mail counts: a sender's address proves nothing."""

from collections.abc import Callable
from datetime import UTC, datetime

from connectors.email import mapping
from connectors.email.client import EmailClient
from connectors.email.config import EmailConfig
from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from domain.errors import AuthError, InvariantError
from domain.rosters.people import ChannelName


class EmailChannel:
    """Writes to people by SMTP. At least once: a mail server cannot be asked what it took, so a second attempt carries
    the Message-ID of the first."""

    name = ChannelName.EMAIL
    can_edit = False
    can_find = False

    def __init__(self, config: EmailConfig, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._config, self._now = config, now
        self._client = EmailClient(config)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def send(self, message: ChannelMessage) -> SentMessage:
        made = mapping.compose(self._config, message, self._now())
        await self._client.send(message.address, made)
        return SentMessage(vendor_id=str(made["Message-ID"]))

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """Nothing is ever found: see `can_find`."""
        return None

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        raise InvariantError("An e-mail cannot be changed after it was sent.")

    def verify(self, request: CallbackRequest) -> None:
        raise AuthError("E-mail has no callbacks.", code="email.one_way")

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        raise AuthError("E-mail has no callbacks.", code="email.one_way")


def build(config: EmailConfig) -> EmailChannel:
    return EmailChannel(config)
