"""One signed call from a vendor to the product, with the vendor's patience and what a person would see of a failure."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from infra.phones.faults import SabotageKind
from infra.phones.records import Callback, Records, Vendor


@dataclass
class Outgoing:
    """A callback ready to send: exact bytes and headers, and how it was spoiled on order."""

    vendor: Vendor
    kind: str
    url: str
    body: bytes
    headers: dict[str, str]
    patience: float
    sabotage: SabotageKind | None = None
    method: str = "POST"


@dataclass
class Answer:
    """How the product answered; `error` is set when there was no 2xx in time."""

    status: int | None
    content: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None


_LATE_SECONDS = 1.0  # a callback that is to come late goes when its vendor was silent for so long: others overtake it
_LATEST_SECONDS = 20.0  # or after so long, while others still go out


class Caller:
    """Sends callbacks and keeps a record of each."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._held: set[asyncio.Task[Answer]] = set()
        self._under_way: Counter[Vendor] = Counter()
        self._last: dict[Vendor, float] = {}  # when one of its callbacks ended
        # Loopback only: a proxy named in the environment must not see these calls.
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Drop what is held back, and close the connections."""
        for held in self._held:
            held.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        await self._client.aclose()

    async def send(self, call: Outgoing) -> Answer:
        """Send over HTTP, signed as `call` is, or spoiled as it was ordered."""
        return await self.by(call, lambda: self._post(call))

    async def by(self, call: Outgoing, way: Callable[[], Awaitable[Answer]]) -> Answer:
        """Send once by `way`; or not at all, twice, or late when that was ordered. The first answer counts."""
        if call.sabotage == "lost":
            lost = Answer(None, error="lost on order")
            self._record(call, lost, 0.0)
            return lost
        if call.sabotage == "late":
            held = asyncio.create_task(self._later(call, way))
            self._held.add(held)
            held.add_done_callback(self._held.discard)
            return Answer(None)
        answer = await self._timed(call, way)
        if call.sabotage == "repeat":
            await self._timed(call, way)
        return answer

    async def _later(self, call: Outgoing, way: Callable[[], Awaitable[Answer]]) -> Answer:
        latest = time.monotonic() + _LATEST_SECONDS
        while True:
            await asyncio.sleep(_LATE_SECONDS)
            if self._silent(call.vendor) or time.monotonic() >= latest:
                return await self._timed(call, way)

    def _silent(self, vendor: Vendor) -> bool:
        ended = self._last.get(vendor, 0.0)
        return not self._under_way[vendor] and time.monotonic() - ended >= _LATE_SECONDS

    async def _timed(self, call: Outgoing, way: Callable[[], Awaitable[Answer]]) -> Answer:
        started = time.perf_counter()
        self._under_way[call.vendor] += 1
        try:
            answer = await way()
        finally:
            self._under_way[call.vendor] -= 1
            self._last[call.vendor] = time.monotonic()
        self._record(call, answer, (time.perf_counter() - started) * 1000)
        return answer

    async def _post(self, call: Outgoing) -> Answer:
        try:
            got = await self._client.request(
                call.method, call.url, content=call.body, headers=call.headers, timeout=call.patience
            )
        except httpx.TimeoutException:
            return Answer(None, error="operation_timeout")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(None, error="connection_failed")
        kind = got.headers.get("content-type", "").split(";")[0].strip().lower()
        error = None if got.is_success else f"http_{got.status_code}"
        return Answer(got.status_code, got.content, kind, dict(got.headers), error)

    def _record(self, call: Outgoing, answer: Answer, milliseconds: float) -> None:
        body, content = (raw.decode("utf-8", "replace")[:20_000] for raw in (call.body, answer.content))
        record = Callback(
            at=time.time(),
            vendor=call.vendor,
            kind=call.kind,
            url=call.url,
            status=answer.status,
            milliseconds=round(milliseconds, 1),
            error=answer.error,
            sabotage=call.sabotage,
            body=body,
            answer=content,
        )
        self._records.callbacks.append(record)
