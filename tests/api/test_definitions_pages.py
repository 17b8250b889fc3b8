"""The pages of definitions: written by one, signed by another, rolled out, compared; nothing gets past the rules."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.wording import authored
from infra.demo.answers import demo_answers
from store.db import Database
from store.tables import AuditRow, DraftRow, RolloutRow
from tests.api.authored import (
    AUTHOR,
    BREAKDOWN,
    DEFINITIONS,
    OTHER,
    SIGNER,
    open_breakdown,
    publish,
    publish_demo,
    starved,
)
from tests.api.seeding import HOSTILE, PASSWORD
from tests.api.site import Browser, application, browser, dependencies, emptied, hidden


@pytest.fixture
async def plant(database_url: str) -> AsyncIterator[Database]:
    async with emptied(database_url) as database:
        await publish_demo(database)
        yield database


@pytest.fixture
def app(plant: Database) -> FastAPI:
    return application(dependencies(plant, scenario_answers=demo_answers))


@pytest.fixture
async def author(app: FastAPI) -> AsyncIterator[Browser]:
    async with browser(app) as found:
        await found.sign_in(AUTHOR)
        yield found


@pytest.fixture
async def signer(app: FastAPI) -> AsyncIterator[Browser]:
    async with browser(app) as found:
        await found.sign_in(SIGNER)
        yield found


async def begin(who: Browser, name: str = "line_stop", like: str = "breakdown@v1") -> str:
    """A draft's path."""
    page = await who.get("/definitions")
    answer = await who.post("/definitions", hidden(page.text, 'id="begin"') | {"name": name, "like": like})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def write(who: Browser, path: str, text: str, do: str = "save", **more: str) -> tuple[int, str]:
    page = await who.get(path)
    answer = await who.post(path, hidden(page.text, 'class="meta"') | {"text": text, "do": do, **more})
    return answer.status_code, answer.text


def renamed(**changes: str) -> str:
    text = BREAKDOWN.replace("definition: breakdown", "definition: line_stop")
    for before, after in changes.items():
        text = text.replace(before.replace("__", " "), after)
    return text


async def rows(plant: Database) -> list[DraftRow]:
    async with plant.transaction() as session:
        return list((await session.scalars(select(DraftRow))).all())


async def test_a_copy_is_written_submitted_signed_and_live(author: Browser, signer: Browser, plant: Database) -> None:
    path = await begin(author)
    page = (await author.get(path)).text
    assert "definition: line_stop" in page
    assert "No errors" in page
    text = renamed(maintenance_technician="maintenance_lead")
    assert (await write(author, path, text, "submit", reason="The lead looks at the line first"))[0] == 303
    listed = await signer.get("/definitions")
    assert "Yours to sign" in listed.text
    review = await signer.get(path)
    assert "asks maintenance_lead" in review.text, "against what it is a copy of"
    signed = await signer.post(path, hidden(review.text, 'class="meta"') | {"do": "approve_live", "password": PASSWORD})
    assert signed.status_code == 303
    shown = await signer.get("/definitions/line_stop")
    assert "The lead looks at the line first" in shown.text
    async with plant.transaction() as session:
        slot = (await session.scalars(select(RolloutRow).where(RolloutRow.definition == "line_stop"))).one()  # type: ignore[arg-type]
    assert (slot.slot, slot.started_by) == ("live", SIGNER)


async def test_a_name_that_is_none_and_one_that_is_published(author: Browser) -> None:
    page = await author.get("/definitions")
    fields = hidden(page.text, 'id="begin"')
    wrong = await author.post("/definitions", fields | {"name": "Line Stop!", "like": ""})
    assert wrong.status_code == 400
    assert "small letters, digits and _" in wrong.text
    assert 'value="Line Stop!"' in wrong.text
    again = await author.post("/definitions", fields | {"name": "breakdown", "like": ""})
    assert again.status_code == 303
    assert "What it changes in v1" in (await author.get(again.headers["location"])).text


async def test_what_is_wrong_is_shown_at_its_place(author: Browser, plant: Database) -> None:
    path = await begin(author)
    text = renamed().replace("buttons: [arrived, done]", "buttns: [arrived, done]")
    page = await author.get(path)
    fields = hidden(page.text, 'class="meta"')
    look = await author.post(f"{path}/check", fields | {"text": text})
    assert look.status_code == 200
    line = text.splitlines().index(next(line for line in text.splitlines() if "buttns" in line)) + 1
    assert f'data-line="{line}"' in look.text
    assert "unknown field &#39;buttns&#39;" in look.text
    assert (await rows(plant))[0].rev == 1, "a check keeps nothing"
    status, refused = await write(author, path, text, "submit", reason="because")
    assert status == 422
    assert "buttns" in refused
    kept = (await rows(plant))[0]
    assert (kept.status, kept.source_text) == ("draft", text), "what was written is not lost"


async def test_the_check_names_what_expressions_may_read(author: Browser) -> None:
    page = await author.get(await begin(author))
    assert ">repair.estimate</li>" in page.text
    assert ">params.accept_within</li>" in page.text


async def test_a_draft_named_otherwise_is_told(author: Browser) -> None:
    path = await begin(author)
    page = await author.get(path)
    look = await author.post(f"{path}/check", hidden(page.text, 'class="meta"') | {"text": BREAKDOWN})
    assert "this is a draft of &#39;line_stop&#39;" in look.text


async def test_two_authors_at_once(app: FastAPI, author: Browser, plant: Database) -> None:
    path = await begin(author)
    async with browser(app) as lena:
        await lena.sign_in(OTHER)
        mine = await author.get(path)
        hers = hidden((await lena.get(path)).text, 'class="meta"')
        assert (await lena.post(path, hers | {"do": "save", "text": renamed(planner="scheduler")})).status_code == 303
    fields = hidden(mine.text, 'class="meta"') | {"do": "save", "text": renamed(maintenance_lead="shift_lead")}
    clash = await author.post(path, fields)
    assert clash.status_code == 409
    assert "Lena Fischer changed this draft meanwhile" in clash.text
    assert "shift_lead" in clash.text, "what I wrote is still there"
    assert "scheduler" in clash.text, "and what she saved is shown"
    assert "scheduler" in (await rows(plant))[0].source_text
    over = hidden(clash.text, 'id="clash"') | {"do": "save", "text": renamed(maintenance_lead="shift_lead")}
    assert (await author.post(path, over)).status_code == 303
    assert "shift_lead" in (await rows(plant))[0].source_text


async def test_the_page_keeps_without_loading_again(author: Browser) -> None:
    path = await begin(author)
    fields = hidden((await author.get(path)).text, 'class="meta"') | {"do": "save", "text": renamed()}
    quiet = {"accept": "application/json"}
    saved = await author.client.post(path, data=fields, headers=quiet)
    assert saved.json() == {"rev": 2}
    late = await author.client.post(path, data=fields, headers=quiet)
    assert late.status_code == 409
    assert "revision 2, you saw 1" in late.json()["detail"]


async def test_nobody_signs_their_own(author: Browser, signer: Browser, plant: Database) -> None:
    path = await begin(signer)
    assert (await write(signer, path, renamed(), "submit", reason="mine"))[0] == 303
    assert "Sign it off" not in (await signer.get(path)).text
    fields = hidden((await signer.get(path)).text, 'class="meta"')
    own = await signer.post(path, fields | {"do": "approve_live", "password": PASSWORD})
    assert own.status_code == 403
    assert "somebody else has to sign it off" in own.text
    theirs = {"do": "approve", "password": PASSWORD, "rev": fields["rev"], "csrf": await csrf(author)}
    refused = await author.post(path, theirs)
    assert refused.status_code == 403
    assert "publish_definitions" in refused.text
    async with plant.transaction() as session:
        kinds = list(await session.scalars(select(AuditRow.kind)))  # type: ignore[call-overload]
    assert {"draft.own_signature_refused", "draft.signature_refused"} <= set(kinds)


async def csrf(who: Browser) -> str:
    return hidden((await who.get("/definitions")).text, 'id="begin"')["csrf"]


async def test_signing_asks_for_the_password(author: Browser, signer: Browser, plant: Database) -> None:
    path = await begin(author)
    await write(author, path, renamed(), "submit", reason="why not")
    fields = hidden((await signer.get(path)).text, 'class="meta"')
    wrong = await signer.post(path, fields | {"do": "approve_live", "password": "guess"})
    assert wrong.status_code == 401
    assert (await rows(plant))[0].status == "submitted"


async def test_sent_back_with_a_comment(author: Browser, signer: Browser) -> None:
    path = await begin(author)
    await write(author, path, renamed(), "submit", reason="first try")
    fields = hidden((await signer.get(path)).text, 'class="meta"')
    back = await signer.post(path, fields | {"do": "send_back", "comment": "Ask the lead first"})
    assert back.status_code == 303
    again = await author.get(path)
    assert "Ask the lead first" in again.text
    assert 'id="text" name="text"' in again.text


async def test_overtaken_drafts_say_so_and_are_compared(author: Browser, plant: Database) -> None:
    path = await begin(author, "breakdown", "")
    newer = BREAKDOWN.replace("lead_after: 5m", "lead_after: 8m")
    await publish(plant, newer, "calmer", author=OTHER)
    page = await author.get(path)
    assert "v2 was published" in page.text
    assert "calmer" in page.text
    text = BREAKDOWN.replace("usual_repair: 4h", "usual_repair: 3h")
    assert (await write(author, path, text, "submit", reason="shorter"))[0] == 409
    fields = hidden((await author.get(path)).text, "was published")
    assert (await author.post(path, fields | {"do": "rebase"})).status_code == 303
    assert (await write(author, path, text, "submit", reason="shorter"))[0] == 303


async def test_rolling_out(signer: Browser, author: Browser, plant: Database) -> None:
    newer = BREAKDOWN.replace("lead_after: 5m", "lead_after: 8m")
    await publish(plant, newer, "calmer", author=OTHER)
    page = await signer.get("/definitions/breakdown")
    fields = hidden(page.text, 'id="rollout"')
    where = "/definitions/breakdown/rollout"
    silent = await signer.post(where, fields | {"do": "back", "reason": " "})
    assert (silent.status_code, "Say why" in silent.text) == (400, True)
    assert (await signer.post(where, fields | {"do": "back", "reason": "too calm"})).status_code == 303
    assert "too calm" in (await signer.get("/definitions/breakdown")).text
    late = await signer.post(where, fields | {"do": "back", "reason": "me too"})
    assert (late.status_code, "changed the rollout" in late.text) == (409, True)
    fields = hidden((await signer.get("/definitions/breakdown")).text, 'id="rollout"')
    lost = await signer.post(where, fields | {"do": "try", "version": "v2", "areas": "turnin", "reason": "there"})
    assert (lost.status_code, "did you mean" in lost.text) == (400, True)
    tried = await signer.post(where, fields | {"do": "try", "version": "v2", "areas": "turning", "reason": "there"})
    assert tried.status_code == 303
    assert "in turning" in (await signer.get("/definitions")).text
    assert "rollout" not in (await author.get("/definitions/breakdown")).text.replace("/rollout", "")
    fields["csrf"] = await csrf(author)
    assert (await author.post(where, fields | {"do": "promote", "reason": "now"})).status_code == 403


async def test_two_versions_side_by_side(author: Browser, plant: Database) -> None:
    newer = BREAKDOWN.replace("lead_after: 5m", "lead_after: 8m").replace("buttons: [arrived, done]", "buttons: [done]")
    await publish(plant, newer, "calmer", author=OTHER)
    page = await author.get("/definitions/breakdown?before=v1&after=v2")
    assert "5 min becomes 8 min" in page.text
    assert '<span class="del">-          buttons: [arrived, done]' in page.text
    assert (await author.get("/definitions/breakdown?before=v1&after=v9")).status_code == 404
    assert "v1" in (await author.get("/definitions/breakdown/v1")).text


async def test_a_scenario_is_played_on_the_page(author: Browser, plant: Database) -> None:
    path = await begin(author)
    page = await author.get(path)
    fields = hidden(page.text, 'class="meta"') | {"text": renamed()}
    scenario = (DEFINITIONS / "scenarios/breakdown/happy_path.yaml").read_text(encoding="utf-8")
    scenario = scenario.replace("definition: breakdown", "definition: line_stop")
    good = await author.post(f"{path}/scenario", fields | {"scenario": scenario})
    assert "As expected" in good.text, good.text
    assert "s-done" in good.text
    bad = await author.post(f"{path}/scenario", fields | {"scenario": scenario.replace("at 8m", "at 9m")})
    assert "Not as expected" in bad.text
    typo = await author.post(f"{path}/scenario", fields | {"scenario": scenario.replace("jonas:", "jonass:")})
    assert "mend it first" in typo.text
    assert 'data-in="scenario"' in typo.text
    broken = await author.post(f"{path}/scenario", fields | {"text": "definition: x", "scenario": scenario})
    assert "The definition has errors" in broken.text


async def test_the_schema_is_public_and_pages_are_not(app: FastAPI, author: Browser) -> None:
    async with browser(app) as stranger:
        schema = await stranger.get("/schemas/definition.json")
        assert schema.status_code == 200
        assert "task" in schema.text
        for path in ("/definitions", "/definitions/breakdown", await begin(author)):
            assert (await stranger.get(path)).headers["location"].startswith("/login")
        assert (await stranger.post("/drafts/1/check", {"text": "a"})).status_code == 401
    assert (await author.get("/definitions/nothing")).status_code == 404
    assert (await author.get("/drafts/999")).status_code == 404
    forged = await author.post("/drafts/1", {"do": "save", "rev": "1", "text": "x", "csrf": "guess"})
    assert forged.status_code == 403


async def test_texts_of_authors_stay_texts(author: Browser) -> None:
    path = await begin(author)
    text = renamed().replace("- task: repair", f"- task: '{HOSTILE}'")
    fields = hidden((await author.get(path)).text, 'class="meta"')
    look = await author.post(f"{path}/check", fields | {"text": text})
    assert "<script>alert" not in look.text
    assert "&lt;script&gt;" in look.text
    huge = await author.post(f"{path}/check", fields | {"text": "x" * 2_000_000})
    assert huge.status_code == 413
    long = await author.post(path, fields | {"do": "save", "text": "x: " + "y" * 300_000})
    assert long.status_code == 400
    assert "split the definition" in long.text


async def test_the_last_days_are_replayed_on_the_page(author: Browser, plant: Database) -> None:
    async with plant.transaction() as session:
        session.add_all([starved(1, 30.0), starved(2, 20.0, "mill-1"), starved(3, 300.0)])
    path = await begin(author)
    text = renamed().replace(
        "when: signal.state in ['aborting', 'aborted'] && !signal.planned_stop && signal.unit_mode == 1",
        "when: signal.state == 'suspended'",
    )
    fields = hidden((await author.get(path)).text, 'class="meta"') | {"text": text}
    told = await author.post(f"{path}/replay", fields | {"days": "7"})
    assert "2 signals since" in told.text, told.text
    assert "2 exceptions" in told.text
    assert "Amira Haddad" in told.text
    assert (await author.post(f"{path}/replay", fields | {"days": "999"})).status_code == 400


async def test_the_page_of_an_exception_draws_how_far_it_is(author: Browser, plant: Database) -> None:
    page = (await author.get(f"/exceptions/{await open_breakdown(plant)}")).text
    flow = page[page.index('id="flow"') :]
    decision = flow[flow.index(">plan decision<") :][:1500]
    assert "waiting" in decision
    assert "<b>Lena Fischer</b>" in decision
    assert "7 min 54 s" in decision
    assert flow.count("s-done") == 5
    assert "data-line" not in flow


def test_a_title_of_several_wordings_is_read_as_several() -> None:
    told = "{% if signal.away %}{{ signal.system }} is away{% elif signal.dead %}Refused{% else %}Differs{% endif %}"
    assert authored(told) == "‹signal system› is away / Refused / Differs"
