"""The pages of definitions: what there is, which version is in force, what changed when and why, and rolling out."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from admin.access.sessions import Login
from admin.actors import PUBLISH, Actor
from admin.definitions import drafts, rollout
from admin.definitions.rollout import Move
from api.access.visitors import Visitor, VisitorForm
from api.definitions.checking import marks_of
from api.deps import ApiDeps, Deps
from api.problems import status_of
from api.rendering import show
from authoring import diff, language
from authoring.drawing import as_written, draw
from domain.errors import InvalidPayloadError, MosError, NotFoundError
from domain.language.definition import Definition
from store.read.definitions import authoring
from store.read.definitions.authoring import Book, DefinitionRow

router = APIRouter()
_WORDS_LIMIT = 4000
_CONTEXT_LINES = 3


@dataclass(frozen=True)
class Compared:
    """Two versions side by side: what changed in words, and line by line (`mark` is ' ', '+', '-' or '@')."""

    before: DefinitionRow
    after: DefinitionRow
    changes: Sequence[str]
    lines: Sequence[tuple[str, str]]


@router.get("/schemas/definition.json")
async def schema() -> Response:
    """The language's JSON Schema, for any editor; nobody has to be signed in."""
    headers = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
    return JSONResponse(language.schema(), media_type="application/schema+json", headers=headers)


@router.get("/definitions")
async def definitions(request: Request, deps: Deps, login: Visitor) -> Response:
    shelves, names = await authoring.shelves(deps.database)
    return await show(
        request, login, "definitions.html", shelves=shelves, names=names, may=may_publish(login), wrong="", given={}
    )


@router.post("/definitions")
async def begin(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """A new draft: of a `name`, `like` a version of another definition or of its own."""
    name, like = form.get("name", "").strip(), form.get("like", "")
    try:
        number = await drafts.begin(deps.database, name, Actor(login.person.id), deps.now(), like=like)
    except MosError as error:
        shelves, names = await authoring.shelves(deps.database)
        return await show(
            request, login, "definitions.html", status=status_of(error), shelves=shelves, names=names,
            may=may_publish(login), wrong=error.message, given={"name": name, "like": like},
        )  # fmt: skip
    return RedirectResponse(f"/drafts/{number}", 303)


@router.get("/definitions/{name}")
async def definition(
    request: Request,
    deps: Deps,
    login: Visitor,
    name: str,
    before: Annotated[str, Query(max_length=12)] = "",
    after: Annotated[str, Query(max_length=12)] = "",
    done: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """One definition; `before` and `after` are versions to compare, as `v3`."""
    return await _page(request, deps, login, name, compare=(before, after), done=done)


async def _page(
    request: Request,
    deps: ApiDeps,
    login: Login,
    name: str,
    *,
    compare: tuple[str, str] = ("", ""),
    done: str = "",
    wrong: MosError | None = None,
) -> Response:
    book = await authoring.book(deps.database, name)
    return await show(
        request,
        login,
        "definition.html",
        status=status_of(wrong) if wrong else 200,
        book=book,
        may=may_publish(login),
        compared=_compared(book, *compare),
        done=done,
        wrong=wrong.message if wrong else "",
    )


def may_publish(login: Login) -> bool:
    """Whether to offer it; the last word has `admin`."""
    return PUBLISH in login.person.authorities


def _compared(book: Book, before: str, after: str) -> Compared | None:
    first, second = book.numbered(before), book.numbered(after)
    if not before and not after:
        return None
    if first is None or second is None:
        raise NotFoundError(f"'{book.name}' has no such version to compare.")
    changes = diff.diff(Definition.model_validate(first.content), Definition.model_validate(second.content))
    lines = line_diff(first.source_text, second.source_text)
    return Compared(first, second, [change.sentence for change in changes], lines)


def line_diff(before: str, after: str) -> list[tuple[str, str]]:
    """A unified diff as (mark, text)."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT_LINES)
    return [(line[:1], line[1:] if line[:1] != "@" else line) for line in list(found)[2:]]


@router.get("/definitions/{name}/{number}")
async def version(request: Request, deps: Deps, login: Visitor, name: str, number: str) -> Response:
    """One version as it was published: its text and its drawing."""
    book = await authoring.book(deps.database, name)
    row = book.numbered(number)
    if row is None:
        raise NotFoundError(f"'{name}' has no version '{number}'.")
    drawing = draw(as_written(row.content, row.source_text), marks_of(row.source_text))
    return await show(request, login, "definition_version.html", book=book, row=row, drawing=drawing)


@router.post("/definitions/{name}/rollout")
async def roll_out(request: Request, deps: Deps, login: Visitor, form: VisitorForm, name: str) -> Response:
    """`do` is live, try, promote, back, watch, stop_watching or retire; with `version`, `areas`, `share`, `reason`,
    and in `seen_<slot>` what the page showed."""
    try:
        done = await _roll(deps, login, form, name)
    except MosError as error:
        return await _page(request, deps, login, name, wrong=error)
    return RedirectResponse(f"/definitions/{quote(name)}?{urlencode({'done': done})}", 303)


async def _roll(deps: ApiDeps, login: Login, form: dict[str, str], name: str) -> str:
    """Gives what was done, as a stable word."""
    what, wanted, database = form.get("do", ""), form.get("version", ""), deps.database
    move = _move(deps, login, form, what)
    if what == "live":
        await rollout.go_live(database, name, wanted, move)
    elif what == "try":
        areas = [area.strip() for area in form.get("areas", "").split(",") if area.strip()]
        await rollout.try_out(database, name, wanted, move, areas=areas, share=_share(form))
    elif what == "promote":
        await rollout.promote(database, name, move)
    elif what == "back":
        await rollout.roll_back(database, name, move)
    elif what == "watch":
        await rollout.watch(database, name, wanted, move)
    elif what == "stop_watching":
        await rollout.stop_watching(database, name, move)
    elif what == "retire":
        await rollout.retire(database, name, move)
    else:
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    return what


_SLOT_OF = {"live": "live", "try": "trial", "promote": "trial", "watch": "shadow", "stop_watching": "shadow"}


def _move(deps: ApiDeps, login: Login, form: dict[str, str], what: str) -> Move:
    reason = form.get("reason", "").strip()
    if not reason or len(reason) > _WORDS_LIMIT:
        raise InvalidPayloadError("Say why: others and the audit read it.")
    slot = _SLOT_OF.get(what) or ("trial" if form.get("seen_trial") else "live")
    seen = form.get(f"seen_{slot}", "")
    return Move(Actor(login.person.id), deps.now(), reason, seen or None)


def _share(form: dict[str, str]) -> int:
    text = form.get("share", "").strip() or "100"
    if not text.isdigit() or len(text) > 3:
        raise InvalidPayloadError("A share is a number from 0 to 100.")
    return int(text)
