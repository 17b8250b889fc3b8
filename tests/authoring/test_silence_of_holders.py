"""Reminders, release, snoozing and the load budget in the simulator: on the exception's clock, paused, and renewed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from authoring.scenarios import reading
from authoring.scenarios.comparing import differences
from authoring.scenarios.playing import play, tell
from authoring.scenarios.reporting import as_text
from authoring.scenarios.suite import Case, Report
from authoring.simulator.simulation import simulate
from domain.language import definition_text
from infra.commands.scenarios import SCENARIOS, demo_setting

SETTING = demo_setting()
_WITHIN = "          within: =params.repair_within\n"
TEXT = (SCENARIOS.parent / "breakdown.yaml").read_text()
PATIENT = definition_text.load(
    TEXT.replace(_WITHIN, f"{_WITHIN}          remind_after: 30m\n          release_after: 1h\n")
)
BUDGET = definition_text.load(TEXT.replace(_WITHIN, f"{_WITHIN}          load_budget: {{tasks: 1, pages: 1}}\n"))
HEAD = """\
scenario: A try
definition: breakdown
signals:
  - {at: 0s, type: machine.state, equipment: lathe-1, state: aborted}
"""
SILENT = """\
answers: {jonas: accepts repair after 1m}
expect:
  asked:
    - {jonas: repair at 0s}
    - {amira: repair at 0s}
    - {jonas: repair at 31m}
    - {jonas: repair at 1h1m}
    - {amira: repair at 1h1m}
"""
PAUSED = """\
answers: {jonas: accepts repair after 1m}
commands:
  - {at: 10m, by: piotr, command: pause, reason: looking at it}
  - {at: 5h, by: piotr, command: resume}
expect:
  asked: [{jonas: repair at 5h30m}, {amira: repair at 6h}]
"""
ESTIMATE = """\
answers: {jonas: "accepts repair after 1m, estimate 2h after 1m, done after 2h20m"}
expect: {not_asked: [piotr]}
"""
SNOOZED = """\
answers: {amira: snoozes repair for 3m after 30s, jonas: accepts repair after 10m}
expect:
  asked: [{amira: repair at 3m30s}]
"""


@pytest.mark.parametrize("body", [SILENT, PAUSED, ESTIMATE, SNOOZED])
def test_silence_is_measured_from_the_last_sign_of_life(body: str) -> None:
    scenario = reading.load(HEAD + body, "try.yaml", PATIENT, SETTING)
    played = play(scenario)
    assert played.passed, as_text(Report([Case("try.yaml", played=played)]))
    for effects in (1, 2, 3):
        renewed = tell(scenario, renew_after=effects)
        assert played.story is not None
        assert renewed is not None
        assert differences(played.story, renewed, scenario.start, timedelta(0)) == []


def test_an_estimate_is_no_silence() -> None:
    story = tell(reading.load(HEAD + ESTIMATE, "try.yaml", PATIENT, SETTING))
    assert story is not None
    assert not [entry for entry in story.entries if entry.kind in ("reminded", "released")]


def test_who_is_over_the_budget_is_spared_while_another_fits() -> None:
    """Amira and Jonas may repair; what other exceptions hold counts."""
    scenario = reading.load(HEAD + "expect: {}\n", "try.yaml", BUDGET, SETTING)
    assert scenario.opening is not None
    busy = replace(scenario.plant, load=lambda _: {"jonas": 1})
    story = simulate(scenario.opening.given, busy)
    asked = [page.person for page in story.pages if page.task == "repair" and page.rung == 0]
    assert asked == ["amira"]
