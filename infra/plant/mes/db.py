"""The MES's memory: one SQLite file, one connection, one transaction per request."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.plant.mes.floor import Floor, JobOrder, UnitState

_SCHEMA = """
create table if not exists meta(name text primary key, value text not null);
create table if not exists job_order(id text primary key, doc text not null);
create table if not exists unit(id text primary key, doc text not null);
create table if not exists inspection(id text primary key, lot text not null, doc text not null);
create table if not exists posting(key text primary key, digest text not null, receipt text not null);
create table if not exists outbox(
  seq integer primary key autoincrement, id text not null unique, type text not null, body text not null,
  state text not null default 'pending', attempts integer not null default 0, last_status integer, last_error text,
  created_at text not null, settled_at text);
"""


class Database:
    """Typed access to the file. Every method but `transaction` wants to run inside one."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing: an error inside rolls everything back."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def meta(self, name: str) -> str | None:
        """A named value, or None."""
        row = self._one("select value from meta where name = ?", name)
        return None if row is None else str(row["value"])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a named value."""
        self._run("insert or replace into meta(name, value) values(?, ?)", name, value)

    def floor(self) -> Floor | None:
        """The floor as it was last saved; None before the first save."""
        advanced_to = self.meta("advanced_to")
        if advanced_to is None:
            return None
        orders = [
            JobOrder.model_validate_json(row["doc"]) for row in self._all("select doc from job_order order by id")
        ]
        units = [UnitState.model_validate_json(row["doc"]) for row in self._all("select doc from unit")]
        return Floor(
            advanced_to=datetime.fromisoformat(advanced_to),
            version=int(self.meta("version") or 1),
            job_orders={order.id: order for order in orders},
            units={unit.id: unit for unit in units},
        )

    def save_floor(self, floor: Floor) -> None:
        """Save the whole floor."""
        self.set_meta("advanced_to", floor.advanced_to.isoformat())
        self.set_meta("version", str(floor.version))
        self._run(
            "delete from job_order where id not in (select value from json_each(?))", json.dumps([*floor.job_orders])
        )
        for order in floor.job_orders.values():
            doc = order.model_dump_json(by_alias=True)
            self._run("insert or replace into job_order(id, doc) values(?, ?)", order.id, doc)
        for unit in floor.units.values():
            self._run("insert or replace into unit(id, doc) values(?, ?)", unit.id, unit.model_dump_json())

    def posting(self, key: str) -> tuple[str, dict[str, Any]] | None:
        """Digest and receipt of an accepted posting, or None."""
        row = self._one("select digest, receipt from posting where key = ?", key)
        return None if row is None else (str(row["digest"]), json.loads(row["receipt"]))

    def add_posting(self, key: str, digest: str, receipt: dict[str, Any]) -> None:
        """Keep a receipt, in the transaction of the change itself."""
        self._run("insert into posting(key, digest, receipt) values(?, ?, ?)", key, digest, json.dumps(receipt))

    def postings(self, since: datetime) -> list[dict[str, Any]]:
        """Receipts of what was accepted since then, oldest first."""
        receipts = [json.loads(row["receipt"]) for row in self._all("select receipt from posting order by rowid")]
        return [one for one in receipts if datetime.fromisoformat(one["accepted_at"]) >= since]

    def inspections(self, lot: str | None = None) -> list[dict[str, Any]]:
        """Inspection results, oldest first, of one lot or of all."""
        rows = self._all("select doc from inspection where ? is null or lot = ? order by rowid", lot, lot)
        return [json.loads(row["doc"]) for row in rows]

    def inspection(self, inspection_id: str) -> dict[str, Any] | None:
        """One result, or None."""
        row = self._one("select doc from inspection where id = ?", inspection_id)
        return None if row is None else json.loads(row["doc"])

    def add_inspection(self, doc: dict[str, Any]) -> None:
        """Keep a result."""
        self._run("insert into inspection(id, lot, doc) values(?, ?, ?)", doc["id"], doc["lot"], json.dumps(doc))

    def count(self, name: str) -> int:
        """The next number of a named counter, from 1."""
        number = int(self.meta(f"count/{name}") or 0) + 1
        self.set_meta(f"count/{name}", str(number))
        return number

    def add_event(self, event: dict[str, Any], created_at: datetime) -> None:
        """Put a CloudEvent into the outbox."""
        sql = "insert into outbox(id, type, body, created_at) values(?, ?, ?, ?)"
        self._run(sql, event["id"], event["type"], json.dumps(event), created_at.isoformat())

    def next_event(self) -> sqlite3.Row | None:
        """The oldest event that is still to be delivered."""
        return self._one("select * from outbox where state = 'pending' order by seq limit 1")

    def outbox(self) -> list[dict[str, Any]]:
        """Every event and what became of it, newest first, without its body."""
        columns = "id, type, state, attempts, last_status, last_error, created_at, settled_at"
        return [dict(row) for row in self._all(f"select {columns} from outbox order by seq desc")]  # noqa: S608

    def mark_event(self, event_id: str, state: str, status: int | None, error: str | None, at: datetime) -> None:
        """Record one attempt; `state` is pending, delivered or refused."""
        sql = """update outbox set state = ?, attempts = attempts + 1, last_status = ?, last_error = ?,
                 settled_at = case when ? = 'pending' then null else ? end where id = ?"""
        self._run(sql, state, status, error, state, at.isoformat(), event_id)

    def resend_event(self, event_id: str) -> bool:
        """Make an event pending again; False when there is none of this id."""
        return self._run("update outbox set state = 'pending', settled_at = null where id = ?", event_id) == 1

    def _run(self, sql: str, *values: object) -> int:
        return self._connection.execute(sql, values).rowcount

    def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()
