"""The step `agent` in the simulator: with a proposal, and with what its author provided for."""

import time
from pathlib import Path
from typing import Any

import pytest

from activities.contracts.agents import AgentAnswer, AgentRequest
from authoring.check import SiteFacts, check, connected
from authoring.scenarios import reading, suite
from authoring.scenarios.coverage import coverage_of
from authoring.scenarios.naming import ScenarioError
from authoring.scenarios.playing import play, tell
from authoring.scenarios.reading import Scenario
from authoring.simulator.effects import Story
from authoring.simulator.runtime import SimulatedRuntime
from domain.language import definition_text
from domain.values import Json
from infra.commands.scenarios import demo_setting
from infra.commands.scenarios_on_temporal import compare
from workflows.engine.runtime import EffectFailedError

SETTING = demo_setting()
DEFINITION = """\
definition: asks
title: "{{ equipment.title }} is down"
owner: maintenance_lead
opens: {on: [machine.state], when: signal.state == 'aborted', one_per: [signal.equipment]}
steps:
  - agent: likely
    use: local_model
    goal: "Which cause has a stop of {{ equipment.title }}?"
    given: {equipment: =equipment.id, said: "=has(signal.stop_reason) ? signal.stop_reason : ''"}
    returns:
      cause: {kind: text, choices: [belt, power, not_known]}
      order: {kind: text, among: "=['JO-1001', 'JO-1002']"}
      hours: {kind: number, least: 0, most: 48}
    within: 20s
    otherwise: {cause: not_known, order: JO-1001, hours: 4}
    instead:
      - notify: without
        to: {role: planner}
  - task: repair
    to: {role: maintenance_technician, shift: any}
    facts: {Likely: "{{ likely.cause }}"}
    ask: {cause: {kind: choice, choices: [belt, power], required: true}}
    within: 1h
    authority: report_downtime
  - post: noted
    to: erp
    decision: repair
    outcomes: [{record_downtime: {equipment: =equipment.id, start: =opened_at, cause: =likely.cause}}]
"""
PARSED = definition_text.load(DEFINITION)
RIGHT = "{cause: belt, order: JO-1002, hours: 2}"
ASKED = "local_model: {answers: {likely: %s}}"


def scenario(agents: str, **more: str) -> Scenario:
    lines = [
        "scenario: A try", "definition: asks", "starts: mon 09:00",
        "signals: [{at: 0s, type: machine.state, equipment: lathe-1, state: aborted, stop_reason: jam}]",
        f"agents: {{{agents}}}", *(f"{name}: {text}" for name, text in more.items()),
        "expect: {ends: completed}",
    ]  # fmt: skip
    return reading.load("\n".join(lines), "try.yaml", PARSED, SETTING)


def played(agents: str, **more: str) -> Story:
    story = tell(scenario(agents, **more))
    assert story is not None
    return story


def line(story: Story) -> dict[str, Json]:
    (found,) = [entry for entry in story.entries if entry.kind.startswith("agent_")]
    return {"kind": found.kind, **found.data}


def told(story: Story) -> list[str]:
    return [page.task for page in story.pages]


def test_the_definition_has_no_finding() -> None:
    found = check(DEFINITION, "asks.yaml", others={}, opening={})
    assert [one for one in found if one.severity != "note"] == []


def test_a_proposal_is_kept_with_what_was_asked_and_given() -> None:
    story = played(f"local_model: {{answers: {{likely: {RIGHT}}}, confidence: 0.8, takes: 3s}}")
    found = line(story)
    assert found["kind"] == "agent_proposed"
    assert found["values"] == {"cause": "belt", "order": "JO-1002", "hours": 2}
    assert found["given"] == {"equipment": "lathe-1", "said": "jam"}
    assert found["goal"].startswith("Which cause has a stop of ")
    assert (found["agent"], found["model"], found["confidence"]) == ("local_model", "scenario", 0.8)
    assert "without" not in told(story)


@pytest.mark.parametrize(
    "agents, why",
    [
        (f"local_model: {{answers: {{likely: {RIGHT}}}, takes: 20s}}", "late"),
        (f"local_model: {{answers: {{likely: {RIGHT}}}, down: always}}", "unavailable"),
        (f"local_model: {{answers: {{likely: {RIGHT}}}, stopped: true}}", "stopped"),
        ("local_model: {}", "unsure"),
        ("", "unavailable"),
        (ASKED % "{cause: sabotage, order: JO-1001, hours: 2}", "misfit"),
        (ASKED % "{cause: belt, order: JO-9999, hours: 2}", "misfit"),
        (ASKED % "{cause: belt, order: JO-1001, hours: 1000}", "misfit"),
        (ASKED % "{cause: belt, order: JO-1001, hours: 2, approve: plan}", "misfit"),
    ],
)
def test_whatever_it_does_the_procedure_goes_on_with_otherwise(agents: str, why: str) -> None:
    story = played(agents)
    found = line(story)
    assert (found["kind"], found["why"]) == ("agent_refused", why)
    assert found["values"] == {"cause": "not_known", "order": "JO-1001", "hours": 4}
    assert told(story)[0] == "without"
    assert "repair" in told(story)


@pytest.mark.parametrize("agents", [ASKED % RIGHT, "", f"local_model: {{answers: {{likely: {RIGHT}}}, takes: 20s}}"])
@pytest.mark.parametrize("effects", [1, 2, 3])
def test_renewed_after_every_few_effects_it_asks_once(agents: str, effects: int) -> None:
    whole, renewed = tell(scenario(agents)), tell(scenario(agents), renew_after=effects)
    assert whole is not None
    assert renewed is not None
    assert [(one.kind, one.data) for one in renewed.entries] == [(one.kind, one.data) for one in whole.entries]


def test_a_posting_rests_on_the_task_that_showed_it() -> None:
    done = "{jonas: 'accepts repair after 1m, cause belt after 10m'}"
    story = played(ASKED % RIGHT, answers=done)
    assert [one.status for one in story.postings] == ["posted"]
    silent = played(ASKED % RIGHT)
    assert silent.postings == []


def test_both_ways_are_branches_that_scenarios_go_through() -> None:
    coverage = coverage_of(PARSED)
    play(scenario(ASKED % RIGHT), coverage)
    assert "likely: no proposal" in coverage.missing()
    assert "likely: proposed" not in coverage.missing()
    play(scenario(""), coverage)
    assert "likely: no proposal" not in coverage.missing()


@pytest.mark.parametrize(
    "agents, says",
    [("local_modle: {}", "local_modle"), ("local_model: {answers: {likly: {}}}", "likly"),
     ("local_model: {down: sometimes}", "sometimes")],
)  # fmt: skip
def test_a_scenario_names_agents_and_steps_that_there_are(agents: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        scenario(agents)


@pytest.mark.parametrize(
    "expected, holds",
    [("[likely: {cause: belt}]", True), ("[likely: {cause: power}]", False), ("[likely: late]", False)],
)
def test_a_scenario_expects_what_is_proposed(expected: str, holds: bool) -> None:
    text = scenario(ASKED % RIGHT).text.replace("{ends: completed}", f"{{proposed: {expected}}}")
    assert play(reading.load(text, "try.yaml", PARSED, SETTING)).passed == holds


def test_temporal_tells_the_same_story_with_and_without_a_proposal(tmp_path: Path) -> None:
    (tmp_path / "asks.yaml").write_text(DEFINITION)
    folder = tmp_path / "scenarios" / "asks"
    folder.mkdir(parents=True)
    late = f"local_model: {{answers: {{likely: {RIGHT}}}, takes: 20s}}"
    for name, agents in (("right", ASKED % RIGHT), ("late", late)):
        (folder / f"{name}.yaml").write_text(scenario(agents).text)
    report = suite.run(suite.files_of([tmp_path / "asks.yaml"]), SETTING, time.perf_counter)
    compared = compare(report.cases, SETTING)
    assert [(case.passed, case.differs) for case in compared] == [(True, ()), (True, ())]


def codes(old: str, new: str, text: str = DEFINITION) -> list[str]:
    assert old in text
    found = check(text.replace(old, new), "asks.yaml", others={}, opening={})
    return [one.code for one in found if one.severity == "error"]


@pytest.mark.parametrize(
    "old, new, code",
    [
        ("    within: 20s\n", "", "mos.definition.missing_field"),
        ("within: 20s", "within: 11m", "mos.definition.value"),
        ("within: 20s", "within: 4h business", "mos.definition.value"),
        ("cause: not_known, ", "colour: red, ", "mos.definition.value"),
        ("hours: {kind: number", "why: {kind: number", "mos.definition.value"),
        ("choices: [belt, power, not_known]", "choices: [belt], among: =jobs", "mos.definition.value"),
        ("least: 0, most: 48", "least: 48, most: 0", "mos.definition.value"),
        ("hours: 4}", "hours: soon}", "mos.type.mismatch"),
        ("=['JO-1001', 'JO-1002']", "=[1, 2]", "mos.type.mismatch"),
        ("said: \"=has(signal.stop_reason)", "said: \"=has(signal.stop_raeson)", "mos.type.field"),
        ("stop of {{ equipment.title }}?", "stop: {{ signal.stop_reason }}?", "mos.type.name"),
        ("{{ likely.cause }}", "{{ likely.casue }}", "mos.type.field"),
        ("decision: repair", "standing: true", "mos.agent.unconfirmed"),
        ('facts: {Likely: "{{ likely.cause }}"}', "facts: {}", "mos.agent.unconfirmed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_at_the_desk(old: str, new: str, code: str) -> None:
    standing = "standing_authority: {outcomes: [record_downtime], reason: only notes}\nsteps:\n"
    assert code in codes(old, new, DEFINITION.replace("steps:\n", standing, 1))


def test_a_value_without_otherwise_has_to_be_asked_for() -> None:
    """`source` tells that it is there."""
    bare = DEFINITION.replace("otherwise: {cause: not_known, order: JO-1001, hours: 4}", "otherwise: {}")
    assert "mos.type.optional" in {one.code for one in check(bare, "asks.yaml", others={}, opening={})}
    asked = bare.replace("{{ likely.cause }}", "{{ likely.cause if likely.source == 'agent' else '?' }}")
    found = check(asked.replace("cause: =likely.cause", "cause: ='belt'"), "asks.yaml", others={}, opening={})
    assert [one for one in found if one.severity != "note"] == []


def test_leaving_everybody_out_on_its_word_is_warned_of_at_its_place() -> None:
    text = DEFINITION.replace("    ask: {cause:", "    only_if: likely.cause == 'belt'\n    ask: {cause:")
    (found,) = [one for one in check(text, "asks.yaml", others={}, opening={}) if one.code.startswith("mos.agent")]
    line = 1 + text.splitlines().index("    only_if: likely.cause == 'belt'")
    assert (found.code, found.severity, found.line) == ("mos.agent.omits", "warning", line)


def test_the_site_has_to_have_the_agent() -> None:
    document: list[dict[str, Any]] = [{"name": "local_model", "role": "agent", "kind": "openai_compatible"}]
    for known, wanted in (([], ["mos.agent.none"]), (document, [])):
        site = SiteFacts(SETTING.site, SETTING.roster, scenario("").start, systems=connected(known))
        found = check(DEFINITION, "asks.yaml", site, others={}, opening={})
        assert [one.code for one in found if one.code.startswith("mos.agent")] == wanted


def failed(definition: str, agents: str, **more: str) -> list[tuple[str, str]]:
    """Steps that failed in a definition that came past the check, and why."""
    found, _, _ = definition_text.shape(definition, "asks.yaml")
    assert found is not None
    story = tell(reading.load(scenario(agents, **more).text, "try.yaml", found, SETTING))
    assert story is not None
    assert story.postings == []
    return [(one.data["task"], one.data["code"]) for one in story.entries if one.kind == "step_failed"]


def test_the_engine_posts_nothing_on_a_proposal_that_nobody_decided() -> None:
    """Even if such a definition were published."""
    standing = "standing_authority: {outcomes: [record_downtime], reason: only notes}\nsteps:\n"
    unchecked = DEFINITION.replace("steps:\n", standing, 1).replace("decision: repair", "standing: true")
    assert failed(unchecked, ASKED % RIGHT) == [("noted", "mos.agent.unconfirmed")]


def test_a_proposal_that_came_after_the_decision_was_not_decided() -> None:
    """The step that asks failed (its `otherwise` can't be worked out), and a person tries it again later."""
    late = DEFINITION.replace(
        "{cause: not_known, order: JO-1001, hours: 4}", "{cause: =signal.nothing, order: a, hours: 4}"
    )
    late = late.replace("{{ likely.cause }}", "{{ likely.cause if likely.source is defined else '?' }}")
    late = late.replace("  - post: noted", "  - {wait: later, at: '10:00'}\n  - post: noted")
    agents = f"local_model: {{answers: {{likely: {RIGHT}}}, down: 0m to 5m}}"
    done = "{jonas: 'accepts repair after 1m, cause belt after 10m'}"
    again = "[{at: 30m, by: sofia, command: retry, step: likely, reason: it is back}]"
    found = failed(late, agents, answers=done, commands=again)
    assert found == [("likely", "mos.expression.undefined"), ("noted", "mos.agent.unconfirmed")]


@pytest.mark.parametrize("code, why", [("mos.timeout", "late"), ("ConfigError", "unavailable")])
def test_an_effect_that_gave_up_is_no_proposal(monkeypatch: pytest.MonkeyPatch, code: str, why: str) -> None:
    """No worker took it in time, or our own side of it failed."""

    async def gives_up(runtime: SimulatedRuntime, request: AgentRequest) -> AgentAnswer:
        raise EffectFailedError(code, "it gave up")

    monkeypatch.setattr(SimulatedRuntime, "agent", gives_up)
    found = line(played(ASKED % RIGHT))
    assert (found["kind"], found["why"], found["goal"][:11]) == ("agent_refused", why, "Which cause")


def test_too_much_to_give_is_neither_sent_nor_kept() -> None:
    long = DEFINITION.replace(
        "given: {equipment: =equipment.id", f"given: {{more: {'x' * 21_000}, equipment: =equipment.id"
    )
    found, _, _ = definition_text.shape(long, "asks.yaml")
    assert found is not None
    story = tell(reading.load(scenario(ASKED % RIGHT).text, "try.yaml", found, SETTING))
    assert story is not None
    assert (line(story)["why"], line(story)["given"]) == ("over_budget", {})
