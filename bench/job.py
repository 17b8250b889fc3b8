"""The job that every contender does: 3 gathers over HTTP, 3 chat posts, wait, approval by HTTP, 1 ERP post, closed."""

import httpx

QUERIES = ("mes.lot", "mes.job_orders", "erp.material")
PEOPLE = ("U0BENCH01", "U0BENCH02", "U0BENCH03")
SUBJECT = r"LOT-[a-z0-9-]+"
"""How the world outside tells one exception from another, wherever the lot is named in what it receives."""


class World:
    """The world outside as a contender calls it: the same plain HTTP calls for all, on kept connections."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        self._http = httpx.AsyncClient(base_url=url, timeout=30, limits=limits)

    async def gather(self, name: str, lot: str) -> dict[str, object]:
        """One named question about the lot."""
        answer = await self._http.get(f"/query/{name}", params={"lot": lot})
        found: dict[str, object] = answer.raise_for_status().json()
        return found

    async def chat(self, to: str, content: dict[str, object]) -> str:
        """Posts a message; its id."""
        answer = await self._http.post("/chat", json={"to": to, **content})
        return str(answer.raise_for_status().json()["id"])

    async def chatted(self, key: str) -> str:
        """The id of the message that was posted under this key; empty when there is none."""
        answer = await self._http.get("/chat", params={"key": key})
        return str(answer.raise_for_status().json()["id"])

    async def edit(self, message: str, content: dict[str, object]) -> None:
        """Replaces a message."""
        (await self._http.put(f"/chat/{message}", json=content)).raise_for_status()

    async def post(self, key: str, content: dict[str, object]) -> str:
        """Posts to the ERP under a key, which it takes once; the document."""
        answer = await self._http.post("/erp", json=content, headers={"Idempotency-Key": key})
        return str(answer.raise_for_status().json()["document"])

    async def close(self) -> None:
        """Drops the connections."""
        await self._http.aclose()
