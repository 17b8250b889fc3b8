"""A definition as it is drawn, and what a story puts on the drawing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from authoring.drawing import Drawing, Node, draw, nodes
from authoring.drawing_story import Asked, Event, Happened, overlay, still
from authoring.trial import examples, try_out
from domain.language.definition_text import load, read
from infra.commands.scenarios import demo_setting
from tests.api.authored import BREAKDOWN

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
EVERY_KIND = """
definition: every_kind
title: All of them
owner: planner
parameters: {patience: 5m}
steps:
  - task: look
    to: {role: planner}
    offer: everyone
    within: =params.patience
    ladder: [{to: {role: plant_manager}, after: =params.patience}]
  - for_each: lots
    in: ['a', 'b']
    do:
      - notify: told
        to: {role: quality_manager}
  - repeat: again
    until: "true"
    at_most: 3
    do:
      - wait: a_while
        at: shift.end
  - switch: "'x'"
    cases:
      x:
        - decide: rule
          rules: [{when: "1 > 0", then: {a: 1}}]
    else:
      - notify: nobody
        to: {role: planner}
  - post: hold
    to: erp
    standing: true
    on_failure: undo
    outcomes: [{hold_lot: {lot: L-1, reason: x}}]
    undo:
      - notify: undone
        to: {role: planner}
standing_authority: {outcomes: [hold_lot], reason: r}
"""


def by_path(drawing: Drawing) -> Mapping[str, Node]:
    return {node.path: node for node in nodes(drawing.steps)}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def statuses(drawing: Drawing) -> dict[str, str]:
    return {node.path: node.state.status for node in nodes(drawing.steps) if node.state}


def test_every_step_is_drawn_where_it_stands() -> None:
    definition = load(BREAKDOWN)
    drawing = draw(definition, read(BREAKDOWN, "")[1])
    lines = BREAKDOWN.splitlines()
    assert len(by_path(drawing)) == 18
    for node in nodes(drawing.steps):
        assert lines[node.line - 1].lstrip().startswith("- "), node
        if node.name:
            assert node.name in lines[node.line - 1]


def test_who_when_and_how_long_are_told() -> None:
    repair = by_path(draw(load(BREAKDOWN)))["0.maintenance.0"]
    told = [(detail.what, detail.value, detail.who) for detail in repair.details]
    assert ("accept_within", "5 min", "") in told, "a parameter is shown as its value"
    assert ("ladder", "15 min", "plant_manager") in told
    here = by_path(draw(load(BREAKDOWN), parameters={"accept_within": "2m"}))["0.maintenance.0"]
    assert ("accept_within", "2 min") in [(detail.what, detail.value) for detail in here.details]
    assert told[0][1].startswith("maintenance_technician (skill equipment.skill")


def test_every_kind_has_its_shape() -> None:
    drawn = by_path(draw(load(EVERY_KIND)))
    shape = {path: (node.kind, [branch.label for branch in node.branches]) for path, node in drawn.items()}
    assert shape == {
        "0": ("task", []),
        "1": ("for_each", ["do"]),
        "1.do.0": ("notify", []),
        "2": ("repeat", ["do"]),
        "2.do.0": ("wait", []),
        "3": ("switch", ["case:x", "else"]),
        "3.case:x.0": ("decide", []),
        "3.else.0": ("notify", []),
        "4": ("post", ["undo"]),
        "4.undo.0": ("notify", []),
    }
    assert drawn["2.do.0"].head == "shift.end"
    assert ("on_failure", "undo") in [(one.what, one.value) for one in drawn["4"].details]


def test_a_called_definition_is_drawn_inside() -> None:
    part = load(EVERY_KIND)
    caller = load(
        "definition: caller\ntitle: t\nowner: o\nsteps:\n  - call: it\n    definition: every_kind\n"
    ).model_copy(update={"bundled": {"every_kind": part}})
    drawn = by_path(draw(caller))
    assert drawn["0"].branches[0].label == "call"
    assert drawn["0.call.1.do.0"].name == "told"


def test_a_whole_story_leaves_nothing_waiting() -> None:
    happy = next(one for one in examples("breakdown") if one.title.startswith("Jonas repairs lathe 1"))
    tried = try_out(load(BREAKDOWN), happy.text, demo_setting())
    assert tried.passed
    assert tried.drawing is not None
    told = by_path(tried.drawing)
    assert set(statuses(tried.drawing).values()) <= {"done", "passed"}
    decision = told["0.planning.3.decide.0.then.0"].state
    assert decision is not None
    assert decision.people == ("Lena Fischer",)
    assert decision.since is not None
    assert decision.until is not None
    assert decision.until - decision.since == timedelta(minutes=3)
    wait = told["0.planning.1"].state
    assert wait is not None
    assert wait.since is not None
    assert wait.until is not None
    assert wait.until - wait.since == timedelta(minutes=8), "a step begins when the one before it ended"


@pytest.fixture
def midway() -> Happened:
    """The technician has it and gave an estimate; the planner is asked."""
    return Happened(
        START,
        events=[
            Event(at(0), "opened", ""),
            Event(at(0), "asked", "0.maintenance.0"),
            Event(at(0), "told", "0.planning.0"),
            Event(at(1), "answer", "0.maintenance.0", "Jonas Weber"),
            Event(at(6), "waited", "0.planning.1"),
            Event(at(6), "proposed", "0.planning.2"),
            Event(at(6), "asked", "0.planning.3.decide.0.then.0"),
            Event(at(6), "told", "0.planning.3.materials.0.then.0"),
        ],
        tasks=[
            Asked("repair", at(0), None, ("Jonas Weber",)),
            Asked("plan_decision", at(6), None, ("Lena Fischer", "Sofia Rossi")),
        ],
        under_way=[
            {"path": "0.maintenance.0", "status": "running"},
            {"path": "0.planning.3.decide.0.then.0", "status": "running"},
            {"path": "0.planning.4", "status": "next"},
            {"path": "1", "status": "next"},
        ],
    )


def test_midway_it_says_what_waits_for_whom(midway: Happened) -> None:
    drawing = overlay(draw(load(BREAKDOWN)), midway)
    found, told = statuses(drawing), by_path(drawing)
    assert found["0"] == "running"
    assert found["0.planning.1"] == "done"
    assert found["0.planning.3.decide.0.then.0"] == "waiting"
    assert found["0.planning.4"] == "next"
    assert found["0.planning.4.then.0"] == "ahead"
    assert found["1"] == "next"
    repair, decision = told["0.maintenance.0"].state, told["0.planning.3.decide.0.then.0"].state
    assert repair is not None
    assert (repair.people, repair.since) == (("Jonas Weber",), START)
    assert decision is not None
    assert (decision.people, decision.since) == (("Lena Fischer", "Sofia Rossi"), at(6))


def test_a_failed_step_says_why_until_it_went_through(midway: Happened) -> None:
    path = "0.planning.2"
    failed = Event(at(6), "step_failed", path, data={"reason": "the MES does not answer"})
    events = [event for event in midway.events if event.path != path and event.at < at(6)]
    story = Happened(START, None, [*events, failed], midway.tasks[:1], [{"path": path, "status": "failed"}])
    state = by_path(overlay(draw(load(BREAKDOWN)), story))[path].state
    assert state is not None
    assert state.status == "failed"
    over = Happened(START, at(9), [*events, failed, Event(at(8), "proposed", path)], midway.tasks[:1])
    state = by_path(overlay(draw(load(BREAKDOWN)), over))[path].state
    assert state is not None
    assert (state.status, state.reason) == ("done", "")


def test_turns_of_loops_are_counted() -> None:
    events = [Event(at(n), "told", f"1.do[{n}].0") for n in range(3)]
    drawing = overlay(draw(load(EVERY_KIND)), Happened(START, at(5), events))
    loop = by_path(drawing)["1"].state
    assert loop is not None
    assert (loop.status, loop.turns) == ("done", 3)
    assert statuses(drawing)["0"] == "passed"
    assert still("2.do[3].0.person[1]") == "2.do.0"
