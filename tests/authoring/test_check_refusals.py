"""Bad input is refused with a clear error by the check, by publishing, and (what can get that far) by the engine."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.contracts.model import ExceptionInput, OpeningSignal
from admin.definitions.versions import read_definition
from authoring.check import check
from authoring.simulator.plant import Plant
from authoring.simulator.simulation import simulate
from domain.errors import ConfigError
from domain.language import expressions
from domain.language.definition import Definition
from domain.language.definition_text import DefinitionError, shape
from domain.rosters.people import Roster
from templates.text import render_text

HEAD = "definition: x\ntitle: X\nowner: planner\n"
OPENS = "opens: {on: [machine.state], one_per: [signal.equipment]}\n"
TOLD = "steps: [{notify: n, to: {role: planner}}]\n"
BOMB = "[1]" + "".join(f".map({name}, [{name}, {name}])" for name in "abcdefg")
FOREVER = "{% for a in range(99999) %}{% for b in range(99999) %}.{% endfor %}{% endfor %}"
ESCAPE = "{{ ''.__class__.__mro__ }}"
NOTIFY = "{notify: n, to: {role: planner}"


def nested(depth: int) -> str:
    """Loops of 100 turns within one another."""
    inner = f"{NOTIFY}}}" if not depth else nested(depth - 1)
    return f"{{for_each: l{depth}, each: e{depth}, in: [1], at_most: 100, do: [{inner}]}}"


DOCUMENTS = {
    "calls itself": (HEAD + "steps: [{call: c, definition: x}]\n", "mos.definition.cycle"),
    "loops": (HEAD + f"steps: [{nested(3)}]\n", "mos.definition.loops"),
    "cel": (HEAD + f'steps: [{NOTIFY}, only_if: "size({BOMB}) > 0"}}]\n', "mos.expression.bomb"),
    "long": (HEAD + f'steps: [{NOTIFY}, only_if: "{"1 + " * 900}1 > 0"}}]\n', "mos.expression.bomb"),
    "escape": (HEAD + f'steps: [{NOTIFY}, text: "{ESCAPE}"}}]\n', "mos.type.field"),
    "forever": (HEAD + f'steps: [{NOTIFY}, text: "{FOREVER}"}}]\n', "mos.text.refused"),
    "big": (HEAD + "description: " + "a" * 5_000_000 + "\n" + TOLD, "mos.yaml.size"),
    "anchors": (HEAD + "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + TOLD, "mos.yaml.alias"),
    "deep": (HEAD + "description: " + "[" * 60 + "]" * 60 + "\n" + TOLD, "mos.yaml.depth"),
    "twice": (HEAD + "owner: me\n" + TOLD, "mos.yaml.twice"),
    "unknown": (HEAD + "wner: me\n" + TOLD, "mos.definition.unknown_field"),
    "no yaml": (HEAD + "steps: [", "mos.yaml.syntax"),
    "endless wait": (HEAD + "steps: [{wait: w, until: 1 > 2}]\n", "mos.definition.value"),
    "never opens": (HEAD + OPENS.replace("}", ", when: 1 > 2}") + TOLD, "mos.flow.never_opens"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_check_and_publishing_refuse_it(name: str) -> None:
    text, code = DOCUMENTS[name]
    found = [one for one in check(text) if one.severity == "error"]
    assert code in {one.code for one in found}, found
    assert all(one.line >= 1 and one.column >= 1 and one.message for one in found)
    with pytest.raises(DefinitionError) as refused:
        read_definition(text, "x.yaml")
    assert code in {one.code for one in refused.value.findings}


def test_parts_of_other_definitions_are_not_authored() -> None:
    inner = HEAD.replace("x", "y", 1) + TOLD
    text = HEAD + TOLD + "bundled:\n  y:\n" + "".join(f"    {line}\n" for line in inner.splitlines())
    assert [one.code for one in check(text)] == ["mos.definition.bundled"]
    with pytest.raises(DefinitionError, match="leave it out"):
        read_definition(text, "x.yaml")


def test_the_engine_stops_expressions_and_texts_itself() -> None:
    """A definition that got past the desk (an older release's, say) can't take the engine's time either."""
    with pytest.raises(ConfigError) as bomb:
        expressions.evaluate(f"size({BOMB})", {})
    assert bomb.value.code == "mos.expression.bomb"
    with pytest.raises(ConfigError) as text:
        render_text(FOREVER, {})
    assert text.value.code == "mos.text.refused"
    with pytest.raises(ConfigError):
        render_text(ESCAPE, {})


@pytest.mark.parametrize(
    "steps",
    [
        f'- {NOTIFY}, only_if: "size({BOMB}) > 0"}}',
        f'- {NOTIFY}, text: "{FOREVER}"}}',
        "- {call: c, definition: x}",
        f'- {{for_each: f, in: "=[1, 2, 3]", at_most: 2, do: [{NOTIFY}}}]}}',
    ],
    ids=["cel", "text", "call", "loop"],
)
def test_the_engine_comes_to_an_end_with_what_the_desk_refuses(steps: str) -> None:
    """The step fails and is told; the exception ends."""
    found = shaped(HEAD + OPENS + f"steps:\n  {steps}\n")
    story = simulate(given(found), Plant(Roster(people=[])))
    assert story.ending == "completed"
    assert "step_failed" in {entry.kind for entry in story.entries}


def shaped(text: str) -> Definition:
    """As far as its shape goes: nothing else was looked at."""
    found, _, wrong = shape(text, "x.yaml")
    assert found, wrong
    return found


def given(definition: Definition) -> ExceptionInput:
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    facts: dict[str, Any] = {"equipment": "m", "subject": "m", "state": "aborted", "planned_stop": False}
    signal = OpeningSignal(
        seq=1, type="machine.state", subject="m", equipment="m", occurred_at=at, received_at=at, facts=facts
    )
    return ExceptionInput(
        exception_id="exc_1", site="s", version="v", definition=definition, key="m", priority="medium", opened_at=at,
        signals=[signal], equipment={"id": "m", "title": "M", "skill": "", "work_center": "", "area": ""},
        parameters={}, site_facts={"id": "s", "title": "S", "timezone": "UTC"},
    )  # fmt: skip
