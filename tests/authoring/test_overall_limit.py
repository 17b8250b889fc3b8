"""`closes.within` ends an exception at its time, whatever it waits for: in memory, renewed at every effect, and on
Temporal, where it has no timer of its own while something else wakes the exception before."""

from datetime import timedelta
from pathlib import Path

import pytest

from authoring.scenarios import reading, suite
from authoring.scenarios.comparing import differences
from authoring.scenarios.playing import Played, play, tell
from authoring.scenarios.reading import Scenario
from authoring.scenarios.reporting import as_text
from authoring.scenarios.suite import Case, Report
from authoring.simulator.effects import Story
from authoring.simulator.simulation import simulate
from domain.language import definition_text
from infra.commands.scenarios import SCENARIOS, demo_setting
from infra.commands.scenarios_on_temporal import compare
from workflows.engine.generations import GENERATIONS

SETTING = demo_setting()
HEAD = """\
definition: limited
title: Limited
owner: planner
opens: {on: [machine.state], when: "signal.state == 'aborted'", one_per: [signal.equipment]}
closes: {within: 1h}
standing_authority: {outcomes: [set_order_status], reason: protective}
steps:
"""
TASK = "  - {task: look, to: {role: planner}}\n"
ESCALATED = """\
  - approve: choice
    to: {role: planner}
    authority: reschedule
    options: [{id: a, title: A}]
    within: 10m
    on_timeout: escalate
"""
POSTED = """\
  - post: held
    to: erp
    standing: true
    outcomes: [{set_order_status: {job_orders: [JO-1001], status: held}}]
"""
SIGNALS = """\
scenario: A try
definition: limited
signals:
  - {at: 0s, type: machine.state, equipment: lathe-1, state: aborted}
"""
PAUSED = """\
commands:
  - {at: 10m, by: piotr, command: pause, reason: looking at it}
  - {at: 5h, by: piotr, command: resume}
"""
DOWN = "systems: {erp: {down: 0s to 10h}}\n"
LATE = "systems: {erp: {down: 0s to 20m}}\n"


def scenario(steps: str, happens: str, ends: str) -> Scenario:
    text = f"{SIGNALS}{happens}expect: {{ends: {ends}}}\n"
    return reading.load(text, "try.yaml", definition_text.load(HEAD + steps), SETTING)


WAITS = {
    "a deadline beyond it": scenario(TASK, "", "expired at 1h"),
    "nothing at all": scenario(ESCALATED, "", "expired at 1h"),
    "a system that is down": scenario(POSTED, DOWN, "expired at 1h"),
    "a system that came back": scenario(POSTED + TASK, LATE, "expired at 1h"),
    "a person who paused it": scenario(TASK, PAUSED, "expired at 5h50m"),
    "a system, and it was paused": scenario(POSTED, PAUSED + DOWN, "expired at 5h50m"),
}


@pytest.mark.parametrize("name", WAITS)
def test_it_ends_at_its_time_whatever_it_waits_for(name: str) -> None:
    played = play(WAITS[name])
    assert played.passed, as_text(Report([Case("try.yaml", played=played)]))
    for effects in (1, 2, 3):
        renewed = tell(WAITS[name], renew_after=effects)
        assert played.story is not None
        assert renewed is not None
        assert differences(played.story, renewed, WAITS[name].start, timedelta(0)) == []


@pytest.mark.timeout(120)
def test_it_does_on_temporal_too() -> None:
    names = ("a system that is down", "a person who paused it")
    cases = [Case(name, played=play(WAITS[name])) for name in names]
    compared = {case.file: case.differs for case in compare(cases, SETTING)}
    found = {name: [one for one in compared[name] if not one.startswith("posting ")] for name in names}
    assert found == {name: [] for name in names}  # what is posted after the end nobody watches there


def told_by(one: Scenario, generation: int, renew_after: int = 0) -> Story:
    assert one.opening is not None
    given = one.opening.given.model_copy(update={"generation": generation})
    return simulate(given, one.plant, one.script.fresh(), one.happenings, renew_after=renew_after)


def shipped(files: list[Path]) -> list[Scenario]:
    """Those that open something."""
    cases = [case.played for case in suite.run(files, SETTING, lambda: 0.0).cases]
    return [played.scenario for played in cases if isinstance(played, Played) and played.scenario.opening]


EVERY = suite.files_of([SCENARIOS])
SOME = sorted(path for path in EVERY if path.parent.name == "quality_hold")


@pytest.mark.parametrize("files", [SOME, pytest.param(EVERY, marks=pytest.mark.full)], ids=["some", "every"])
def test_two_generations_tell_the_same_stories_without_a_gap(files: list[Path]) -> None:
    """Of whatever does not depend on what the newer one changed: pauses."""
    before, now = max(GENERATIONS) - 1, max(GENERATIONS)
    for one in [*shipped(files), *(WAITS[name] for name in WAITS if "paused" not in name)]:
        newest = told_by(one, now)
        assert differences(told_by(one, before), newest, one.start, timedelta(0)) == [], one.file
        for story in (newest, told_by(one, now, renew_after=2)):
            assert [entry.number for entry in story.entries] == list(range(1, len(story.entries) + 1)), one.file
