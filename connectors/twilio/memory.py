"""What a channel must know of the past and cannot ask Twilio: read by whoever composes the channels."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from domain.rosters.people import ChannelName


class Memory(Protocol):
    """Reads of the site's own records."""

    async def last_inbound(self, channel: ChannelName, address: str) -> datetime | None:
        """When somebody last wrote to us from this address."""
        ...

    async def claimed(self, vendor_ids: Sequence[str], key: str) -> Collection[str]:
        """Those of Twilio's ids that are known to be of other messages than the one with this key."""
        ...


class Nothing:
    """No memory: every WhatsApp session is over, no message is another's."""

    async def last_inbound(self, channel: ChannelName, address: str) -> datetime | None:
        return None

    async def claimed(self, vendor_ids: Sequence[str], key: str) -> Collection[str]:
        return ()
