"""Scenario files: the shipped ones hold, say what is wrong at its place, and survive being renewed."""

import json
import time
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from authoring.scenarios import reading, suite
from authoring.scenarios.comparing import differences
from authoring.scenarios.naming import ScenarioError
from authoring.scenarios.playing import play, tell
from authoring.scenarios.reading import Scenario
from authoring.scenarios.reporting import as_json, as_junit, as_text
from authoring.scenarios.suite import Case, Report
from domain.errors import ConfigError
from domain.language import definition_text
from infra.commands.scenarios import SCENARIOS, demo_setting

SETTING = demo_setting()
FILES = suite.files_of([SCENARIOS])
LOADED = {path: read for path, read in suite.scenarios(FILES, SETTING) if isinstance(read, Scenario)}
OPENING = {path: read for path, read in LOADED.items() if read.opening is not None}
BREAKDOWN = definition_text.load((SCENARIOS.parent / "breakdown.yaml").read_text())
SITUATIONS = (
    "happy_path",
    "nobody_answers",
    "wrong_person_answers",
    "erp_down",
    "second_signal_joins",
    "shift_changes",
)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_shipped_scenario_can_be_read() -> None:
    assert list(LOADED) == FILES


@pytest.mark.parametrize("definition", ["breakdown", "quality_hold", "rush_order"])
def test_shipped_definitions_have_the_situations_of_every_plant(definition: str) -> None:
    have = {path.stem for path in FILES if path.parent.name == definition}
    assert set(SITUATIONS) <= have
    if definition == "breakdown":
        assert "signal_clears_early" in have  # the others open on events, which do not clear


@pytest.mark.parametrize("path", LOADED, ids=_name)
def test_a_shipped_scenario_holds(path: Path) -> None:
    played = play(LOADED[path])
    assert played.passed, as_text(Report([Case(str(path), played=played)]))


def test_shipped_scenarios_go_through_every_step_and_branch() -> None:
    report = suite.run(FILES, SETTING, time.perf_counter)
    assert [missing for one in report.coverage.values() for missing in one.missing()] == []
    assert report.passed(min_coverage=1.0)


@pytest.mark.parametrize("effects", [1, 2, 3, 7])
@pytest.mark.parametrize("path", OPENING, ids=_name)
def test_a_run_renewed_after_every_few_effects_tells_the_same_story(path: Path, effects: int) -> None:
    """Saved as JSON and taken up again: continue-as-new loses nothing and does nothing twice."""
    scenario = OPENING[path]
    whole, renewed = tell(scenario), tell(scenario, renew_after=effects)
    assert whole is not None
    assert renewed is not None
    assert renewed.runs > whole.runs or effects == 7  # a short story has fewer effects than that
    assert differences(whole, renewed, scenario.start, timedelta(0)) == []
    numbers = [entry.number for entry in renewed.entries]
    assert numbers == sorted(set(numbers))


def test_a_story_is_the_same_every_time() -> None:
    scenario = LOADED[SCENARIOS / "breakdown" / "happy_path.yaml"]
    assert tell(scenario) == tell(scenario)


HEAD = """\
scenario: A try
definition: breakdown
signals:
  - {at: 0s, type: machine.state, equipment: lathe-1, state: aborted}
"""


@pytest.mark.parametrize(
    "body, place, message",
    [
        ("answers: {jonsa: accepts repair after 1m}\nexpect: {}\n", (5, 11), "did you mean 'jonas'"),
        ("answers: {jonas: accepts repiar after 1m}\nexpect: {}\n", (5, 11), "did you mean 'repair'"),
        ("answers: {jonas: acepts repair after 1m}\nexpect: {}\n", (5, 11), "'acepts' is nothing that people do"),
        ("answers: {jonas: accepts repair after soon}\nexpect: {}\n", (5, 11), "'soon' is no duration"),
        ("answers: {jonas: accepts repair after}\nexpect: {}\n", (5, 11), "'after' needs something behind it"),
        ("answers: {lena: approves plan_decision via pigeon}\nexpect: {}\n", (5, 11), "'pigeon' is no channel"),
        ("expect:\n  asked:\n    - jonas: reparied at 0s\n", (7, 7), "no step 'reparied': did you mean 'repair'"),
        ("expect:\n  asked:\n    - jonas: repair at noon\n", (7, 7), "'noon' is no moment"),
        ("expect:\n  posted:\n    - new_time: erp\n", (7, 7), "did you mean 'new_times'"),
        ("expect:\n  ends: complete\n", (6, 3), "no ending 'complete': did you mean 'completed'"),
        ("expect:\n  aksed: []\n", (6, 3), "unknown field 'aksed'; did you mean 'asked'?"),
        ("expect:\n  surprised: yes\n", (6, 3), "unknown field 'surprised'"),
        ("systems: {epr: {down: always}}\nexpect: {}\n", (5, 11), "no system 'epr': did you mean 'erp'"),
        ("systems: {erp: {down: sometimes}}\nexpect: {}\n", (5, 17), "'sometimes' is no moment"),
        ("parameters: {lead_aftr: 5m}\nexpect: {}\n", (5, 14), "did you mean 'lead_after'"),
        ("people: {jonas: {shifts: [nights]}}\nexpect: {}\n", (5, 18), "no shift 'nights'"),
        ("starts: sometime\nexpect: {}\n", (5, 1), "'sometime' is no moment"),
        (
            "commands: [{at: 1m, by: lena, command: skip, step: repairs}]\nexpect: {}\n",
            (5, 46),
            "did you mean 'repair'",
        ),
        ("", (1, 1), "'expect' is missing"),
    ],
)
def test_a_mistake_is_named_at_its_place(body: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        reading.load(HEAD + body, "try.yaml", BREAKDOWN, SETTING)
    found = [one for one in caught.value.findings if message in one.message]
    assert found, caught.value.findings
    assert (found[0].line, found[0].column) == place
    assert f"try.yaml:{place[0]}:{place[1]}: " in str(caught.value)


def test_unknown_facts_and_equipment_are_named() -> None:
    text = HEAD.replace("lathe-1", "lathe-9").replace("state: aborted", "stat: aborted") + "expect: {}\n"
    with pytest.raises(ScenarioError) as caught:
        reading.load(text, "try.yaml", BREAKDOWN, SETTING)
    messages = [one.message for one in caught.value.findings]
    assert any("no equipment 'lathe-9': did you mean 'lathe-" in message for message in messages)
    assert any("no fact 'stat': did you mean 'state'" in message for message in messages)


def test_a_failure_shows_expected_against_actual_in_time() -> None:
    body = "expect:\n  asked:\n    - piotr: repair at 3m\n  not_asked: [sofia]\n  ends: completed\n"
    scenario = reading.load(HEAD + body, "try.yaml", BREAKDOWN, SETTING)
    played = play(scenario)
    text = as_text(Report([Case("try.yaml", "A try", played)]))
    assert "FAIL try.yaml" in text
    assert "try.yaml:7:7: expected asked piotr: repair at 3m; got: at another time at 2m" in text
    lines = text.splitlines()
    asked = next(i for i, line in enumerate(lines) if "asked Piotr Nowak: repair (rung 1)" in line)
    assert "2m - expected: asked piotr: repair at 3m" in lines[asked + 1]
    assert any("expected: ends completed" in line and "<- expired" in line for line in lines)


def test_the_report_is_readable_for_programs() -> None:
    scenario = reading.load(HEAD + "expect: {ends: completed}\n", "try.yaml", BREAKDOWN, SETTING)
    report = Report([Case("try.yaml", "A try", play(scenario))])
    document = json.loads(as_json(report))
    assert document["scenarios"][0]["problems"][0]["code"] == "mos.scenario.not_met"
    suite_node = ElementTree.fromstring(as_junit(report))
    assert (suite_node.get("tests"), suite_node.get("failures")) == ("1", "1")
    assert "try.yaml:5" in str(suite_node[0][0].get("message"))


def test_coverage_says_what_nobody_tried() -> None:
    report = suite.run([SCENARIOS / "breakdown" / "no_order_moves.yaml"], SETTING, time.perf_counter)
    missing = report.coverage["breakdown"].missing()
    assert {"plan_decision", "new_times", "repair: rung 1"} <= set(missing)
    assert not report.passed(min_coverage=0.9)
    assert report.passed(min_coverage=0.1)


def test_a_paused_exception_climbs_no_ladder_and_a_cancelled_one_ends() -> None:
    body = """\
commands:
  - {at: 1m, by: piotr, command: pause, reason: looking at it}
  - {at: 30m, by: piotr, command: cancel, reason: false alarm}
expect:
  not_asked: [piotr, sofia]
  ends: cancelled at 30m
  handling: cancelled
"""
    played = play(reading.load(HEAD + body, "try.yaml", BREAKDOWN, SETTING))
    assert played.passed, played.failures


def test_an_on_delay_that_clears_opens_nothing() -> None:
    text = (
        (SCENARIOS.parent / "breakdown.yaml").read_text().replace("  priority: high", "  settle: 90s\n  priority: high")
    )
    definition = definition_text.load(text)
    second = "  - {at: 1m, type: machine.state, equipment: lathe-1, state: running}\n"
    cleared = reading.load(HEAD + second + "expect: {opens: false}\n", "try.yaml", definition, SETTING)
    stayed = reading.load(HEAD + "expect: {asked: [{jonas: repair at 90s}]}\n", "try.yaml", definition, SETTING)
    assert play(cleared).passed
    assert play(stayed).passed


def test_the_scenario_in_the_docs_holds() -> None:
    page = (SCENARIOS.parents[2] / "docs" / "how-to" / "scenarios.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    played = play(reading.load(text, "scenarios.md", BREAKDOWN, SETTING))
    assert played.passed, as_text(Report([Case("scenarios.md", played=played)]))


def test_a_bare_name_means_a_definition_in_its_folder() -> None:
    by_name = suite.files_of([Path("breakdown"), Path("breakdown.yaml")], [SCENARIOS.parent])
    assert by_name == suite.files_of([SCENARIOS.parent / "breakdown.yaml"])
    with pytest.raises(ConfigError, match=r"brakedown: no such file or folder, nor .*brakedown\.yaml"):
        suite.files_of([Path("brakedown")], [SCENARIOS.parent])
