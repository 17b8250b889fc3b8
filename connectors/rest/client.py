"""One request, one JSON answer, and what its status means by the mapping's rules. Never logs bodies or the secret."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.http import exchange, json_of, open_client, stays
from connectors.rest.config import RestConfig
from connectors.rest.template import text
from connectors.told import told
from domain.errors import (
    ConflictError,
    MosError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from domain.language.expressions import holds
from domain.values import Json

_MEANS: Mapping[str, type[MosError]] = {
    "rejected": RejectedError,
    "conflict": ConflictError,
    "not_found": NotFoundError,
    "transient": TransientError,
}
_TITLES = {
    "rejected": "{} refused.",
    "conflict": "{} has another state than was seen: look again.",
    "not_found": "{} does not know it.",
    "transient": "{} is not ready; it is tried again.",
}
_STATUS = {404: "not_found", 409: "conflict", 412: "conflict"}


@dataclass(frozen=True)
class Sent:
    """A request with everything filled in. `headers` and `params` without a value are left out."""

    method: str
    path: str
    params: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True)
class Answer:
    """`body` None when there was none. `means`: a refusal that by the mapping's rules says that it is so already
    (done) or that the key is there (look_up); empty when it was done now."""

    body: Json
    headers: Mapping[str, str]
    means: str = ""
    status: int = 0


class RestClient:
    """Bearer, basic or a header of its own; redirects are not followed."""

    def __init__(self, config: RestConfig, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._name = config.name.upper() if config.name in ("erp", "mes") else config.name
        self._rules, self._say = config.mapping.errors, config.mapping.say
        self._http = open_client(config, {"Accept": "application/json", **_credentials(config, token)}, transport)

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, Json]) -> Answer:
        """Raises NotFoundError, RejectedError, AuthError, TransientError, InvalidPayloadError."""
        return await self._exchange(Sent("GET", path, params), writes=False)

    async def send(self, sent: Sent) -> Answer:
        """A posting, sent once. Raises what the rules say, or OutcomeUnknownError."""
        return await self._exchange(sent, writes=True)

    async def _exchange(self, sent: Sent, *, writes: bool) -> Answer:
        headers = {name: str(value) for name, value in sent.headers.items() if value not in (None, "")}
        params = {name: value for name, value in sent.params.items() if value is not None}
        body: dict[str, Any] = {} if sent.body is None else {"json": sent.body}
        request = self._http.build_request(sent.method, sent.path, params=params or None, headers=headers, **body)
        response = await exchange(self._http, request, writes=writes, system=self._name)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not response.is_success:
            return Answer(None, headers, self._refused(response))
        return Answer(self._json(response, writes=writes), headers, status=response.status_code)

    def _json(self, response: httpx.Response, *, writes: bool) -> Json:
        if not response.content:
            return None
        return json_of(response, writes=writes, system=self._name)

    def _refused(self, response: httpx.Response) -> str:
        """`done` or `look_up` where a rule says so. Raises what any other refusal means."""
        status, body = response.status_code, told(response)
        stays(response, self._name)
        rule = next((rule for rule in self._rules if rule.status == status and holds(rule.when, {"body": body})), None)
        means = rule.means if rule else _STATUS.get(status, "rejected")
        if means not in _MEANS:
            return means
        words = _words((rule.say if rule else "") or self._say, body) or f"HTTP {status}: {response.text[:300]}"
        raise _MEANS[means](_TITLES[means].format(self._name), detail=words)


def _words(template: str, body: Json) -> str:
    """The system's own words; an answer without them is no second failure."""
    try:
        return text(template, {"body": body})
    except MosError:
        return ""


def _credentials(config: RestConfig, token: str) -> dict[str, str]:
    if config.authentication == "bearer":
        return {"Authorization": f"Bearer {token}"}
    if config.authentication == "header":
        return {config.header: token}
    pair = base64.b64encode(f"{config.user}:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
