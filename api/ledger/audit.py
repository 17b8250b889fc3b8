"""The audit page: search, one record with its proof, verify, take out. For those who hold `read_audit`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from admin.access.sessions import Login
from admin.actors import Actor, may
from admin.audit import auditing
from admin.audit.files import as_csv, found_as_json
from api.access.visitors import Visitor, VisitorForm
from api.deps import ApiDeps, Deps
from api.exceptions.dossier import paper
from api.rendering import show, site_of
from api.wording import day_of
from domain.audit.chain import Head, link
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json
from store.read import board
from store.read.evidence import audit as read
from store.read.evidence.audit import Found, Wanted
from store.read.evidence.dossier import dossier as collect

router = APIRouter()
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
PAGE = 100
MOST = 20_000  # numbers that one press on the page looks at; `mos audit verify` looks at all
_KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


@dataclass(frozen=True)
class Proof:
    """How one record stands: its digest computed now, the hash before it, the signature that covers it."""

    digest: str
    previous: str | None
    hash: str
    head: Head | None
    head_valid: bool

    def holds(self, found: Found) -> bool:
        seal = found.seal
        return seal is not None and self.head_valid and (self.digest, self.hash) == (seal.digest, seal.hash)


class Search(BaseModel):
    """What the page asks for; days as YYYY-MM-DD of the site; `before`: records with a lower id."""

    kind: str = Field("", max_length=200)
    actor: str = Field("", max_length=200)
    subject: str = Field("", max_length=200)
    words: str = Field("", max_length=200)
    start: str = Field("", max_length=10)
    end: str = Field("", max_length=10)
    before: int = Field(2**62, ge=1, le=2**62)


@router.get("/audit")
async def audit(request: Request, deps: Deps, login: Visitor, search: Annotated[Search, Query()]) -> Response:
    """The newest records that match."""
    asked: dict[str, str] = search.model_dump(exclude={"before"})
    wanted = await _wanted(deps, asked)
    async with deps.database.transaction() as session:
        await may(session, Actor(login.person.id), auditing.READ)
        found = await read.find(session, wanted, before=search.before, limit=PAGE)
        known: dict[str, Json] = {"kinds": await read.kinds(session), "head": await read.last_head(session)}
        known |= {"holds": await read.holds(session), "waiting": await read.waiting_since(session)}
        known["names"] = await board.names(session)
    more = found[-1].record.id if len(found) == PAGE else 0
    return await show(request, login, "audit.html", found=found, asked=asked, more=more, most=MOST, **known)


@router.post("/audit/verify")
async def verify(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """Look at the numbers from `first` to `last`, or at the newest."""
    async with deps.database.transaction() as session:
        await may(session, Actor(login.person.id), auditing.READ)
        begin, end = (await read.origin(session))[0] + 1, (await read.last(session))[0]
    last = min(_number(form, "last") or end, end)
    first = max(_number(form, "first") or last - MOST + 1, begin, last - MOST + 1)
    whole = (first, last) == (begin, end)
    report = await auditing.verify(
        deps.database, deps.audit_keys, first=0 if whole else first, last=0 if whole or last == end else last
    )
    return await show(request, login, "audit_verified.html", report=report, whole=whole)


@router.post("/audit/export")
async def export(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """Everything that matches, as `csv` or `jsonl`; that it was taken out is on record."""
    await _reader(deps, login)
    format = form.get("format", "")
    if format not in _KINDS:
        raise InvalidPayloadError("Choose CSV or JSONL.")
    wanted = await _wanted(deps, form)
    said = {name: str(value) for name, value in vars(wanted).items() if value}
    await auditing.told_of_export(deps.database, format, "audit", Actor(login.person.id), deps.now(), wanted=said)
    name = {"content-disposition": f'attachment; filename="audit.{format}"'}
    return StreamingResponse(_texts(deps, wanted, format), media_type=_KINDS[format], headers=name)


@router.post("/exceptions/{exception_id}/dossier")
async def dossier(deps: Deps, login: Visitor, _: VisitorForm, exception_id: str) -> Response:
    """The exception as PDF."""
    await _reader(deps, login)
    found = await collect(deps.database, exception_id)
    if found is None:
        raise NotFoundError("There is no such exception. Look for it on the board.")
    numbers = [one.seal.number for one in found.records if one.seal]
    async with deps.database.transaction() as session:
        end = (await read.last(session))[0]
    first = max(min(numbers, default=end), end - MOST + 1)
    report = await auditing.verify(deps.database, deps.audit_keys, first=first)
    await auditing.told_of_export(deps.database, "dossier", exception_id, Actor(login.person.id), deps.now())
    name = {"content-disposition": f'attachment; filename="{found.page.exception.id}.pdf"'}
    keys = deps.audit_keys.public
    made = await asyncio.to_thread(paper, found, report, maker=login.person.id, now=deps.now(), public_keys=keys)
    return Response(made, 200, name, "application/pdf")


@router.get("/audit/{record}")
async def one(request: Request, deps: Deps, login: Visitor, record: _Number) -> Response:
    """A record with its proof."""
    async with deps.database.transaction() as session:
        await may(session, Actor(login.person.id), auditing.READ)
        found = await read.one(session, record)
        if found is None:
            raise NotFoundError("There is no such record. It may have been archived.")
        seal, digest, names = found.seal, found.record.digest(), await board.names(session)
        proof = None
        if seal is not None:
            previous = await read.hash_at(session, seal.number - 1)
            head = await read.head_over(session, seal.number)
            computed = link(seal.number, previous, digest) if previous else ""
            proof = Proof(digest, previous, computed, head, head is not None and deps.audit_keys.valid(head))
    return await show(request, login, "audit_record.html", found=found, proof=proof, names=names)


async def _reader(deps: ApiDeps, login: Login) -> None:
    async with deps.database.transaction() as session:
        await may(session, Actor(login.person.id), auditing.READ)


async def _texts(deps: ApiDeps, wanted: Wanted, format: str) -> AsyncIterator[str]:
    first = True
    async for batch in read.find_all(deps.database, wanted):
        for text in as_csv(batch, header=first) if format == "csv" else map(found_as_json, batch):
            yield text
        first = False


async def _wanted(deps: ApiDeps, asked: dict[str, str]) -> Wanted:
    """Days are the site's."""
    site = await site_of(deps)
    zone = ZoneInfo(site.timezone if site else "UTC")
    start, end = day_of(asked.get("start", ""), zone), day_of(asked.get("end", ""), zone)
    words = {name: asked.get(name, "").strip()[:200] for name in ("kind", "actor", "subject", "words")}
    return Wanted(**words, start=start, end=end + timedelta(days=1) if end else None)


def _number(form: dict[str, str], name: str) -> int:
    text = form.get(name, "").strip()
    if text and not (text.isdigit() and len(text) < 19):
        raise InvalidPayloadError("Numbers of the audit are whole numbers.")
    return int(text or 0)
