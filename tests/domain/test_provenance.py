"""What an agent proposed decides nothing: every way from its answer to a posting needs a person who saw it."""

from typing import Any

import pytest

from domain.language.definition import Definition
from domain.language.definition_rules import problems
from domain.language.provenance import provenance
from domain.values import Json

AGENT: Json = {
    "agent": "likely",
    "use": "history",
    "goal": "Which cause?",
    "given": {"code": 7},
    "returns": {"cause": {"choices": ["belt", "power"]}, "cost": {"kind": "number"}},
    "within": "10s",
    "otherwise": {"cause": "belt", "cost": 0},
}
SHOWS = "{{ likely.cause }}"
PLANNER: Json = {"role": "planner"}


def approve(text: str = SHOWS, **more: Json) -> Json:
    options = [{"id": "hold", "title": "Hold"}]
    return {
        "approve": "course", "to": PLANNER, "text": text, "options": options, "authority": "reschedule",
        "within": "1h",
    } | more  # fmt: skip


def task(text: str = SHOWS, **more: Json) -> Json:
    asks = {"cause": {"kind": "text"}}
    return {"task": "look", "to": PLANNER, "text": text, "authority": "report_downtime", "ask": asks} | more


def post(cause: Json = "=likely.cause", **more: Json) -> Json:
    outcome = {"record_downtime": {"equipment": "lathe-1", "start": "=opened_at", "cause": cause}}
    return {"post": "noted", "to": "erp", "outcomes": [outcome]} | (more or {"decision": "course"})


STANDING: Json = {"standing": True}


def definition(*steps: Json, **more: Any) -> Definition:
    return Definition.model_validate(
        {
            "definition": "small",
            "title": "Small",
            "owner": "planner",
            "standing_authority": {"outcomes": ["record_downtime"], "reason": "only notes"},
            "steps": list(steps),
        }
        | more
    )


def codes(*steps: Json, **more: Any) -> list[str]:
    return [one.code for one in problems(definition(*steps, **more)) if one.code.startswith("mos.agent")]


DECIDED: Json = {"decide": "course_of", "rules": [{"when": "likely.cause == 'belt'", "then": {"cause": "a"}}],
                 "otherwise": {"cause": "b"}}  # fmt: skip
IF: Json = {"if": "likely.cause == 'belt'", "then": [post("belt", **STANDING)]}
CALLED: Json = {
    "inner": {
        "definition": "inner",
        "title": "Inner",
        "owner": "planner",
        "parameters": {"cause": "", "other": ""},
        "standing_authority": {"outcomes": ["record_downtime"], "reason": "only notes"},
        "steps": [post("=params.cause", **STANDING)],
    }
}
CALL: Json = {"call": "part", "definition": "inner", "with": {"cause": "=likely.cause"}}
UNCONFIRMED = ["mos.agent.unconfirmed"]

REFUSED = {
    "standing authority": [AGENT, post(**STANDING)],
    "an approval that does not show it": [AGENT, approve("Hold?"), post()],
    "an approval before it": [approve(), AGENT, post()],
    "an approval beside it": [{"parallel": {"a": [AGENT], "b": [approve()]}}, post()],
    "a task that does not show it": [AGENT, task("Look."), post(decision="look")],
    "whether it is posted": [AGENT, IF],
    "only if": [AGENT, {**post("belt", **STANDING), "only_if": "likely.cause == 'belt'"}],
    "a switch": [AGENT, {"switch": "likely.cause", "cases": {"belt": [post("x", **STANDING)]}}],
    "its silence": [{**AGENT, "instead": [post("x", **STANDING)]}],
    "by a table": [AGENT, DECIDED, post("=course_of.cause", **STANDING)],
    "by a condition around a table": [
        AGENT,
        {"if": "likely.cause == 'belt'", "then": [{"decide": "d", "rules": [{"then": {"cause": "x"}}]}]},
        post("=d.cause", **STANDING),
    ],
    "by the plan that was worked out with it": [
        AGENT,
        {"propose": "plan", "using": "push_right", "where": {"equipment": "=likely.cause"}},
        post("=plan.planned_start", **STANDING),
    ],
    "by what stands in for a person": [
        AGENT,
        task(within="1h", otherwise={"cause": "=likely.cause"}),
        post("=look.cause", **STANDING),
    ],
    "by another agent": [
        AGENT,
        {**AGENT, "agent": "second", "given": {"first": "=likely.cause"}},
        approve("{{ second.at }}", approve="course"),
        {**post("=likely.cause")},
        {**post("=second.cause", **STANDING), "post": "again"},
    ],
    "in a loop": [
        AGENT,
        {"for_each": "each", "in": "=[likely.cause]", "do": [post("=item", **STANDING)]},
    ],
    "so often": [
        AGENT,
        {"repeat": "again", "until": "likely.cause == 'belt'", "at_most": 3, "do": [post("x", **STANDING)]},
    ],
    "between raw quotes": [AGENT, post(r"=r'\' + likely.cause + r'\'", **STANDING)],
    "between triple quotes": [AGENT, post("='''a' + likely.cause + 'b'''", **STANDING)],
    "an approval that names it within quotes": [AGENT, approve("{{ 'likely.cause' }}"), post()],
    "to take something back": [
        AGENT,
        {"notify": "n", "to": PLANNER, "undo": [post(**STANDING)]},
    ],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_posting_that_rests_on_it_is_refused(name: str) -> None:
    assert set(codes(*REFUSED[name])) == set(UNCONFIRMED)


def test_in_a_called_definition_it_is_refused_too() -> None:
    found = [one for one in problems(definition(AGENT, CALL, bundled=CALLED)) if one.code == UNCONFIRMED[0]]
    assert [one.path for one in found] == [("steps", 1)]
    assert provenance(definition(AGENT, CALL, bundled=CALLED)).refusal("1.call.0")


ALLOWED = {
    "an approval that shows it": [AGENT, approve(), post()],
    "in its options": [AGENT, approve("Hold?", options=[{"id": "a", "title": "=likely.cause"}]), post()],
    "a task under an authority that shows it": [AGENT, task(), post(decision="look")],
    "whether, when the approval shows it": [AGENT, approve(), {"if": "likely.cause == 'belt'", "then": [post("x")]}],
    "a person's own answer": [AGENT, task("Look."), post("=look.cause", decision="look")],
    "a person's own answer, on standing authority": [AGENT, task("Look."), post("=look.cause", **STANDING)],
    "what has nothing to do with it": [AGENT, post("belt", **STANDING)],
    "its name in a text": [AGENT, post("=equipment.title + 'likely.cause'", **STANDING)],
    "through a table that the approval shows": [
        AGENT,
        DECIDED,
        approve("{{ course_of.cause }}"),
        post("=course_of.cause"),
    ],
    "in a loop with its own approval": [
        {"for_each": "each", "in": "=[1]", "do": [AGENT, approve(), post()]},
    ],
    "another parameter of the call": [AGENT, {**CALL, "with": {"other": "=likely.cause"}}],
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_person_decided_is_posted(name: str) -> None:
    assert codes(*ALLOWED[name], bundled=CALLED) == []


ASKED_ON_ONE: Json = {"if": "likely.cause == 'belt'", "then": [approve()]}
LEFT_OUT = {
    "if": [AGENT, ASKED_ON_ONE],
    "if, and the other way tells only": [AGENT, ASKED_ON_ONE | {"else": [{"notify": "n", "to": PLANNER}]}],
    "otherwise": [AGENT, {"if": "likely.cause == 'belt'", "then": [{"notify": "n", "to": PLANNER}], "else": [task()]}],
    "only_if": [AGENT, approve(only_if="likely.cause == 'belt'")],
    "switch": [AGENT, {"switch": "likely.cause", "cases": {"belt": [approve()]}}],
    "switch by a table": [AGENT, DECIDED, {"switch": "course_of.cause", "cases": {"a": [approve()]}}],
    "in": [AGENT, {"for_each": "each", "in": "=['belt'].filter(c, c == likely.cause)", "do": [approve()]}],
    "instead": [{**AGENT, "instead": [approve("Which?")]}],
    "who is asked knows nothing of it": [AGENT, task("Look."), ASKED_ON_ONE],
    "who is asked came before": [task("Look."), AGENT, ASKED_ON_ONE],
    "who is asked is asked elsewhere": [AGENT, {"if": "1 == 2", "then": [task()]}, ASKED_ON_ONE],
    "by a call": [AGENT, {"if": "likely.cause == 'belt'", "then": [{"call": "part", "definition": "asks"}]}],
}
ASKS: Json = {"asks": {"definition": "asks", "title": "Asks", "owner": "planner", "steps": [approve("Hold?")]}}
ASKED = {
    "on the other way": [AGENT, ASKED_ON_ONE | {"else": [{"task": "look", "to": PLANNER, "within": "1h"}]}],
    "on each choice": [
        AGENT,
        {"switch": "likely.cause", "cases": {"belt": [approve()], "power": [task()]}},
    ],
    "whatever it says, before": [AGENT, task(), ASKED_ON_ONE],
    "whatever it says, behind": [AGENT, ASKED_ON_ONE, task()],
    "on a person's word": [AGENT, task("Look."), {"if": "look.cause == 'belt'", "then": [approve()]}],
    "a task that decides nothing": [AGENT, {"if": "likely.cause == 'belt'", "then": [task(authority="")]}],
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_where_it_leaves_everybody_out_is_told(name: str) -> None:
    found = provenance(definition(*LEFT_OUT[name], bundled=ASKS)).left_out
    assert [one.code for one in found] == ["mos.agent.omits"]
    assert "'likely'" in found[0].message


@pytest.mark.parametrize("name", ASKED)
def test_where_somebody_is_asked_all_the_same_nothing_is_told(name: str) -> None:
    assert provenance(definition(*ASKED[name], bundled=ASKS)).left_out == []


def test_in_a_called_definition_it_is_told_too() -> None:
    inner = {"definition": "inner", "title": "Inner", "owner": "planner", "parameters": {"cause": "", "other": ""}}
    asks = {"if": "params.cause == 'belt'", "then": [approve("Hold?")]}
    found = provenance(definition(AGENT, CALL, bundled={"inner": inner | {"steps": [asks]}})).left_out
    assert [(one.path, one.field) for one in found] == [("1.call.0", "if")]


@pytest.mark.parametrize(
    "impact, options",
    [
        ({"money": "=likely.cost"}, [{"id": "a", "title": "A"}]),
        ({"money": "=option.cost"}, "=[{'id': 'a', 'title': 'A', 'cost': likely.cost}]"),
    ],
)
def test_its_figures_measure_nobodys_authority(impact: Json, options: Json) -> None:
    assert codes(AGENT, approve(impact=impact, options=options)) == ["mos.agent.limits"]


def test_it_ends_no_exception() -> None:
    assert codes(AGENT, closes={"when": "likely.cause == 'power'"}) == ["mos.agent.closes"]


def test_without_agents_nothing_is_tainted() -> None:
    assert provenance(definition(approve("x"), post("x"))).names == {}
