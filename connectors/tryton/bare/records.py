"""Tryton's own methods as `connectors.records.Records`. The stamp of a posting stands in `reference`, the one free text
that productions and internal shipments have; it is not unique, so that only one worker may post at a time.

A write carries the record's `_timestamp`: Tryton compares it in the writing transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from connectors.records import Filter, Record
from connectors.tryton.client import TrytonClient
from domain.errors import MosError, RejectedError
from domain.values import Json, parse_time

PRODUCTION, SHIPMENT = "production", "stock.shipment.internal"
MODELS = (PRODUCTION, SHIPMENT)
_DAYS = frozenset({"planned_start_date", "planned_date"})
_LAST = "do"
_WILD = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


class BareRecords:
    """Days are ISO texts with us."""

    key_field = "reference"
    version_field = "_timestamp"
    state_field = "state"
    cancelled: Mapping[str, str] = MappingProxyType(dict.fromkeys(MODELS, "cancelled"))

    def __init__(self, client: TrytonClient) -> None:
        self._client = client

    async def search(self, model: str, where: Sequence[Filter], fields: Sequence[str]) -> list[Record]:
        domain = [_clause(*one) for one in where]
        return await self._client.search_read(model, domain, list(fields), order=[("id", "ASC")])

    async def create(self, model: str, values: Record) -> int:
        (made,) = await self._client.change(model, "create", [_typed(values)])
        return int(made)

    async def write(self, model: str, id: Any, values: Record, version: str) -> None:
        seen = {f"{model},{id}": version} if version else {}
        await self._client.change(model, "write", [id], _typed(values), versions=seen)

    async def call(self, model: str, id: Any, method: str) -> None:
        """A button. One that asks something in return has done nothing. A shipment that can't be done is cancelled, and
        gives our key back: it stands for nothing."""
        try:
            if await self._client.change(model, method, [id]) not in (None, []):
                raise RejectedError(f"Tryton asks a person before it goes on with {method}: do it there.")
        except RejectedError:
            if method == _LAST:
                await self._give_up(model, id)
            raise

    async def withdraw(self, model: str, id: Any) -> None:
        await self._client.change(model, "cancel", [id])

    def moment(self, record: Record) -> datetime:
        return datetime.fromtimestamp(float(record[self.version_field]), UTC)

    def since(self, moment: datetime) -> str:
        return moment.isoformat()

    def plain(self, value: Any) -> Json:
        return value.isoformat() if isinstance(value, date) else value

    async def _give_up(self, model: str, id: Any) -> None:
        try:
            await self.withdraw(model, id)
            await self.write(model, id, {self.key_field: None}, "")
        except MosError as error:
            raise RejectedError(
                f"Tryton has begun {model} {id} and does not finish it: cancel it there.", detail=error.message
            ) from error


def _clause(field: str, operator: str, value: Json) -> list[Any]:
    """`_timestamp` can't be searched by; what it is made of can."""
    if operator == "like":
        return [field, "like", f"%{str(value).translate(_WILD)}%"]
    if field == BareRecords.version_field:
        moment = parse_time(value)
        return ["OR", ["write_date", operator, moment], ["create_date", operator, moment]]
    return [field, operator, value]


def _typed(values: Record) -> Record:
    return {name: date.fromisoformat(value) if name in _DAYS and value else value for name, value in values.items()}
