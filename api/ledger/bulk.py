"""Many dead letters at once: what a search finds is tried again, or written off, with one reason. The page first says
how many and of which systems; what it showed is what is meant, also when others have died since."""

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from admin.access.sessions import Login
from admin.actors import NotAllowedError
from admin.books.bulk import MOST, Answer, Way, see_to
from admin.books.deciding import Deed
from admin.books.ledger import AUTHORITY
from api.access.visitors import ForgedFormError, Visitor, VisitorForm, actor_of
from api.bodies import FORM_LIMIT, read_body
from api.deps import ApiDeps, Deps
from api.ledger.searching import asked_of, manages, search_of
from api.problems import status_of
from api.rendering import show, wants_page
from domain.errors import InvalidPayloadError, MosError
from domain.language import misfits
from domain.values import Json
from store.read.books import ledger as read
from store.read.books.ledger import Entry

router = APIRouter()
REFUSALS = 10
"""So many different ones stand on the page, the most frequent first."""


class DeadLettersIn(BaseModel):
    """What programs ask for: ids of transactions, and why."""

    model_config = ConfigDict(extra="forbid")

    do: Way
    transactions: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=MOST)
    reason: str = Field(max_length=500)


@router.get("/ledger/dead-letters")
async def asking(request: Request, deps: Deps, login: Visitor) -> Response:
    """`do` is retry or write_off; filters as `/ledger` has them."""
    _keeps(login)
    found, total = await _found(deps, request.query_params)
    shown = Shown(_way(request.query_params), found, total, asked_of(request.query_params))
    return await _page(request, login, shown)


@dataclass(frozen=True)
class Shown:
    """What is asked about (of `total` that fit), then what became of it, or what was `wrong` with what was typed."""

    way: Way
    letters: Sequence[Entry]
    total: int
    asked: Mapping[str, str]
    answer: Answer | None = None
    typed: str = ""
    wrong: MosError | None = None


async def _page(request: Request, login: Login, shown: Shown) -> Response:
    errors = Counter((one.transaction.system, one.transaction.error or "") for one in shown.letters)
    return await show(
        request,
        login,
        "ledger_bulk.html",
        status=status_of(shown.wrong) if shown.wrong else 200,
        shown=shown,
        way=shown.way.value,
        systems=_systems(shown.letters),
        errors=errors.most_common(REFUSALS),
        others=errors.total() - sum(number for _, number in errors.most_common(REFUSALS)),
        by_id={one.transaction.id: one for one in shown.letters},
        query=urlencode(shown.asked),
    )


@router.post("/ledger/dead-letters")
async def do(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`do`, `transactions` (ids, with spaces between) and `reason`; with the filters of the search."""
    way, wanted, reason = _way(form), form.get("transactions", "").split(), form.get("reason", "")
    deed = Deed(actor_of(login), deps.now(), reason)
    found = await read.some(deps.database, wanted[:MOST])
    shown = Shown(way, found, len(found), asked_of(form), typed=reason)
    try:
        answer = await see_to(deps.database, wanted, way, deed)
    except InvalidPayloadError as error:
        if not wants_page(request) or not manages(login):
            raise
        return await _page(request, login, replace(shown, wrong=error))
    return await _page(request, login, replace(shown, answer=answer))


@router.get("/api/ledger/dead-letters")
async def those(request: Request, deps: Deps, login: Visitor) -> Json:
    """What a search (filters as `/api/ledger`) finds of them, 500 at most and the oldest first: `{"total", "systems",
    "transactions": [ids], "csrf"}`."""
    _keeps(login)
    found, total = await _found(deps, request.query_params)
    ids: list[Json] = [one.transaction.id for one in found]
    systems: dict[str, Json] = dict(_systems(found))
    return {"total": total, "systems": systems, "transactions": ids, "csrf": login.csrf}


@router.post("/api/ledger/dead-letters")
async def see_to_them(
    request: Request, deps: Deps, login: Visitor, x_csrf_token: Annotated[str, Header()] = ""
) -> dict[str, Any]:
    """`{"do", "transactions", "reason"}`; answers `{"done": [ids], "refused": [{"transaction", "why"}]}`. The header
    `x-csrf-token` proves that it comes from this log-in."""
    if not hmac.compare_digest(x_csrf_token.encode(), login.csrf.encode()):
        raise ForgedFormError("Send the token of your log-in in the header x-csrf-token.")
    try:
        asked = DeadLettersIn.model_validate_json(await read_body(request, FORM_LIMIT))
    except ValidationError as error:
        raise InvalidPayloadError(f"Can't be read: {misfits.first(error, DeadLettersIn, whole='body')}.") from error
    deed = Deed(actor_of(login), deps.now(), asked.reason)
    answer = await see_to(deps.database, asked.transactions, asked.do, deed)
    return {"done": answer.done, "refused": [{"transaction": one, "why": why} for one, why in answer.refused]}


async def _found(deps: ApiDeps, given: Mapping[str, str]) -> tuple[Sequence[Entry], int]:
    return await read.dead(deps.database, await search_of(deps, given), MOST)


def _systems(found: Sequence[Entry]) -> dict[str, int]:
    return dict(sorted(Counter(one.transaction.system for one in found).items()))


def _way(given: Mapping[str, str]) -> Way:
    try:
        return Way(given.get("do", ""))
    except ValueError as error:
        raise InvalidPayloadError("Choose what to do. Load the page again.") from error


def _keeps(login: Login) -> None:
    if not manages(login):
        raise NotAllowedError(f"This needs the authority '{AUTHORITY}': ask somebody who has it")
