"""Trying a draft before anybody is paged: a scenario in the simulator, and the last days again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.visitors import Visitor, VisitorDocument
from api.definitions.checking import Checked, Remark, check, marks_of, remarks_on
from api.deps import ApiDeps, Deps
from api.rendering import show
from authoring.rehearsal import rehearse
from authoring.replay import rendering
from authoring.replay.model import Place
from authoring.scenarios.naming import ScenarioError
from authoring.scenarios.setting import Setting
from authoring.trial import Example, Tried, examples, try_out
from domain.errors import InvalidPayloadError, InvariantError, NotFoundError
from domain.language.definition import Definition
from domain.values import Json
from store.read.definitions import authoring

router = APIRouter()
ERRORS = "The definition has errors: mend them first."
NO_SITE = "There is no site document yet: push one first."
_MOST_DAYS = 90


@dataclass(frozen=True)
class Trial:
    """`remarks`: what is wrong in the scenario itself; `wrong`: why it could not be played at all."""

    offers: Sequence[Example] = ()
    tried: Tried | None = None
    remarks: Sequence[Remark] = ()
    wrong: str = ""


@router.post("/drafts/{number}/scenario")
async def scenario(request: Request, deps: Deps, login: Visitor, form: VisitorDocument, number: int) -> Response:
    """What a scenario tells with the text as it stands on the page, as a part of the page."""
    sheet = await authoring.sheet(deps.database, number)
    text = form.get("text", sheet.draft.source_text).replace("\r\n", "\n")
    checked = await check(deps, text, sheet.draft.definition)
    trial = await _trial(deps, checked, text, form.get("scenario", "").replace("\r\n", "\n"))
    return await show(request, login, "definition_trial.html", trial=trial)


async def _trial(deps: ApiDeps, checked: Checked, text: str, told: str) -> Trial:
    if checked.whole is None or checked.errors:
        return Trial(wrong=ERRORS)
    try:
        site, roster = await authoring.setting(deps.database)
    except NotFoundError:
        return Trial(wrong=NO_SITE)
    setting = Setting(site, roster, deps.scenario_answers)
    try:
        async with deps.trial_turn:
            return Trial(tried=await asyncio.to_thread(_play, checked.whole, told, setting, text))
    except ScenarioError as error:
        return Trial(remarks=remarks_on(error.findings, told))
    except InvariantError as error:
        return Trial(wrong=f"It was stopped: {error.message}")


@dataclass(frozen=True)
class Rehearsal:
    """`report`: the difference as data and `told` as text; or why there is none."""

    report: dict[str, Json] | None = None
    told: str = ""
    wrong: str = ""


@router.post("/drafts/{number}/replay")
async def replay(request: Request, deps: Deps, login: Visitor, form: VisitorDocument, number: int) -> Response:
    """What the text as it stands on the page would have done in the last `days`, beside the live version."""
    sheet = await authoring.sheet(deps.database, number)
    text = form.get("text", sheet.draft.source_text).replace("\r\n", "\n")
    checked = await check(deps, text, sheet.draft.definition)
    found = await _rehearsal(deps, checked, _days(form), sheet.draft.definition)
    return await show(request, login, "definition_replay.html", found=found)


def _days(form: dict[str, str]) -> int:
    text = form.get("days", "7").strip()
    if not text.isdigit() or not 1 <= int(text[:4]) <= _MOST_DAYS:
        raise InvalidPayloadError(f"Look back 1 to {_MOST_DAYS} days.")
    return int(text)


async def _rehearsal(deps: ApiDeps, checked: Checked, days: int, name: str) -> Rehearsal:
    if checked.whole is None or checked.errors:
        return Rehearsal(wrong=ERRORS)
    try:
        place = Place(*await authoring.setting(deps.database))
    except NotFoundError:
        return Rehearsal(wrong=NO_SITE)
    book = (await authoring.book(deps.database, name)).live
    live = (book.number, Definition.model_validate(book.content)) if book else None
    now = deps.now()
    async with deps.trial_turn:
        report = await rehearse(deps.database, checked.whole, live, place, now - timedelta(days=days), now)
    return Rehearsal(report, rendering.text(report))


def _play(definition: Definition, told: str, setting: Setting, text: str) -> Tried:
    return try_out(definition, told, setting, marks_of(text))


def offers(name: str) -> list[Example]:
    """Scenarios to begin from."""
    return examples(name)
