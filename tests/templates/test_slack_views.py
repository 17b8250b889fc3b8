"""What Slack shows besides messages: forms, menus and the home tab, within Slack's limits."""

import json
import os
from pathlib import Path

import pytest

from connectors.slack import limits
from domain.asking.messages import Choice, Fact, Input, Standing
from domain.rosters.people import ChannelName
from domain.values import Json
from templates import views
from templates.render import render
from tests.templates.test_golden_renders import APPROVE, MINE, TASK

GOLDEN = Path(__file__).parent / "golden_views"
ASKS = [
    Input(name="estimate", label="How long?", kind="duration", required=True),
    Input(name="cause", kind="choice", choices=[Fact(label="Belt", value="belt"), Fact(label="Motor", value="m")]),
    Input(name="text", label="Anything else?"),
]
DONE = Choice(verb="done", style="primary", asks=ASKS)
SECOND = [Choice(verb=verb, more=True, label=verb) for verb in ("hand_over", "ask", "snooze")]
FULL = MINE.model_copy(update={"choices": [Choice(verb="arrived"), DONE, *SECOND], "inputs": []})
MANY = FULL.model_copy(update={"choices": [DONE, *(Choice(verb=f"v{n}", label=f"V{n}", more=True) for n in range(7))]})
GROUPS = [("Turning", [Fact(label="Lathe 1", value="lathe-1"), Fact(label="Lathe 2", value="lathe-2")])]

CASES: dict[str, dict[str, Json]] = {
    "form": views.form(FULL, DONE),
    "form-de": views.form(FULL.model_copy(update={"language": "de"}), DONE),
    "more": views.more(MANY),
    "report": views.report("en", GROUPS, "It smokes & <!channel>"),
    "home": views.home("en", [FULL, TASK, APPROVE], [Fact(label="Mill 2 is down", value="asked: Petr Novak")]),
    "home-empty-de": views.home("de", [], []),
    "notice": views.notice("en", "slack.loading"),
    "over": views.over(TASK.model_copy(update={"by": "Petr", "at": "10:03"}), Standing.TAKEN),
    "message-asking": render(FULL, ChannelName.SLACK),
    "message-many": render(MANY, ChannelName.SLACK),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_view(case: str) -> None:
    text = json.dumps(CASES[case], indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{case}.json"
    if os.environ.get("MOS_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_a_golden_view_is_within_the_limits_as_it_is(case: str) -> None:
    view = CASES[case]
    assert limits.fit(view["blocks"], limits.VIEW_BLOCKS) == view["blocks"]
    ids = [block["block_id"] for block in view["blocks"] if "block_id" in block]
    assert len(ids) == len(set(ids))
    for block in view["blocks"]:
        actions = [element["action_id"] for element in block.get("elements", []) if "action_id" in element]
        assert len(actions) == len(set(actions))
    assert len(view.get("title", {}).get("text", "")) <= 24


def test_what_a_form_carries_is_the_tasks_reference_and_no_right() -> None:
    view = views.form(FULL, DONE)
    assert (view["private_metadata"], view["callback_id"]) == ("tsk_0199:1", "done")


def test_c25_long_texts_are_shortened_and_not_refused() -> None:
    long = FULL.model_copy(update={"title": "x & " * 1250})
    wide = Choice(verb="done", asks=[Input(name="text", label="y" * 5000), Input(name="z", kind="choice", choices=[
        Fact(label="l" * 500, value=f"{n}") for n in range(300)
    ])])  # fmt: skip
    form = views.form(long, wide)
    assert len(form["blocks"][0]["text"]["text"]) <= limits.TEXT
    assert len(form["blocks"][1]["label"]["text"]) <= limits.LABEL
    options = form["blocks"][2]["element"]["options"]
    assert (len(options), len(options[0]["text"]["text"])) == (100, 75)
    home = views.home("en", [long] * 60, [Fact(label="a" * 9000, value="b" * 9000)] * 60)
    assert len(home["blocks"]) <= limits.VIEW_BLOCKS


def test_c25_a_choice_with_a_value_that_is_too_long_is_left_out_not_cut() -> None:
    choice = Choice(verb="done", asks=[Input(name="to", kind="choice", choices=[
        Fact(label="long", value="v" * 151), Fact(label="short", value="v")
    ])])  # fmt: skip
    assert [option["value"] for option in views.form(FULL, choice)["blocks"][1]["element"]["options"]] == ["v"]


EVIL = 'x"}]} <!channel> <@U1> <https://evil.example|ERP>'


def test_c23_what_people_wrote_is_shown_and_does_nothing() -> None:
    message = FULL.model_copy(update={"title": EVIL, "choices": [DONE.model_copy(update={"label": EVIL})]})
    asking = Choice(verb="done", asks=[Input(name="text", label=EVIL)])
    shown = [
        views.form(message, asking),
        views.more(message),
        views.home("en", [message], [Fact(label=EVIL, value=EVIL)], EVIL),
        views.report("en", [(EVIL, [Fact(label=EVIL, value="u")])], EVIL),
    ]
    for view in shown:
        text = json.dumps(view)
        assert "&lt;!channel&gt;" in text
        assert not [sign for sign in ("<!channel>", "<@U1>", "<https://evil") if sign in text]
