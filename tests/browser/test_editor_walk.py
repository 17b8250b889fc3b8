"""A process engineer's first definition, as docs/how-to/write-a-definition.md tells it: copied from `breakdown`,
changed, checked, tried, submitted by one, signed by another, live. Its pictures are the ones in that page."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, expect
from sqlalchemy import select

from api.definitions import bundle
from store.read.definitions.versions import find
from store.tables import DraftRow
from tests.api.authored import AUTHOR, OTHER, SIGNER
from tests.api.seeding import PASSWORD
from tests.browser.conftest import Console
from tests.browser.desk import desk
from tests.browser.signing_in import sign_in

__all__ = ["desk"]

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
NAME = "material_missing"
DESK, PHONE = ViewportSize(width=1200, height=780), ViewportSize(width=390, height=844)
WHEN = "  when: signal.state == 'suspended' && signal.starved == true"
SCENARIO = """scenario: Tomas brings material to lathe 1
definition: material_missing
starts: mon 09:00
signals:
  - {at: 0s, type: machine.state, equipment: lathe-1, state: suspended, starved: true}
answers:
  tomas: accepts repair after 1m, estimate 30m after 1m, done after 20m cause "rack was empty"
  lena: approves plan_decision push_right after 3m
expect:
  asked:
    - tomas: repair at 0s
  not_asked: [jonas, amira]
  posted:
    - downtime: erp at 22m
  ends: completed at 22m
"""


@pytest.fixture
def built() -> None:
    if bundle.present():
        return
    if os.environ.get("CI") == "true":
        pytest.fail("the editor is not built: make editor", pytrace=False)
    pytest.skip("the editor is not built: make editor")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before `make editor`."""
    monkeypatch.setattr(bundle, "EDITOR", Path("nowhere"))


async def picture(page: Page, folder: Path | None, name: str) -> None:
    """Keep what is on the screen, when somebody asked for pictures."""
    if folder:
        await page.screenshot(path=folder / f"definition-{name}.png", caret="initial")  # hiding it writes a style


async def begin(page: Page, name: str) -> None:
    await page.get_by_role("link", name="Definitions").click()
    await page.get_by_label("Its name").fill(name)
    await page.get_by_label("Begin with a copy of").select_option(label="breakdown v1")


async def put_line(page: Page, number: int, line: str) -> None:
    """Go to a line of the built editor by its keyboard, and write it anew."""
    await page.locator(".cm-content").focus()
    await page.keyboard.press("Control+Home")
    for _ in range(number - 1):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Home")
    await page.keyboard.press("Home")
    await page.keyboard.press("Shift+End")
    await page.keyboard.press("Delete")  # else Chromium itself would write a style into what it types over
    await page.keyboard.insert_text(line)


async def line_of(page: Page, text: str) -> int:
    """In which line of the draft this is."""
    lines = (await page.locator("#text").input_value()).splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


async def replace(page: Page, text: str, line: str) -> None:
    await put_line(page, await line_of(page, text), line)


def verdict(page: Page) -> Locator:
    return page.locator("#check .verdict")


@pytest.mark.usefixtures("built")
async def test_a_first_definition_from_the_copy_to_live(
    desk: Console, chromium: Browser, pictures: Path | None
) -> None:
    page = await chromium.new_page(viewport=DESK)
    desk.watch(page)
    await sign_in(page, desk, AUTHOR)
    await begin(page, NAME)
    await picture(page, pictures, "1-begin")
    await page.get_by_role("button", name="Begin", exact=True).click()
    await expect(page.get_by_role("heading", name="Draft of material missing")).to_be_visible()
    await expect(verdict(page)).to_contain_text("No errors")
    await expect(page.locator("#drawing").get_by_text("new plan", exact=True)).to_be_visible()
    await _write(page, pictures)
    await _try(page, pictures)
    await _submit(page)
    await sign_in(page, desk, SIGNER)
    await _sign(page, pictures)
    async with desk.database.transaction() as session:
        row = await find(session, NAME, "live")
    assert (row.author, row.signed_off_by) == (AUTHOR, SIGNER)
    assert "role: materials" in row.source_text
    assert desk.complaints == []


async def _write(page: Page, pictures: Path | None) -> None:
    await replace(page, 'en: "{{ equipment.title }} is down"', '  en: "Material is missing at {{ equipment.title }}"')
    await replace(page, "  when: signal.state in", WHEN.replace("starved", "starvd"))
    await expect(verdict(page)).to_contain_text("1 error")
    await expect(page.locator("#check .remarks")).to_contain_text("starved")
    await page.locator("#check .remarks a").first.click()
    await picture(page, pictures, "2-check")
    await replace(page, "  when: signal.state ==", WHEN)
    await page.locator("#drawing").get_by_role("link", name="repair").click()
    await replace(page, "to: {role: maintenance_technician", "          to: {role: materials}")
    await replace(page, 'en: "Repair', '            en: "Bring material to {{ equipment.title }}"')
    await expect(verdict(page)).to_contain_text("No errors")
    await expect(page.locator("#drawing")).to_contain_text("asks materials")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#saved")).to_have_text("Saved as revision 2.")
    await picture(page, pictures, "3-changed")


async def _try(page: Page, pictures: Path | None) -> None:
    await page.get_by_role("textbox", name="Scenario").fill(SCENARIO)
    await page.get_by_role("button", name="Play it").click()
    await expect(page.locator("#trial")).to_contain_text("As expected")
    await page.locator("#try").scroll_into_view_if_needed()
    await page.locator("#try h2").evaluate("item => item.scrollIntoView()")
    await picture(page, pictures, "4-scenario")
    await page.get_by_role("button", name="Replay them").click()
    await expect(page.locator("#rehearsal")).to_contain_text("8 signals since")
    await expect(page.locator("#rehearsal")).to_contain_text("Tomas Ruiz")
    await page.locator("#rehearse h2").evaluate("item => item.scrollIntoView()")
    await picture(page, pictures, "5-replay")


async def _submit(page: Page) -> None:
    await page.get_by_label("Why it changes").fill("Machines wait for material, and nobody is told")
    await page.get_by_role("button", name="Submit for a signature").click()
    await expect(page.get_by_role("main").get_by_role("status").first).to_contain_text("Submitted")
    await expect(page.locator("main")).to_contain_text("you are one of its authors")
    await page.get_by_role("button", name="Sign out").click()


async def _sign(page: Page, pictures: Path | None) -> None:
    await page.get_by_role("link", name="Definitions").click()
    await page.get_by_role("link", name="material missing: Machines wait for material").click()
    await expect(page.locator("#changes")).to_contain_text("repair: asks materials instead of")
    await page.get_by_label("Your password, again").fill(PASSWORD)
    await picture(page, pictures, "6-sign")
    await page.get_by_role("button", name="Sign and put it live").click()
    await expect(page.get_by_role("main").get_by_role("status").first).to_contain_text("live everywhere")
    await page.get_by_role("link", name="To its versions").click()
    await expect(page.locator("#force")).to_contain_text("v1")
    await picture(page, pictures, "7-live")


@pytest.mark.usefixtures("built")
async def test_the_editor_completes_and_leaves_by_the_keyboard(desk: Console, chromium: Browser) -> None:
    page = await chromium.new_page(viewport=DESK)
    desk.watch(page)
    await sign_in(page, desk, AUTHOR)
    await begin(page, NAME)
    async with page.expect_response("**/schemas/definition.json"):
        await page.get_by_role("button", name="Begin", exact=True).click()
    offered = page.locator(".cm-tooltip-autocomplete")
    await put_line(page, await line_of(page, "accept_within: =params.accept_within"), "          ")
    await page.keyboard.type("off")
    await expect(offered).to_contain_text("offer")
    await offered.get_by_text("offer", exact=True).click()
    await expect(page.locator(".cm-activeLine")).to_have_text("          offer: ")
    await page.keyboard.press("Control+Space")
    await expect(offered).to_contain_text("everyone")
    await page.keyboard.press("Escape")
    await put_line(page, await line_of(page, "within: =params.repair_within"), "          within: =")
    await page.keyboard.type("params.re")
    await expect(offered).to_contain_text("repair_within")
    await offered.get_by_text("repair_within", exact=True).click()
    await expect(page.locator(".cm-activeLine")).to_have_text("          within: =params.repair_within")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Save")).to_be_focused()
    assert desk.complaints == []


@pytest.mark.usefixtures("plain")
async def test_without_the_built_editor_it_is_a_text_field_with_the_same_check(
    desk: Console, chromium: Browser
) -> None:
    page = await chromium.new_page(viewport=PHONE, has_touch=True)
    desk.watch(page)
    await sign_in(page, desk, AUTHOR)
    await begin(page, NAME)
    await page.get_by_role("button", name="Begin", exact=True).click()
    field = page.get_by_label("The definition, in YAML")
    text = await field.input_value()
    await field.fill(text.replace("equipment.skill", "equipment.skil"))
    await expect(verdict(page)).to_contain_text("1 error")
    await page.locator("#check .remarks a").first.tap()
    await expect(field).to_be_focused()
    around = await field.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert "equipment.skil" in around
    await field.fill("definition: [")
    await expect(verdict(page)).to_contain_text("error")
    await expect(page.locator("#drawing.stale")).to_be_attached()
    await field.fill(text.replace("lead_after: 5m", "lead_after: 6m"))
    await expect(verdict(page)).to_contain_text("No errors")
    await field.press("Control+s")
    await expect(page.locator("#saved")).to_have_text("Saved as revision 2.")
    assert desk.complaints == []


@pytest.mark.usefixtures("plain")
async def test_who_was_slower_sees_who_was_quicker_and_what_differs(desk: Console, chromium: Browser) -> None:
    pages = {}
    for person in (AUTHOR, OTHER):
        context = await chromium.new_context(viewport=DESK)
        pages[person] = await context.new_page()
        await sign_in(pages[person], desk, person)
    mine, hers = pages[AUTHOR], pages[OTHER]
    await begin(mine, NAME)
    await mine.get_by_role("button", name="Begin", exact=True).click()
    await expect(mine.locator("#text")).to_be_visible()
    await hers.goto(mine.url)
    for page, word in ((hers, "planner_of_the_day"), (mine, "shift_lead")):
        field = page.get_by_label("The definition, in YAML")
        await field.fill((await field.input_value()).replace("owner: maintenance_lead", f"owner: {word}"))
        await page.get_by_role("button", name="Save").click()
        if page is hers:
            await expect(page.locator("#saved")).to_have_text("Saved as revision 2.")
    clash = mine.locator("#clash")
    await expect(clash).to_contain_text("Lena Fischer changed this draft meanwhile")
    await expect(clash.locator(".add")).to_contain_text("shift_lead")
    await expect(clash.locator(".del")).to_contain_text("planner_of_the_day")
    await clash.get_by_role("button", name="Save mine over it").click()
    await expect(mine.get_by_role("main").get_by_role("status").first).to_have_text("Saved.")
    async with desk.database.transaction() as session:
        kept = (await session.scalars(select(DraftRow))).one()
    assert "owner: shift_lead" in kept.source_text
