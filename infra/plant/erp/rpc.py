"""Tryton's JSON-RPC (8.x, under ``/<database>/rpc/``) for the plant's own users.

Every value that is not plain JSON travels as ``{"__class__": ...}``. Times are naive UTC on the wire, aware UTC here.
"""

import base64
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from infra.plant.erp.errors import ErpCallError
from infra.plant.loopback import LOOPBACK

UNAUTHORIZED = 401
DETAIL = 300  # a domain violation brings thousands of characters


class ErpRefused(ErpCallError):
    """Tryton refused: ``kind`` (UserError, ConcurrencyException ..), the sentence for people and its description."""

    def __init__(self, kind: str, message: str, description: str = "") -> None:
        super().__init__(f"{kind}: {message} {description}".strip()[:DETAIL])
        self.kind, self.message, self.description = kind, message, description

    @property
    def code(self) -> str:
        """The stable code of module mfgos (``mfgos.lot_held``), or an empty text."""
        word = self.description.split(maxsplit=1)[0] if self.description else ""
        return word if word.startswith("mfgos.") else ""


def encode(value: Any) -> Any:
    """Turn a Python value into Tryton's JSON."""
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(item) for item in value]
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime"} | {part: getattr(value, part) for part in parts}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    return value


def decode(value: Any) -> Any:
    """Turn Tryton's JSON into Python values."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    parts = {key: item for key, item in value.items() if key != "__class__"}
    if kind == "datetime":
        return datetime(**parts, tzinfo=UTC)
    if kind == "date":
        return date(**parts)
    if kind == "Decimal":
        return Decimal(parts["decimal"])
    return {key: decode(item) for key, item in value.items()}


class TrytonClient:
    """One user's session; logs in when needed. ``url`` is ``http://host:port/<database>/``."""

    def __init__(self, url: str, login: str, password: str, *, seconds: float = 30.0) -> None:
        # httpx asks for gzip by default, which 8.2.1 needs: it labels long replies gzip in any case.
        self._http = httpx.Client(base_url=url, timeout=seconds, trust_env=False, verify=LOOPBACK)
        self._login, self._password = login, password
        self._header = ""
        self._context: dict[str, Any] = {}
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, *params: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Call ``model.<model>.<method>`` with the user's context. Raises ErpRefused, ErpCallError."""
        if not self._header:
            self._log_in()
        answer = self._post(method, [*params, self._context | dict(context or {})])
        if answer.status_code == UNAUTHORIZED:  # the session has ended
            self._log_in()
            answer = self._post(method, [*params, self._context | dict(context or {})])
        return self._result(answer)

    def _log_in(self) -> None:
        self._header, self._context = "", {}
        answer = self._post("common.db.login", [self._login, {"password": self._password}, "en"])
        if answer.status_code != httpx.codes.OK:
            raise ErpCallError(f"The ERP does not let {self._login} in (HTTP {answer.status_code}).")
        user, session, *_ = self._result(answer)
        token = base64.b64encode(f"{self._login}:{user}:{session}".encode()).decode()
        self._header = f"Session {token}"
        self._context = self._result(self._post("model.res.user.get_preferences", [True, {}]))

    def _post(self, method: str, params: list[Any]) -> httpx.Response:
        headers = {"Authorization": self._header} if self._header else {}
        body = {"id": next(self._ids), "method": method, "params": encode(params)}
        try:
            return self._http.post("rpc/", json=body, headers=headers)
        except httpx.TransportError as error:
            raise ErpCallError(f"The ERP does not answer: {error!r}") from error

    @staticmethod
    def _result(answer: httpx.Response) -> Any:
        if answer.status_code != httpx.codes.OK:
            raise ErpCallError(f"The ERP answered HTTP {answer.status_code}.")
        body = answer.json()
        if "error" in body:
            raise _refusal(body["error"])
        return decode(body["result"])


def _refusal(error: list[Any]) -> ErpRefused:
    kind, *rest = error
    detail = rest[0] if rest else ""
    if isinstance(detail, list):
        texts = [str(part) for part in detail if isinstance(part, str)]
        return ErpRefused(str(kind), texts[0] if texts else "", texts[1] if len(texts) > 1 else "")
    return ErpRefused(str(kind), str(detail))
