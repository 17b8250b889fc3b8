"""Write-through records in one SQLite file, so that nothing a vendor accepted is forgotten by a restart."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


class Documents:
    """One SQLite file of JSON documents, kept in the order in which they were first written."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with NORMAL keeps every commit when the process is killed; only a power cut may lose the last ones.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS document (seq INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL,"
            " body TEXT NOT NULL, UNIQUE (bucket, key))"
        )

    def load(self, bucket: str) -> list[tuple[str, str]]:
        """The (key, JSON) pairs of a bucket, oldest first."""
        return list(self._db.execute("SELECT key, body FROM document WHERE bucket = ? ORDER BY seq", (bucket,)))

    def put(self, bucket: str, key: str, body: str) -> None:
        """Insert or replace one document."""
        self._db.execute(
            "INSERT INTO document (bucket, key, body) VALUES (?, ?, ?)"
            " ON CONFLICT (bucket, key) DO UPDATE SET body = excluded.body",
            (bucket, key, body),
        )

    def remove(self, bucket: str, key: str | None = None) -> None:
        """Delete one document, or a whole bucket."""
        if key is None:
            self._db.execute("DELETE FROM document WHERE bucket = ?", (bucket,))
        else:
            self._db.execute("DELETE FROM document WHERE bucket = ? AND key = ?", (bucket, key))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class Collection(Generic[T]):
    """Records of one type by key, in memory and in `Documents` at once."""

    def __init__(
        self, documents: Documents, bucket: str, model: type[T], changed: Callable[[], None] = lambda: None
    ) -> None:
        self._documents, self._bucket, self._changed = documents, bucket, changed
        self._items = {key: model.model_validate_json(body) for key, body in documents.load(bucket)}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items.values()))

    def items(self) -> list[tuple[str, T]]:
        """The (key, record) pairs, oldest first."""
        return list(self._items.items())

    def get(self, key: str) -> T | None:
        """The record with this key, or None."""
        return self._items.get(key)

    def put(self, key: str, item: T) -> T:
        """Keep `item` under `key`."""
        self._items[key] = item
        self._documents.put(self._bucket, key, item.model_dump_json())
        self._changed()
        return item

    def append(self, item: T) -> T:
        """Keep `item` under the next number."""
        last = int(next(reversed(self._items), "0"))
        return self.put(f"{last + 1:09d}", item)

    def remove(self, key: str) -> None:
        """Forget one record."""
        if self._items.pop(key, None) is not None:
            self._documents.remove(self._bucket, key)
            self._changed()

    def clear(self) -> None:
        """Forget all records."""
        self._items.clear()
        self._documents.remove(self._bucket)
        self._changed()
