"""How the outside reaches each contender: a signal, and a person's yes."""

import hashlib
import hmac
import itertools
import json
import time
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlencode

import aiohttp
from standardwebhooks.webhooks import Webhook

from bench.ground import SLACK


class Contender(Protocol):
    """Does the job. Both calls return when they are acknowledged."""

    name: str

    async def signal(self, lot: str) -> None: ...

    async def answer(self, lot: str, chat: bytes) -> None:
        """The yes to a chat message (its body as it was posted)."""
        ...


class Product:
    """Signed CloudEvents in, presses as signed Slack callbacks."""

    name = "product"

    def __init__(self, http: aiohttp.ClientSession, env: dict[str, str]) -> None:
        self._http, self._url = http, env["MOS_PUBLIC_URL"]
        self._hook = Webhook(env["MOS_WEBHOOK_SECRET"])
        self._secret = env["SLACK_SIGNING_SECRET"].encode()
        self._presses = itertools.count(1)

    async def signal(self, lot: str) -> None:
        """One failed inspection."""
        now, event_id = datetime.now(UTC), f"evt-{lot}"
        body = json.dumps(_event(lot, event_id, now))
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._hook.sign(event_id, now, body),
        }
        async with self._http.post(f"{self._url}/webhooks/events", data=body, headers=headers) as answer:
            answer.raise_for_status()

    async def answer(self, lot: str, chat: bytes) -> None:
        """Presses the first button of the message that a person got."""
        message = json.loads(chat)
        body = urlencode({"payload": json.dumps(self._press(message))}).encode()
        stamp = str(int(time.time()))
        digest = hmac.new(self._secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={digest}",
        }
        async with self._http.post(f"{self._url}/slack/interactivity", data=body, headers=headers) as answer:
            answer.raise_for_status()

    def _press(self, message: dict[str, object]) -> dict[str, object]:
        button = _first_button(message)
        return {
            "type": "block_actions",
            "team": {"id": SLACK["SLACK_TEAM_ID"]},
            "api_app_id": SLACK["SLACK_APP_ID"],
            "user": {"id": message["to"]},
            "trigger_id": f"press.{next(self._presses)}",
            "channel": {"id": message["to"]},
            "actions": [button | {"type": "button", "action_ts": f"{time.time():.6f}"}],
        }


def _event(lot: str, event_id: str, now: datetime) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "bench/mes",
        "type": "com.havel.mes.inspection.failed.v1",
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "lot": lot,
            "material": "SHAFT-20",
            "inspection": f"INS-{lot}",
            "characteristic": "diameter",
            "value": 20.31,
            "low": 19.95,
            "high": 20.05,
            "unit": "mm",
            "inspector": "bench",
            "job_order": None,
        },
    }


def _first_button(message: dict[str, object]) -> dict[str, str]:
    blocks = message["blocks"]
    assert isinstance(blocks, list)
    elements = next(block["elements"] for block in blocks if block["type"] == "actions")
    return {name: str(elements[0][name]) for name in ("action_id", "value")}


class Bare:
    """A bare Temporal program: plain JSON in, an approval that becomes a Temporal signal."""

    def __init__(self, name: str, http: aiohttp.ClientSession, port: int) -> None:
        self.name, self._http, self._url = name, http, f"http://127.0.0.1:{port}"

    async def signal(self, lot: str) -> None:
        """One failed inspection."""
        await self._post("signal", lot)

    async def answer(self, lot: str, chat: bytes) -> None:
        """The yes."""
        await self._post("approve", lot)

    async def _post(self, door: str, lot: str) -> None:
        async with self._http.post(f"{self._url}/{door}", json={"lot": lot}) as answer:
            answer.raise_for_status()
