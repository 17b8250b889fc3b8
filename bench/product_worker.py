"""The product's worker as it is, with systems and a channel that speak the bench's plain HTTP. Argument: its URL."""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime

from activities.world import World
from bench.job import World as Outside
from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.errors import AuthError
from domain.rosters.people import ChannelName
from domain.values import Json
from infra.processes.worker import connect_temporal, serve
from infra.run import now, run_process
from infra.settings import Settings
from store.db import Database


class PlainSystem:
    """ERP and MES of the bench."""

    def __init__(self, name: str, outside: Outside) -> None:
        self.name, self._outside = name, outside

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        """Every name is known; `where` names the lot."""
        return await self._outside.gather(name, str(where["lot"]))

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        """One call a transaction."""
        document = await self._outside.post(transaction.key, transaction.model_dump(mode="json"))
        return Receipt(key=transaction.key, documents=[document])

    async def find(self, key: str) -> Receipt | None:
        """The posting itself gives the first document again."""
        return None


class PlainChannel:
    """Slack's place: what the templates render for Slack is posted as it is. Callbacks go to the real connector."""

    name = ChannelName.SLACK
    can_edit = True
    can_find = True

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def send(self, message: ChannelMessage) -> SentMessage:
        """One call a message."""
        content = {"key": message.key, **message.payload}
        return SentMessage(await self._outside.chat(message.address, content), message.address)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """By its key."""
        found = await self._outside.chatted(message.key)
        return SentMessage(found, message.address) if found else None

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        """One call an edit."""
        await self._outside.edit(sent.vendor_id, dict(message.payload))

    def verify(self, request: CallbackRequest) -> None:
        """No callback comes here."""
        raise AuthError("The bench's worker takes no callbacks.")

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """No callback comes here."""
        return []


async def run(settings: Settings, database: Database, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    client = await connect_temporal(settings)
    outside = Outside(sys.argv[1])
    systems = {name: PlainSystem(name, outside) for name in ("erp", "mes")}
    world = World(database, systems, now, os.urandom, settings.public_url or "", frozenset(systems))
    await serve(client, world, {ChannelName.SLACK: PlainChannel(outside)}, ready)


if __name__ == "__main__":
    run_process(run, "bench_worker")
