"""Delivers the outbox: signed by Standard Webhooks, in order, until the receiver has it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

from infra.plant.mes.service import Mes

if TYPE_CHECKING:
    import httpx

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_WORTH_REPEATING = {408, 425, 429}
_log = logging.getLogger(__name__)


class Sender:
    """Sends one event after the other to one URL."""

    def __init__(self, mes: Mes, url: str, secret: str) -> None:
        self._mes = mes
        self._url = url
        self._webhook = Webhook(secret)

    async def run(self) -> None:
        """Deliver for ever."""
        while self._next() is None:
            await self._mes.news.wait()
            self._mes.news.clear()
        import httpx  # 0.2 s of processor time that the plant's start can do without: events come later

        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                self._mes.news.clear()
                while (event := self._next()) is not None:
                    await self._insist(client, event)
                await self._mes.news.wait()

    def _next(self) -> sqlite3.Row | None:
        with self._mes.db.transaction():
            return self._mes.db.next_event()

    async def _insist(self, client: httpx.AsyncClient, event: sqlite3.Row) -> None:
        pause_s = _FIRST_PAUSE_S
        while not await self._deliver(client, event):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _deliver(self, client: httpx.AsyncClient, event: sqlite3.Row) -> bool:
        """True when this event needs no further attempt."""
        import httpx

        body: str = event["body"]
        try:
            response = await client.post(self._url, content=body.encode(), headers=self._headers(event["id"], body))
        except httpx.HTTPError as error:
            self._mark(event["id"], "pending", None, f"{type(error).__name__}: {error}")
            return False
        status = response.status_code
        if response.is_success:
            self._mark(event["id"], "delivered", status, None)
            return True
        final = 400 <= status < 500 and status not in _WORTH_REPEATING
        self._mark(event["id"], "refused" if final else "pending", status, response.text[:500])
        _log.warning("event %s answered %s", event["id"], status)
        return final

    def _headers(self, event_id: str, body: str) -> dict[str, str]:
        now = self._mes.clock.real()
        return {
            "content-type": "application/cloudevents+json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(event_id, now, body),
        }

    def _mark(self, event_id: str, state: str, status: int | None, error: str | None) -> None:
        with self._mes.db.transaction():
            self._mes.db.mark_event(event_id, state, status, error, self._mes.clock.real())
