"""The page of phones in Chromium: what is shown, that pressing works, and that no text becomes markup."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.phones.peers import ACCOUNT, AUTH, NUMBER, ONLY_SMS, TESS, TESS_WHATSAPP, WHATSAPP, Application, Phones

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
ATTACK = "<img src=x onerror=\"document.title='owned'\"> <script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium."""
    expect.set_options(timeout=30_000)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, phones: Phones) -> Iterator[Page]:
    """The page, live; a script error or a blocked resource fails the test."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.goto(phones.url)
    expect(opened.locator("#live")).to_have_text("live")
    yield opened
    opened.close()
    assert problems == []


def plain(text: str) -> dict[str, Any]:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def phone(page: Page, name: str) -> Any:
    """One person's phone."""
    return page.get_by_role("article", name=f"Phone of {name}")


def test_a_press_opens_a_modal_that_is_filled_in_and_sent(page: Page, phones: Phones, application: Application) -> None:
    button = {"type": "button", "action_id": "estimate", "text": plain("Estimate")}
    header = {"type": "header", "text": plain("Lathe 1 has stopped")}
    phones.slack().chat_postMessage(channel=TESS, text="x", blocks=[header, {"type": "actions", "elements": [button]}])
    tess = phone(page, "Tess Technician")
    expect(tess.get_by_role("heading", name="Lathe 1 has stopped")).to_be_visible()
    tess.get_by_role("button", name="Estimate").click()
    phones.until(lambda: application.received)

    minutes = {"type": "number_input", "action_id": "minutes", "is_decimal_allowed": False}
    field = {"type": "input", "block_id": "estimate", "label": plain("Minutes"), "element": minutes}
    view = {"type": "modal", "title": plain("How long?"), "submit": plain("Done"), "blocks": [field]}
    phones.slack().views_open(trigger_id=application.received[0].payload["trigger_id"], view=view)
    tess.get_by_role("button", name="Done").click()
    expect(tess.get_by_role("alert")).to_have_text("Please complete this required field.")
    tess.get_by_label("Minutes").fill("45")
    tess.get_by_role("button", name="Done").click()
    expect(tess.get_by_role("heading", name="How long?")).to_have_count(0)
    values = application.received[-1].payload["view"]["state"]["values"]
    assert values["estimate"]["minutes"]["value"] == "45"


def test_a_reply_is_typed_and_the_answer_appears(page: Page, phones: Phones, application: Application) -> None:
    application.answer = lambda _: (200, "text/xml", "<Response><Message>You have it</Message></Response>")
    phones.twilio().messages.create(to=ONLY_SMS, from_=NUMBER, body="Can you come? K7QX 1 = yes")
    olga = phone(page, "Olga Operator")
    expect(olga.get_by_text("K7QX 1 = yes")).to_be_visible()
    olga.get_by_label("Reply").fill("K7QX 1")
    olga.get_by_role("button", name="Send").click()
    expect(olga.get_by_text("You have it")).to_be_visible()
    assert application.received[0].form["Body"] == "K7QX 1"


def test_a_failed_press_shows_a_warning(page: Page, phones: Phones, application: Application) -> None:
    application.answer = lambda _: (500, "text/plain", "")
    button = {"type": "button", "action_id": "a", "text": plain("Accept")}
    phones.slack().chat_postMessage(channel=TESS, text="x", blocks=[{"type": "actions", "elements": [button]}])
    tess = phone(page, "Tess Technician")
    tess.get_by_role("button", name="Accept").click()
    expect(tess.get_by_role("alert")).to_contain_text("did not get through")


def test_text_stays_text(page: Page, phones: Phones, application: Application) -> None:
    slack = phones.slack()
    slack.chat_postMessage(channel=TESS, text=ATTACK)
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"*bold* {ATTACK}"}, "fields": [plain(ATTACK)]}
    slack.chat_postMessage(channel=TESS, text="x", blocks=[section, {"type": "header", "text": plain(ATTACK)}])
    phones.person("Olga Operator", "sms", body=ATTACK)
    expect(phone(page, "Olga Operator").get_by_text("onerror")).to_be_visible()
    expect(phone(page, "Tess Technician").get_by_role("heading").filter(has_text="onerror")).to_be_visible()
    assert page.locator(".messages img, .messages script").count() == 0
    assert page.title().startswith("Phones")


def test_a_link_opens_apart_and_a_disguised_script_is_none(page: Page, phones: Phones) -> None:
    phones.slack().chat_postMessage(channel=TESS, text="<https://erp.example/1|JO-1001> <javascript:alert(1)|press>")
    link = phone(page, "Tess Technician").get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", "https://erp.example/1")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_is_cut_off(page: Page, phones: Phones, width: int) -> None:
    phones.slack().chat_postMessage(channel=TESS, text="a" * 300)
    page.set_viewport_size({"width": width, "height": 900})
    expect(phone(page, "Tess Technician").get_by_text("aaaa")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_allows_no_inline_script_and_no_other_host(phones: Phones) -> None:
    answer = phones.http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert phones.http.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_a_call_is_answered_and_a_key_is_pressed(page: Page, phones: Phones, application: Application) -> None:
    menu = (
        '<Response><Gather numDigits="1" action="/keys" timeout="60"><Say>Press 1 to accept</Say></Gather></Response>'
    )
    application.answer = lambda got: (200, "text/xml", "<Response/>" if got.path == "/keys" else menu)
    phones.twilio().calls.create(to=ONLY_SMS, from_=NUMBER, url=f"{application.url}/voice")
    olga = phone(page, "Olga Operator")
    olga.get_by_role("button", name="Answer").click()
    expect(olga.get_by_role("region", name="Call").get_by_text("Press 1 to accept")).to_be_visible()
    olga.get_by_role("button", name="Key 1").click()
    expect(olga.get_by_text("Call completed")).to_be_visible()
    assert [r.form["Digits"] for r in application.received if r.path == "/keys"] == ["1"]


def test_a_quick_reply_is_pressed(page: Page, phones: Phones, application: Application) -> None:
    phones.person("Tess Technician", "whatsapp", body="hello")
    types = {"twilio/quick-reply": {"body": "Lathe 1?", "actions": [{"title": "I am coming", "id": "t:1"}]}}
    asked = {"language": "en", "types": types}
    made = phones.http.post("/twilio/v1/Content", json=asked, auth=(ACCOUNT, AUTH)).json()
    ends = {"to": f"whatsapp:{TESS_WHATSAPP}", "from_": f"whatsapp:{WHATSAPP}"}
    phones.twilio().messages.create(**ends, content_sid=made["sid"])
    tess = phone(page, "Tess Technician")
    expect(tess.get_by_text("WhatsApp delivered")).to_be_visible()
    tess.get_by_role("button", name="I am coming").click()
    expect(tess.get_by_text("WhatsApp read")).to_be_visible()
    # What was there is read first; then the product is told.
    phones.until(lambda: application.received[-1].form.get("ButtonPayload") == "t:1")


def test_the_home_tab_threads_and_shortcuts_are_used(page: Page, phones: Phones, application: Application) -> None:
    blocks = [{"type": "header", "text": plain("My tasks")}]
    phones.slack().views_publish(user_id=TESS, view={"type": "home", "blocks": blocks})
    ts = phones.slack().chat_postMessage(channel="C0FLOOR", text="Lathe 1 stopped")["ts"]
    tess = phone(page, "Tess Technician")
    tess.get_by_role("button", name="Home", exact=True).click()
    expect(tess.get_by_role("heading", name="My tasks")).to_be_visible()
    tess.get_by_role("button", name="All", exact=True).click()
    tess.get_by_role("button", name="Thread").click()
    tess.get_by_label("Reply").fill("Which tool?")
    tess.get_by_role("button", name="Send").click()
    expect(tess.get_by_text("Which tool?")).to_be_visible()
    assert phones.screen("Tess Technician")["messages"][-1]["thread_ts"] == ts
    tess.locator(".tools").get_by_role("button", name="Report").first.click()
    phones.until(lambda: any(b"message_action" in r.body for r in application.received))
