"""A definition with an error is refused with file:line:column, what is wrong and what to write instead."""

from pathlib import Path

import pytest

from domain.language.definition import Definition, walk
from domain.language.definition_text import DefinitionError, Finding, load
from templates.text import text_faults

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "workflows" / "definitions").glob("*.yaml"))
GOOD = """\
definition: leak
title: "Leak at {{ equipment.title }}"
owner: maintenance
opens:
  on: [machine.state]
  when: signal.state == 'aborted'
  one_per: [signal.equipment]
  settle: 90s
standing_authority: {outcomes: [hold_lot], reason: protective}
context:
  jobs: {from: mes.job_orders, where: {equipment: =equipment.id}}
steps:
  - task: repair
    to: {role: technician}
    text: "{{ jobs | length }} orders wait"
    ask: {estimate: {kind: duration}}
    accept_within: 5m
    authority: report_downtime
  - if: size(jobs) > 0
    then:
      - approve: plan
        to: {role: planner}
        options: [{id: a, title: A}]
        authority: reschedule
        within: 30m
  - post: downtime
    to: erp
    decision: repair
    outcomes: [{record_downtime: {equipment: =equipment.id, start: =opened_at}}]
"""


def findings(text: str) -> list[Finding]:
    with pytest.raises(DefinitionError) as refused:
        load(text, "leak.yaml", text_faults)
    for finding in refused.value.findings:
        assert f"leak.yaml:{finding.line}:{finding.column}: {finding.message}" in str(refused.value)
    return refused.value.findings


@pytest.mark.parametrize(
    "old, new, line, column, says",
    [
        ("owner: maintenance", "owners: maintenance", 3, 1, "unknown field 'owners'; did you mean 'owner'?"),
        ("owner: maintenance\n", "", 1, 1, "'owner' is missing"),
        ("    to: {role: technician}\n", "    to: {rolle: technician}\n", 14, 10, "'rolle'; did you mean 'role'?"),
        ("  settle: 90s", "  settle: 90 seconds", 8, 3, "'90 seconds' is no duration: write 90s, 5m"),
        ("    accept_within: 5m", "    accept_within: soon", 17, 5, "'soon' is no duration"),
        ("  settle: 90s", "  settle: 90s\n  settle: 5m", 9, 3, "'settle' stands here twice"),
        ("  - task: repair", "  - tusk: repair", 13, 5, "no step kind here: write one of task, notify"),
        ("  - if: size(jobs) > 0", "  - if: size(job) > 0", 19, 14, "did you mean 'jobs'?"),
        ("  - if: size(jobs) > 0", "  - if: size(jobs >", 19, 20, "Syntax error"),
        ("signal.state ==", "signl.state ==", 6, 9, "undeclared reference to 'signl'"),
        ("=equipment.id}}\n", "=equipmnt.id}}\n", 11, 32, "did you mean 'equipment'?"),
        ("start: =opened_at", "start: =opend_at", 29, 5, "did you mean 'opened_at'?"),
        ('"{{ jobs |', '"{{ job |', 15, 15, "did you mean 'jobs'?"),
        ('"{{ jobs | length', '"{{ jobs | lenght', 15, 22, "lenght"),
        ('"{{ jobs | length }}', '"{{ jobs | length', 15, 12, ""),
        ("    decision: repair\n", "", 26, 5, "a post needs 'decision:"),
        ("    decision: repair\n", "    decision: plann\n", 26, 5, "a post needs 'decision:"),
        ("    decision: repair\n", "    standing: true\n", 26, 5, "does not cover record_downtime"),
        ("[hold_lot]", "[create_order]", 9, 33, "'create_order' is none of hold_lot, "),
        ("to: erp", "to: sap", 27, 5, "'sap' is none of erp, mes"),
        ("definition: leak", "definition: Leak 1", 1, 1, "is no name: small letters, digits and _, a letter first"),
        ("steps:", "steps: [", 13, 3, "no valid YAML"),
        ("on: [machine.state]", "on: [machine.stat]", 5, 8, "did you mean 'machine.state'?"),
        ("    accept_within: 5m", "    acept_within: 5m", 17, 5, "did you mean 'accept_within'?"),
        ("on: [machine.state]", "on: machine.state", 5, 3, "a list is needed here: [one, another]"),
    ],
)  # fmt: skip
def test_finding(old: str, new: str, line: int, column: int, says: str) -> None:
    assert GOOD.count(old) == 1
    found = findings(GOOD.replace(old, new))
    assert [(finding.line, finding.column) for finding in found if says in finding.message] == [(line, column)], found


def test_all_findings_at_once_in_the_order_of_the_lines() -> None:
    text = GOOD.replace("owner:", "owners:").replace("settle: 90s", "settle: x").replace("to: erp", "to: sap")
    assert [finding.line for finding in findings(text)] == [1, 3, 8, 27]


@pytest.mark.parametrize(
    "text, says",
    [
        ("x: " + "a" * 300_000, "longer than"),
        ("a: &a [1]\nb: [*a, *a]\n", "no aliases"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "no aliases"),
        ("a: &a {b: *a}\n", "no aliases"),
        ("[" * 60 + "]" * 60, "deeper nesting"),
        ("[" * 1500 + "]" * 1500, "nest"),
        ("", ""),
        ("- 1", ""),
        ("definition: \"\\ud800\"", ""),
        ("x: !!python/object/apply:os.system ['true']", ""),
        ("? [1, 2]\n: 3", ""),
        ("1: 2", ""),
        ("x: 2026-11-22", ""),
        ("x: \x00", ""),
    ],
)  # fmt: skip
def test_hostile_documents_are_refused_in_order(text: str, says: str) -> None:
    assert any(says in finding.message for finding in findings(text))


def test_the_good_one_and_its_version() -> None:
    definition = load(GOOD, "leak.yaml", text_faults)
    assert [path for path, _ in walk(definition.steps)] == ["0", "1", "1.then.0", "2"]
    spaced = load(GOOD.replace("owner: maintenance", "# who\nowner:   maintenance"), "leak.yaml")
    assert spaced.version() == definition.version()
    assert load(GOOD.replace("90s", "91s"), "leak.yaml").version() != definition.version()


def test_content_gives_the_same_definition_again() -> None:
    for path in SHIPPED:
        definition = load(path.read_text(), path.name, text_faults)
        assert Definition.model_validate(definition.content()) == definition
