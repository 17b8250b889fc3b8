"""The ledger taken out: what a search finds, as CSV that no spreadsheet takes for a formula, or as JSON lines."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from admin.audit.files import safe
from domain.books.booking import Preview
from domain.values import Json, canonical, iso
from store.db import Database
from store.read.books import ledger as read
from store.read.books.ledger import Entry, Search

KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_COLUMNS = (
    *("transaction", "system", "status", "what", "record", "field", "before", "after", "documents", "exception"),
    *("title", "definition", "step", "decided_by", "authority", "decided", "signature", "standing_version"),
    *("standing_grantor", "requested_by", "approved_by", "drafted", "posted"),
    *("attempts", "error", "reason", "reverses", "reversed_by", "key"),
)


async def texts(database: Database, search: Search, format: str) -> AsyncIterator[str]:
    """The file, piece by piece."""
    if format == "csv":
        yield _lines([_COLUMNS])
    async for batch in read.find_all(database, search):
        if format == "csv":
            yield _lines(row for entry in batch for row in _rows(entry))
        else:
            yield "".join(canonical(told(entry)) + "\n" for entry in batch)


def told(entry: Entry) -> Json:
    """A transaction as programs read it."""
    row = entry.transaction
    names = ("id", "key", "exception_id", "step", "system", "definition", "outcomes", "decision", "objects")
    more = ("status", "attempts", "documents", "error", "preview", "drift", "held", "reverses", "reversed_by", "reason")
    ground = ("standing_version", "standing_grantor", "requested_by", "approved_by")
    times = {name: iso(at) if (at := getattr(row, name)) else None for name in ("drafted_at", "posted_at")}
    values = {name: getattr(row, name) for name in (*names, *more, *ground, "impact")}
    decided, signature = (entry.decision.person, entry.decision.signature) if entry.decision else ("", "")
    return values | times | {"exception": entry.title, "decided_by": decided, "signature": signature}


def _rows(entry: Entry) -> Iterator[Sequence[str]]:
    """A line for each field that the system said would change; one where it says nothing."""
    row, decision = entry.transaction, entry.decision
    decided = (decision.person, decision.authority, iso(decision.at), decision.signature) if decision else ("",) * 4
    what = ", ".join(outcome.get("kind", "") for outcome in row.outcomes)
    about = (", ".join(row.documents or []), row.exception_id, entry.title, row.definition, row.step, *decided)
    ground = (row.standing_version, row.standing_grantor, row.requested_by, row.approved_by)
    times = (*ground, iso(row.drafted_at), iso(row.posted_at) if row.posted_at else "", str(row.attempts))
    end = (row.error or "", row.reason, row.reverses, row.reversed_by, row.key)
    changes = Preview.model_validate(row.preview).changes if row.preview else []
    fields = [(one.record, one.field, _plain(one.before), _plain(one.after)) for one in changes]
    for field in fields or [("", "", "", "")]:
        yield (row.id, row.system, row.status, what, *field, *about, *times, *end)


def _plain(value: Json) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return sheet.getvalue()
