"""One signed call from a vendor to the product, with the vendor's patience and what a person would see of a failure."""

import time
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


@dataclass
class Answer:
    """How the product answered; `error` is set when there was no 2xx in time."""

    status: int | None
    content: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class Caller:
    """Sends callbacks and keeps a record of each."""

    def __init__(self, records: Records) -> None:
        self._records = records
        # Loopback only: a proxy named in the environment must not see these calls.
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, call: Outgoing) -> Answer:
        """Send once, or twice with the same bytes when a repeat was ordered; the first answer counts."""
        if call.sabotage == "lost":
            lost = Answer(None, error="lost on order")
            self._record(call, lost, 0.0)
            return lost
        answer = await self._send(call)
        if call.sabotage == "repeat":
            await self._send(call)
        return answer

    async def _send(self, call: Outgoing) -> Answer:
        started = time.perf_counter()
        try:
            got = await self._client.post(call.url, content=call.body, headers=call.headers, timeout=call.patience)
        except httpx.TimeoutException:
            answer = Answer(None, error="operation_timeout")
        except (httpx.HTTPError, httpx.InvalidURL):
            answer = Answer(None, error="connection_failed")
        else:
            kind = got.headers.get("content-type", "").split(";")[0].strip().lower()
            error = None if got.is_success else f"http_{got.status_code}"
            answer = Answer(got.status_code, got.content, kind, dict(got.headers), error)
        self._record(call, answer, (time.perf_counter() - started) * 1000)
        return answer

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
