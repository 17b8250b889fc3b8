"""What the stand-in knows: rows by entity set and key, changed in transactions, in memory or in one SQLite file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from infra.standins.sap.edm import Value, from_json, to_json
from infra.standins.sap.schema import EntitySet, services

Row = dict[str, Value]
Key = tuple[Value, ...]
_Index = dict[Value, set[Key]]
NUMBERS, STOCK = "_numbers", "_stock"
_FIRST = {
    "A_ProductionOrder_2": 1_000_001,
    "A_MaterialDocumentHeader": 4_900_000_001,
    "MaintenanceNotification": 10_000_001,
    "MaintenanceOrder": 4_000_001,
    "A_InspectionLot": 10_000_000_001,
    "A_SalesOrder": 3_001,
    "operations": 100_001,
}


class Books:
    """All rows. Whoever writes does so inside `transaction`: what raises leaves nothing behind."""

    def __init__(self, path: Path | None = None) -> None:
        self._rows: dict[str, dict[Key, Row]] = {}
        self._made: dict[tuple[str, Key], int] = {}
        self._numbers = count()
        self._indexes: dict[str, dict[str, _Index]] = {}
        self._undo: list[tuple[str, Key, Row | None]] | None = None
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False) if path else None
        if self._file is not None:
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS row (part TEXT, key TEXT, value TEXT, PRIMARY KEY (part, key))"
            )
            self._load(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    @property
    def empty(self) -> bool:
        """Whether nothing was ever written."""
        return not any(self._rows.values())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; kept in the file before it is left."""
        assert self._undo is None, "transactions do not nest"
        self._undo = []
        try:
            yield
            self._keep(self._undo)
        except BaseException:
            for part, key, before in reversed(self._undo):
                self._put(part, key, before)
            raise
        finally:
            self._undo = None

    def get(self, part: str, key: Key) -> Row | None:
        """One row, never to be changed in place."""
        return self._rows.get(part, {}).get(key)

    def all(self, part: str) -> Iterable[Row]:
        """All rows of a set, in the order of their making."""
        return list(self._rows.get(part, {}).values())

    def where(self, part: str, field: str, value: Value) -> list[Row]:
        """The rows with this value, in the order of their making, by an index that is made when first asked."""
        rows, indexes = self._rows.get(part, {}), self._indexes.setdefault(part, {})
        if field not in indexes:
            indexes[field] = {}
            for key, row in rows.items():
                indexes[field].setdefault(row.get(field), set()).add(key)
        found = indexes[field].get(value, set())
        return [rows[key] for key in sorted(found, key=lambda key: self._made[part, key])]

    def items(self, part: str) -> Iterable[tuple[Key, Row]]:
        """The same with their keys."""
        return list(self._rows.get(part, {}).items())

    def put(self, part: str, key: Key, row: Row | None) -> None:
        """Write or (None) delete a row."""
        assert self._undo is not None, "write inside a transaction"
        self._undo.append((part, key, self.get(part, key)))
        self._put(part, key, row)

    def _put(self, part: str, key: Key, row: Row | None) -> None:
        rows = self._rows.setdefault(part, {})
        before = rows.get(key)
        for field, index in self._indexes.get(part, {}).items():
            if before is not None:
                index[before.get(field)].discard(key)
            if row is not None:
                index.setdefault(row.get(field), set()).add(key)
        if row is None:
            rows.pop(key, None)
            self._made.pop((part, key), None)
        else:
            self._made.setdefault((part, key), next(self._numbers))
            rows[key] = row

    def save(self, entity_set: EntitySet, row: Row) -> None:
        """Write a row under its own key."""
        self.put(entity_set.name, key_of(entity_set, row), row)

    def change(self, part: str, key: Key, changes: Mapping[str, Value]) -> Row:
        """Set fields of a row that exists."""
        before = self.get(part, key)
        assert before is not None
        after = before | dict(changes)
        self.put(part, key, after)
        return after

    def next_number(self, name: str) -> int:
        """The next of a number range."""
        row = self.get(NUMBERS, (name,)) or {"next": _FIRST.get(name, 1)}
        number = row["next"]
        assert isinstance(number, int)
        self.put(NUMBERS, (name,), {"next": number + 1})
        return number

    def stock(self, place: Key) -> Decimal:
        """What lies at (material, plant, storage location, batch, stock type)."""
        quantity = (self.get(STOCK, place) or {"quantity": Decimal(0)})["quantity"]
        assert isinstance(quantity, Decimal)
        return quantity

    def add_stock(self, place: Key, quantity: Decimal) -> Decimal:
        """What lies there afterwards."""
        after = self.stock(place) + quantity
        self.put(STOCK, place, {"quantity": after})
        return after

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._made.clear()
        self._indexes.clear()
        if self._file is not None:
            self._file.execute("DELETE FROM row")

    def _keep(self, undo: Iterable[tuple[str, Key, Row | None]]) -> None:
        if self._file is None:
            return
        changed = dict.fromkeys((part, key) for part, key, _ in undo)
        self._file.execute("BEGIN IMMEDIATE")
        for part, key in changed:
            row = self.get(part, key)
            if row is None:
                self._file.execute("DELETE FROM row WHERE part=? AND key=?", (part, json.dumps(key)))
            else:
                self._file.execute(
                    "INSERT INTO row VALUES (?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value",
                    (part, json.dumps(key), _packed(part, row)),
                )
        self._file.execute("COMMIT")

    def _load(self, file: sqlite3.Connection) -> None:
        for part, key, value in file.execute("SELECT part, key, value FROM row ORDER BY rowid"):
            self._put(part, tuple(json.loads(key)), _unpacked(part, json.loads(value)))


def key_of(entity_set: EntitySet, row: Mapping[str, Value]) -> Key:
    """The key's values, in the metadata's order."""
    return tuple(row[name] for name in entity_set.key)


def set_named(name: str) -> EntitySet:
    """An entity set of any service; their names do not repeat."""
    return next(service.sets[name] for service in services().values() if name in service.sets)


def wire(entity_set: EntitySet, row: Mapping[str, Value]) -> dict[str, Any]:
    """All properties of a row as JSON; those never set are null."""
    return {name: to_json(item.type, row.get(name)) for name, item in entity_set.properties.items()}


def _packed(part: str, row: Row) -> str:
    if part.startswith("_"):
        return json.dumps({name: str(value) if part == STOCK else value for name, value in row.items()})
    kinds = set_named(part).properties
    return json.dumps({name: to_json(kinds[name].type, value) for name, value in row.items()})


def _unpacked(part: str, values: dict[str, Any]) -> Row:
    if part.startswith("_"):
        return {name: Decimal(value) if part == STOCK else value for name, value in values.items()}
    kinds = set_named(part).properties
    return {name: None if value is None else from_json(kinds[name], value) for name, value in values.items()}
