"""The reconciliation's page: what differs between the ledger and the systems' own books, the runs that compared them,
looking again, and what people said about it."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from admin.actors import Actor
from admin.audit import auditing
from admin.audit.files import safe
from admin.books import reconciliation as admin
from admin.books.ledger import AUTHORITY
from api.access.visitors import Visitor, VisitorForm
from api.deps import ApiDeps, Deps
from api.rendering import show, site_of
from api.wording import day_of
from domain.books.outcomes import System
from domain.books.reconciliation import Kind
from domain.errors import InvalidPayloadError
from domain.values import Json, canonical, iso
from store.read.books import reconciliation as read
from store.read.books.reconciliation import Entry, ReconciliationRow, Search

router = APIRouter()
_FILTERS = ("words", "system", "kind", "state", "run")
_LONGEST = 200
_COLUMNS = (
    *("difference", "system", "kind", "state", "record", "field", "posted", "stands", "documents", "transaction"),
    *("key", "exception", "found", "last_seen", "settled", "settled_by", "reason", "run", "last_run"),
)
_KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_DEFAULT_DAYS = 30


def _search(given: dict[str, str]) -> Search:
    values = {name: given.get(name, "")[:_LONGEST].strip() for name in _FILTERS}
    page = given.get("page", "1")
    return Search(**values, page=int(page) if page.isdecimal() and len(page) < 7 else 1)


@router.get("/reconciliation")
async def reconciliation(request: Request, deps: Deps, login: Visitor) -> Response:
    """Filters: `words`, `system`, `kind`, `state` (open without a search; open, settled, all), `run`; `page` from 1."""
    search = _search({"state": "open"} | dict(request.query_params))
    found = await read.find(deps.database, search)
    query = {name: getattr(search, name) for name in _FILTERS if getattr(search, name)}
    return await show(
        request,
        login,
        "reconciliation.html",
        found=found,
        search=search,
        query=urlencode(query),
        pages=-(-found.total // read.PAGE),
        kinds=[kind.value for kind in Kind],
        systems=[system.value for system in System],
        may=AUTHORITY in login.person.authorities,
        month_ago=(deps.now() - timedelta(days=_DEFAULT_DAYS)).date().isoformat(),
    )


@router.get("/api/reconciliation")
async def differences(request: Request, deps: Deps, login: Visitor) -> Json:
    """The same as JSON: `{"total", "open", "runs": [...], "differences": [...]}`, 50 a page."""
    found = await read.find(deps.database, _search({"state": "open"} | dict(request.query_params)))
    told = [_told(one) for one in found.entries]
    return {"total": found.total, "open": found.open, "runs": [_run(run) for run in found.runs], "differences": told}


@router.post("/reconciliation")
async def look_again(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`system`, and `since` as YYYY-MM-DD of the site (empty: 30 days): compare everything posted since then."""
    now = deps.now()
    since = await _day(deps, form.get("since", "")) or now - timedelta(days=_DEFAULT_DAYS)
    run = await admin.look_again(deps.database, form.get("system", ""), since, by=Actor(login.person.id), now=now)
    return RedirectResponse(f"/reconciliation#{run}", 303)


@router.post("/reconciliation/export")
async def export(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """Everything that fits, as `csv` or `json`; that it was taken out is on record."""
    format = form.get("format", "")
    if format not in _KINDS:
        raise InvalidPayloadError("Choose CSV or JSON.")
    search = _search(form)
    wanted = {name: value for name in _FILTERS if (value := getattr(search, name))}
    await auditing.told_of_export(
        deps.database, format, "reconciliation", Actor(login.person.id), deps.now(), wanted=wanted
    )
    name = {"content-disposition": f'attachment; filename="reconciliation.{format}"'}
    texts = _csv(deps, search) if format == "csv" else _json(deps, search)
    return StreamingResponse(texts, media_type=_KINDS[format], headers=name)


@router.post("/reconciliation/{number}")
async def explain(
    deps: Deps, login: Visitor, form: VisitorForm, number: Annotated[str, Path(max_length=60)]
) -> Response:
    """`reason`: what this difference is, and what was done about it."""
    reason = form.get("reason", "")
    await admin.explain(deps.database, number, reason, by=Actor(login.person.id), now=deps.now())
    return RedirectResponse(f"/reconciliation?state=settled#{number}", 303)


def _told(entry: Entry) -> Json:
    row, names = entry.difference, ("id", "system", "kind", "key", "state", "documents", "fields", "reason")
    told = {name: getattr(row, name) for name in (*names, "first_run", "last_run", "settled_by")}
    times = {name: iso(at) if (at := getattr(row, name)) else None for name in ("first_at", "last_at", "settled_at")}
    about = {"transaction": row.transaction_id, "exception": row.exception_id, "title": entry.title}
    return told | times | about | {"status": entry.transaction.status if entry.transaction else ""}


def _run(row: ReconciliationRow) -> Json:
    names = ("id", "system", "asked_by", "status", "compared", "unread", "booked", "found", "error")
    times = {name: iso(at) if (at := getattr(row, name)) else None for name in ("since", "started_at", "ended_at")}
    return {name: getattr(row, name) for name in names} | times | {"asked_at": iso(row.asked_at)}


async def _json(deps: ApiDeps, search: Search) -> AsyncIterator[str]:
    yield "["
    between = ""
    async for batch in read.find_all(deps.database, search):
        yield between + ",\n".join(canonical(_told(one)) for one in batch)
        between = ",\n"
    yield "]\n"


async def _csv(deps: ApiDeps, search: Search) -> AsyncIterator[str]:
    yield _lines([_COLUMNS])
    async for batch in read.find_all(deps.database, search):
        yield _lines(row for entry in batch for row in _rows(entry))


def _rows(entry: Entry) -> Iterator[Sequence[str]]:
    """A line for each field that differs; one where the whole posting does."""
    one, run = entry.difference, (entry.difference.first_run, entry.difference.last_run)
    for field in one.fields or [{}]:
        what = (one.id, one.system, one.kind, one.state, field.get("record", ""), field.get("field", ""))
        values = (_plain(field.get("posted")), _plain(field.get("stands")), ", ".join(one.documents))
        whose = (one.transaction_id, one.key, entry.title or one.exception_id, iso(one.first_at), iso(one.last_at))
        ended = (iso(one.settled_at) if one.settled_at else "", one.settled_by, one.reason)
        yield (*what, *values, *whose, *ended, *run)


def _plain(value: Json) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _lines(rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> str:
    """No cell is taken for a formula by a spreadsheet (C24)."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return sheet.getvalue()


async def _day(deps: ApiDeps, text: str) -> datetime | None:
    """A day of the site."""
    site = await site_of(deps)
    return day_of(text, ZoneInfo(site.timezone if site else "UTC"))
