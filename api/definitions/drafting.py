"""A draft on its page: written, checked while it is written, compared, submitted, sent back, signed off."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from admin.access.sessions import Login
from admin.actors import Actor
from admin.definitions import drafts
from admin.definitions.drafts import Deed
from api.access.visitors import Visitor, VisitorDocument, confirmed
from api.definitions import bundle
from api.definitions.checking import Checked, check
from api.definitions.pages import line_diff, may_publish
from api.definitions.trying import Trial, offers
from api.deps import ApiDeps, Deps
from api.problems import status_of
from api.rendering import show
from authoring import diff
from domain.errors import ConflictError, InvalidPayloadError, MosError
from domain.language.definition import Definition
from domain.language.definition_text import DefinitionError
from store.read.definitions import authoring
from store.read.definitions.authoring import DefinitionRow, Sheet

router = APIRouter()
_UNPROCESSABLE = 422


@dataclass(frozen=True)
class Review:
    """What this text would change: in words, and line by line against `against` (None: there is nothing before it)."""

    against: DefinitionRow | None
    changes: Sequence[str]
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Clash:
    """Somebody was quicker: who and when stands in the draft; `lines` lead from what they saved to what is here."""

    mine: str
    lines: Sequence[tuple[str, str]]


@router.get("/drafts/{number}")
async def draft(request: Request, deps: Deps, login: Visitor, number: int, done: str = "") -> Response:
    return await _page(request, deps, login, number, done=done)


async def _page(
    request: Request,
    deps: ApiDeps,
    login: Login,
    number: int,
    *,
    done: str = "",
    wrong: MosError | None = None,
    clash: Clash | None = None,
    typed: str = "",
) -> Response:
    """`typed`: what was in the form and is not kept yet."""
    sheet = await authoring.sheet(deps.database, number)
    text = typed or sheet.draft.source_text
    checked = await check(deps, text, sheet.draft.definition)
    return await show(
        request,
        login,
        "definition_draft.html",
        status=_status(wrong),
        sheet=sheet,
        text=text,
        checked=checked,
        review=_review(sheet, text, checked),
        trial=Trial(offers=offers(sheet.draft.definition)),
        mine=login.person.id in sheet.draft.authors,
        may=may_publish(login),
        done=done[:40],
        wrong=wrong.message if wrong else "",
        clash=clash,
        editor=bundle.present(),
    )


def _status(wrong: MosError | None) -> int:
    if wrong is None:
        return 200
    return _UNPROCESSABLE if isinstance(wrong, DefinitionError) else status_of(wrong)


def _review(sheet: Sheet, text: str, checked: Checked) -> Review:
    before = sheet.newest or sheet.origin
    lines = line_diff(before.source_text, text) if before else []
    if checked.definition is None:
        return Review(before, [], lines)
    former = Definition.model_validate(before.content) if before else None
    changes = [change.sentence for change in diff.diff(former, checked.definition)]
    return Review(before, changes, lines)


@router.post("/drafts/{number}/check")
async def look(request: Request, deps: Deps, login: Visitor, form: VisitorDocument, number: int) -> Response:
    """The findings and the drawing of a text that is not kept yet, as a part of the page."""
    sheet = await authoring.sheet(deps.database, number)
    text = _text(form)
    checked = await check(deps, text, sheet.draft.definition)
    return await show(
        request, login, "definition_check.html", checked=checked, review=_review(sheet, text, checked), sheet=sheet
    )


@router.post("/drafts/{number}")
async def act(request: Request, deps: Deps, login: Visitor, form: VisitorDocument, number: int) -> Response:
    """`do` says what, `rev` which revision the page showed, `text` what is written (where it is being written)."""
    what, typed = form.get("do", ""), form.get("text")
    quiet = request.headers.get("accept", "") == "application/json"
    try:
        rev = await _do(deps, login, form, number)
    except ConflictError as error:
        clash = await _clash(deps, number, _text(form)) if typed is not None else None
        if quiet:
            return JSONResponse({"detail": error.message}, 409)
        return await _page(request, deps, login, number, wrong=error, clash=clash)
    except MosError as error:
        if quiet:
            return JSONResponse({"detail": error.message}, _status(error))
        return await _page(request, deps, login, number, wrong=error, typed=_text(form) if typed is not None else "")
    if quiet:
        return JSONResponse({"rev": rev})
    return RedirectResponse(f"/drafts/{number}?{urlencode({'done': what})}", 303)


async def _clash(deps: ApiDeps, number: int, mine: str) -> Clash:
    theirs = (await authoring.sheet(deps.database, number)).draft.source_text
    return Clash(mine, line_diff(theirs, mine))


async def _do(deps: ApiDeps, login: Login, form: dict[str, str], number: int) -> int:
    """Gives the new revision; 0 when there is none to go on with."""
    what, database, deed = form.get("do", ""), deps.database, _deed(deps, login, form)
    if what == "save":
        return await drafts.save(database, number, _text(form), deed)
    if what == "submit":
        return await _submit(deps, form, number, deed)
    if what == "rebase":
        return await drafts.rebase(database, number, deed)
    if what == "send_back":
        return await drafts.send_back(database, number, form.get("comment", ""), deed)
    if what == "discard":
        await drafts.discard(database, number, deed)
    elif what in ("approve", "approve_live"):
        await confirmed(deps, login, form)
        await drafts.approve(database, number, deed, live=what == "approve_live")
    else:
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    return 0


async def _submit(deps: ApiDeps, form: dict[str, str], number: int, deed: Deed) -> int:
    """What stands in the page is what is submitted: kept first, if it is not."""
    sheet, text = await authoring.sheet(deps.database, number), _text(form)
    if text != sheet.draft.source_text:
        rev = await drafts.save(deps.database, number, text, deed)
        deed = Deed(deed.by, deed.now, rev)
    return await drafts.submit(deps.database, number, form.get("reason", ""), deed)


def _deed(deps: ApiDeps, login: Login, form: dict[str, str]) -> Deed:
    rev = form.get("rev", "")
    if not rev.isdigit() or len(rev) > 9:
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    return Deed(Actor(login.person.id), deps.now(), int(rev))


def _text(form: dict[str, str]) -> str:
    """As it was typed: browsers send line ends as CR LF."""
    return form.get("text", "").replace("\r\n", "\n")
