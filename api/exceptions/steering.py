"""Steering a running exception: from its page by a form, from a program as JSON. What comes of it decides the workflow.

A command is committed like an answer (202, or back to the page); its outcome is read under the id that it got.
"""

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from admin.access.sessions import Login
from api.access.visitors import ForgedFormError, Visitor, VisitorForm
from api.bodies import FORM_LIMIT, read_body
from api.deps import ApiDeps, Deps
from authoring.diff import diff
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.language import misfits
from domain.rosters.people import ChannelName, may_decide
from domain.values import Json
from intake.commands import AUTHORITY, Wish, receive
from store.read.console import ExceptionRow
from store.read.definitions import steering
from store.read.definitions.steering import Steered, Version

router = APIRouter()
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_PRESS = re.compile(r"[A-Za-z0-9]{1,64}")
_TEXT_LIMIT = 2000


@dataclass(frozen=True)
class Panel:
    """What the page shows. `outcome`: of the command that this person has just given; `changes`: what the version of a
    preview says differently, in words."""

    may: bool
    steps: Sequence[dict[str, Json]]
    runs: Version | None
    versions: Sequence[Version]
    steered: Sequence[Steered]
    outcome: Steered | None
    goes_to: Version | None
    changes: Sequence[str]


async def panel(deps: ApiDeps, login: Login, row: ExceptionRow, given: str) -> Panel:
    """For one reader; `given` is the id of their command, or empty."""
    may = may_steer(login)
    known = await steering.versions(deps.database, row.definition) if may else []
    outcome = await steering.command(deps.database, login.person.id, given) if given else None
    goes_to = _version_of(outcome, known)
    return Panel(
        may=may and row.closed_at is None,
        steps=(row.state or {}).get("steps", []),
        runs=next((one for one in known if one.version == row.version), None),
        versions=[one for one in known if one.version != row.version],
        steered=await steering.steered(deps.database, row.id),
        outcome=outcome,
        goes_to=goes_to,
        changes=await _changes(deps, row, goes_to) if outcome and outcome.body["preview"] else [],
    )


def may_steer(login: Login) -> bool:
    """Whether to offer it. The last word has who resolves the command: somebody may have it for some areas only."""
    return not may_decide(login.person, AUTHORITY, "", ChannelName.CONSOLE.value, "normal")


def _version_of(outcome: Steered | None, known: Sequence[Version]) -> Version | None:
    return next((one for one in known if outcome and one.version == outcome.body["version"]), None)


async def _changes(deps: ApiDeps, row: ExceptionRow, goes_to: Version | None) -> list[str]:
    before, after = await steering.definitions(deps.database, [row.version, goes_to.version if goes_to else ""])
    return [change.sentence for change in diff(before, after)] if before and after else []


@router.post("/exceptions/{exception_id}/steer")
async def steer(deps: Deps, login: Visitor, form: VisitorForm, exception_id: str) -> Response:
    """`do` is `pause`, `skip:<step>`, `preview` ...; with `reason`, `version`, and `values:<step>` a line each."""
    row = await _open(deps, exception_id)
    kind, _, step = form.get("do", "").partition(":")
    preview = kind == "preview"
    wish = Wish(
        "migrate" if preview else kind,
        reason=form.get("reason", "").strip()[:_TEXT_LIMIT],
        step=step[:200],
        values=read_values(form.get(f"values:{step}", "")) if kind == "skip" else {},
        version=form.get("version", "")[:64] if kind in ("preview", "migrate") else "",
        preview=preview,
    )
    given = await _commit(deps, login, row, wish, form.get("press_id", ""))
    return RedirectResponse(f"/exceptions/{row.id}?steer={quote(given, safe='')}#steer", 303)


def read_values(text: str) -> dict[str, Json]:
    """`name: value` a line; a value is a number, true or false, or else text. Raises InvalidPayloadError."""
    found: dict[str, Json] = {}
    for line in text[:_TEXT_LIMIT].splitlines():
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or not _NAME.fullmatch(name):
            raise InvalidPayloadError(f"Write each value on its own line as 'name: value', not '{line.strip()[:60]}'.")
        found[name] = _value(value)
    return found


def _value(text: str) -> Json:
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return read if isinstance(read, bool | int | float) else text


class CommandIn(BaseModel):
    """A command as programs send it. `id`: their own number for it, so that sent again it is the same command."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    reason: str = Field(default="", max_length=_TEXT_LIMIT)
    step: str = Field(default="", max_length=200)
    values: dict[str, Json] = Field(default={}, max_length=50)
    version: str = Field(default="", max_length=64)
    preview: bool = False
    id: str = ""


@router.get("/api/exceptions/{exception_id}/steering")
async def standing(deps: Deps, login: Visitor, exception_id: str) -> Response:
    """How it stands, which steps can be retried or skipped, where it could go, what was done so far; and the token
    that a command has to carry."""
    row = await _known(deps, exception_id)
    state, known = row.state or {}, await steering.versions(deps.database, row.definition)
    told = await steering.steered(deps.database, row.id)
    body = {
        "exception": row.id,
        "closed_at": row.closed_at,
        "handling": row.handling,
        "version": row.version,
        "paused": bool(state.get("paused")),
        "by_hand": state.get("by_hand", ""),
        "steps": state.get("steps", []),
        "versions": [asdict(one) for one in known],
        "commands": [_told(one) for one in told],
        "may_steer": may_steer(login) and row.closed_at is None,
        "csrf": login.csrf,
    }
    return JSONResponse(json.loads(json.dumps(body, default=str)))


@router.post("/api/exceptions/{exception_id}/commands")
async def command(
    request: Request, deps: Deps, login: Visitor, exception_id: str, x_csrf_token: Annotated[str, Header()] = ""
) -> Response:
    """Commit a command: 202 with where its outcome will be. The header `x-csrf-token` proves that a page of this
    log-in, or a program that holds it, sent it."""
    if not hmac.compare_digest(x_csrf_token.encode(), login.csrf.encode()):
        raise ForgedFormError("Send the token of your log-in in the header x-csrf-token.")
    sent = _read(await read_body(request, FORM_LIMIT))
    row = await _open(deps, exception_id)
    wish = Wish(sent.kind, **sent.model_dump(exclude={"kind", "id"}))
    given = await _commit(deps, login, row, wish, sent.id or deps.randomness(16).hex())
    where = f"/api/commands/{quote(given, safe='')}"
    return JSONResponse({"id": given, "outcome": None, "href": where}, 202, headers={"location": where})


@router.get("/api/commands/{command_id}")
async def outcome(deps: Deps, login: Visitor, command_id: str) -> Response:
    """What became of one's own command; `outcome` is null until it is settled."""
    found = await steering.command(deps.database, login.person.id, command_id)
    if found is None:
        raise NotFoundError("There is no such command of yours.")
    return JSONResponse(_told(found))


def _read(body: bytes) -> CommandIn:
    try:
        return CommandIn.model_validate_json(body)
    except ValidationError as error:
        raise InvalidPayloadError(f"Can't be read: {misfits.first(error, CommandIn, whole='body')}.") from error


def _told(one: Steered) -> dict[str, Json]:
    names = ("exception", "kind", "reason", "step", "values", "version", "preview")
    said = {name: one.body[name] for name in names}
    return {"id": one.id, "person": one.person, "at": one.at.isoformat(), **said, "outcome": one.outcome}


async def _known(deps: ApiDeps, exception_id: str) -> ExceptionRow:
    row = await steering.exception(deps.database, exception_id)
    if row is None:
        raise NotFoundError("There is no such exception. Look for it on the board.")
    return row


async def _open(deps: ApiDeps, exception_id: str) -> ExceptionRow:
    row = await _known(deps, exception_id)
    if row.closed_at is not None:
        raise ConflictError("This exception is closed: nothing is left to steer.", code="mos.closed")
    return row


async def _commit(deps: ApiDeps, login: Login, row: ExceptionRow, wish: Wish, press_id: str) -> str:
    if not _PRESS.fullmatch(press_id):
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    return await receive(
        deps.database,
        person=login.person.id,
        exception=row.id,
        wish=wish,
        press_id=press_id,
        now=deps.now(),
        via=login.via,
    )
