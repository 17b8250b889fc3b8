"""Trying a draft before anybody is paged: a scenario, played in the simulator."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.checking import Checked, Remark, check, marks_of, remarks_on
from api.deps import ApiDeps, Deps
from api.rendering import show
from api.visitors import Visitor, VisitorDocument
from authoring.scenarios.naming import ScenarioError
from authoring.scenarios.setting import Setting
from authoring.trial import Example, Tried, examples, try_out
from domain.definition import Definition
from domain.errors import InvariantError, NotFoundError
from store.read import authoring

router = APIRouter()


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
        return Trial(wrong="The definition has errors: mend them first.")
    try:
        site, roster = await authoring.setting(deps.database)
    except NotFoundError:
        return Trial(wrong="There is no site document yet: push one first.")
    setting = Setting(site, roster, deps.scenario_answers)
    try:
        async with deps.trial_turn:
            return Trial(tried=await asyncio.to_thread(_play, checked.whole, told, setting, text))
    except ScenarioError as error:
        return Trial(remarks=remarks_on(error.findings, told))
    except InvariantError as error:
        return Trial(wrong=f"It was stopped: {error.message}")


def _play(definition: Definition, told: str, setting: Setting, text: str) -> Tried:
    return try_out(definition, told, setting, marks_of(text))


def offers(name: str) -> list[Example]:
    """Scenarios to begin from."""
    return examples(name)
