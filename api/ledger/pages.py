"""The ledger's pages: search and saved views, one transaction with before, after and provenance, the queues of what
waits for somebody, and what holds for each system."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import ValidationError

from admin.access.sessions import Login
from admin.actors import UnsignedError
from admin.audit import auditing
from admin.books import deciding
from admin.books import ledger as admin
from admin.books.deciding import Deed, Signed
from admin.books.signing import method_of
from api.access.visitors import Visitor, VisitorForm, actor_of, confirmed
from api.deps import ApiDeps, Deps
from api.ledger.connections import connections
from api.ledger.export import KINDS, texts, told
from api.ledger.searching import asked_of, manages, search_of
from api.problems import status_of
from api.rendering import show, wants_page
from api.wording import Tongue
from domain.books.booking import ReadBack
from domain.books.ledger import BOOKED, UNSENT, Control, State
from domain.books.outcome_rules import DECLARATIONS
from domain.books.outcomes import System
from domain.errors import AuthError, InvalidPayloadError, MosError, NotFoundError
from domain.language import misfits
from domain.values import Json, content_hash
from store.read import site as site_read
from store.read.books import ledger as read
from store.read.books.ledger import LedgerRow

router = APIRouter()


@router.get("/ledger")
async def ledger(request: Request, deps: Deps, login: Visitor) -> Response:
    """Filters: `words`, `status`, `system`, `queue` (again, approve, waiting = both, dead, differs), `kind`,
    `definition`, `since` and `until` (days of the site); `page` from 1."""
    search, asked = await search_of(deps, request.query_params), asked_of(request.query_params)
    found = await read.find(deps.database, search, login.person.id)
    return await show(
        request,
        login,
        "ledger.html",
        found=found,
        entries=found.entries,
        names=found.names,
        search=search,
        asked=asked,
        query=urlencode(asked),
        definitions=await read.definitions(deps.database),
        pages=-(-found.total // read.PAGE),
        bulk=manages(login) and found.total and "dead" in (search.queue, search.status[:4]),
        states=[state.value for state in State],
        systems=[system.value for system in System],
        kinds=sorted(DECLARATIONS),
    )


@router.get("/api/ledger")
async def entries(request: Request, deps: Deps, login: Visitor) -> Json:
    """The same as JSON: `{"total", "transactions": [...]}`, 50 a page."""
    found = await read.find(deps.database, await search_of(deps, request.query_params), login.person.id)
    return {"total": found.total, "queues": found.queues, "transactions": [told(one) for one in found.entries]}


@router.post("/ledger/export")
async def export(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """Everything that fits, as `csv` or `jsonl`; that it was taken out is on record."""
    format = form.get("format", "")
    if format not in KINDS:
        raise InvalidPayloadError("Choose CSV or JSONL.")
    search, by = await search_of(deps, form), actor_of(login)
    await auditing.told_of_export(deps.database, format, "ledger", by, deps.now(), wanted=asked_of(form))
    name = {"content-disposition": f'attachment; filename="ledger.{format}"'}
    return StreamingResponse(texts(deps.database, search, format), media_type=KINDS[format], headers=name)


@router.post("/ledger/views")
async def keep_view(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`name` and `query` (empty: forget it)."""
    query = form.get("query", "")
    await admin.keep_view(deps.database, form.get("name", ""), query, by=actor_of(login))
    return RedirectResponse(f"/ledger?{query}", 303)


@router.get("/ledger/systems")
async def systems(request: Request, deps: Deps, login: Visitor) -> Response:
    """What holds for each system and definition, and how each is connected, without any secret."""
    return await _systems(request, deps, login)


async def _systems(
    request: Request, deps: ApiDeps, login: Login, typed: Mapping[str, str] | None = None, wrong: MosError | None = None
) -> Response:
    """`typed` is what was refused and why (`wrong`): it stands in its form as it was typed."""
    names = [system.value for system in System]
    found = await read.connectors(deps.database, names, deps.now())
    linked = {name: connections(await _connectors(deps), name) for name in names}
    told: dict[str, Json] = {"connectors": found, "may": manages(login), "linked": linked, "typed": typed}
    status = status_of(wrong) if wrong else 200
    wrong_text = wrong.message if wrong else ""
    return await show(request, login, "ledger_systems.html", status=status, wrong=wrong_text, **told)


async def _connectors(deps: ApiDeps) -> Json:
    try:
        async with deps.database.transaction() as session:
            return await site_read.document(session, "connectors")
    except NotFoundError:
        return []


@router.post("/ledger/systems")
async def set_control(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`scope`, `stopped`, `dry_run`, `per_hour`, `per_minute`, `windows` (one a line), `reason`."""
    try:
        await admin.set_control(deps.database, _control(form), by=actor_of(login), now=deps.now())
    except InvalidPayloadError as error:
        if not wants_page(request) or not manages(login):
            raise
        return await _systems(request, deps, login, form, error)
    return RedirectResponse("/ledger/systems", 303)


def _control(form: Mapping[str, str]) -> Control:
    windows = [line.strip() for line in form.get("windows", "").splitlines() if line.strip()]
    try:
        return Control.model_validate(
            {
                "scope": form.get("scope", "").strip(),
                "stopped": bool(form.get("stopped")),
                "dry_run": bool(form.get("dry_run")),
                "per_hour": form.get("per_hour") or 0,
                "per_minute": form.get("per_minute") or 0,
                "windows": [_window(line) for line in windows],
                "reason": form.get("reason", "").strip(),
            }
        )
    except ValidationError as error:
        raise InvalidPayloadError(_misfit(error, windows)) from error


def _misfit(error: ValidationError, windows: list[str]) -> str:
    """Of a window the line as it was typed, and how to write one."""
    first = error.errors()[0]
    if first["loc"][:1] == ("windows",) and len(first["loc"]) > 1:
        line = windows[int(first["loc"][1])]
        return f"'{line}' is no window: write 'sat,sun 22:00-04:00', or two ISO times with their zone."
    return f"{misfits.first(error, Control, whole='windows')}."


def _window(line: str) -> dict[str, Any]:
    """`sat,sun 22:00-04:00`, or `2026-12-24T18:00+01:00 2026-12-27T06:00+01:00`."""
    first, _, second = line.partition(" ")
    if "T" in first:
        return {"since": first, "until": second.strip()}
    start, _, end = second.strip().partition("-")
    return {"days": tuple(first.split(",")), "start": start, "end": end}


@router.get("/ledger/reconciliation")
async def reconciliation(request: Request, _: Visitor) -> Response:
    """Where people look for it: it has a page of its own."""
    query = request.url.query
    return RedirectResponse(f"/reconciliation?{query}" if query else "/reconciliation", 303)


@router.get("/ledger/{transaction_id}")
async def transaction(
    request: Request, deps: Deps, login: Visitor, transaction_id: str, said: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    return await _page(request, deps, login, transaction_id, said=said)


@dataclass(frozen=True)
class Mending:
    """A mended payload that is not taken yet: what was wrong, as it was typed, why, and what signs it when it is a
    signature that it lacks."""

    refused: str
    typed: str
    system: str
    reason: str
    content: Json = None
    shown: str = ""
    need: deciding.Need | None = None


async def _page(
    request: Request,
    deps: ApiDeps,
    login: Login,
    number: str,
    *,
    said: str = "",
    mending: Mending | None = None,
    status: int = 200,
) -> Response:
    sheet = await read.sheet(deps.database, number)
    if sheet is None:
        raise NotFoundError("There is no such transaction. Look for it in the ledger.")
    row = sheet.transaction
    return await show(
        request,
        login,
        "transaction.html",
        status=status,
        sheet=sheet,
        mending=mending,
        tongue=Tongue(login.person.language),
        t=row,
        said=said,
        manages=manages(login),
        shown=content_hash(deciding.content_of(row)),
        sign=await _sign_of(deps, row),
        may_withdraw=row.status in UNSENT and not (row.reverses and not row.approved_by) and manages(login),
        may_reverse=row.status in BOOKED and row.status != State.REVERSED and not row.reverses,
        systems=[system.value for system in System],
        payload=json.dumps(row.outcomes, indent=2, ensure_ascii=False),
        declarations=DECLARATIONS,
        changed=ReadBack.model_validate(row.read_back).changed if row.read_back else [],
    )


async def _sign_of(deps: ApiDeps, row: LedgerRow) -> deciding.Need | None:
    """What whoever decides this page's transaction has to sign with. A mended one is signed when it can be seen."""
    waits = row.status == State.SENT_BACK or (row.reverses and row.status == State.PREVIEWED)
    return await deciding.needed(deps.database, row) if waits else None


async def _signed(deps: ApiDeps, login: Login, form: dict[str, str]) -> Signed | None:
    """The signature that came with the form (`meaning`, `password`, `code`), proved as one of an approval is. None when
    none came: whether one is needed says the matrix. Raises as `confirmed`."""
    code, meaning = form.get("code", "")[:40], form.pop("meaning", "")
    if not form.get("password", ""):
        return None
    await confirmed(deps, login, form)
    return Signed(login.person.name, meaning, method_of(login, code))


@router.post("/ledger/{transaction_id}")
async def do(request: Request, deps: Deps, login: Visitor, form: VisitorForm, transaction_id: str) -> Response:
    """`do` is approve_again, drop, retry, write_off, withdraw, reverse, approve_reversal or decline_reversal; with a
    signature where the matrix wants one."""
    what, database, goes_to = form.get("do", ""), deps.database, transaction_id
    deed = Deed(actor_of(login), deps.now(), form.get("reason", ""), form.get("shown", ""))
    if what in ("approve_again", "drop", "approve_reversal", "decline_reversal"):
        deed = replace(deed, signed=await _signed(deps, login, form))
    if what in ("approve_again", "drop"):
        await admin.decide_again(database, transaction_id, deed, approve=what == "approve_again")
    elif what == "retry":
        try:
            await _retry(deps, login, form, transaction_id, deed)
        except (UnsignedError, AuthError, InvalidPayloadError) as error:
            if not form.get("outcomes") or not wants_page(request):
                raise
            mending = await _mending(deps, form, transaction_id, error)
            return await _page(request, deps, login, transaction_id, mending=mending, status=status_of(error))
    elif what == "withdraw":
        await admin.withdraw(database, transaction_id, deed)
    elif what == "write_off":
        await admin.write_off(database, transaction_id, deed)
    elif what == "reverse":
        goes_to = await admin.ask_reversal(database, transaction_id, deed)
    elif what in ("approve_reversal", "decline_reversal"):
        await admin.decide_reversal(database, transaction_id, deed, approve=what == "approve_reversal")
    else:
        raise InvalidPayloadError("Choose what to do. Load the page again.")
    return RedirectResponse(f"/ledger/{goes_to}?said={what}", 303)


async def _retry(deps: ApiDeps, login: Login, form: dict[str, str], number: str, deed: Deed) -> None:
    outcomes = _payload(form.get("outcomes", ""))
    deed = replace(deed, signed=await _signed(deps, login, form))
    await admin.retry(deps.database, number, deed, outcomes=outcomes, system=form.get("system", ""))


async def _mending(deps: ApiDeps, form: dict[str, str], number: str, error: MosError) -> Mending:
    """What somebody typed is not lost; what has to be signed is shown with what it was mended to."""
    refused = "" if isinstance(error, UnsignedError) else error.message
    typed = Mending(refused, form["outcomes"], form.get("system", ""), form.get("reason", ""))
    sheet = await read.sheet(deps.database, number)
    if sheet is None or isinstance(error, InvalidPayloadError):
        return typed
    found, content = deciding.mended(sheet.transaction, _payload(typed.typed), typed.system)
    need = await deciding.needed(deps.database, sheet.transaction, found)
    return replace(typed, content=content, shown=content_hash(content), need=need)


def _payload(text: str) -> Json:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidPayloadError(f"The payload is no JSON: {error}.") from error
