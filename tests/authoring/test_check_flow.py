"""What a right definition still may get wrong: each proof finds its case at its place; the good one has nothing."""

from typing import Any

import pytest

from authoring.check import Finding, check
from domain.language.definition_text import shape
from tests.support.plant import DEFINITIONS

GOOD = """\
definition: leak
title: "Leak at {{ equipment.title }}"
owner: lead
parameters: {decide_within: 30m}
opens:
  on: [machine.state]
  when: signal.state == 'aborted'
  one_per: [signal.equipment]
context:
  jobs: {from: mes.job_orders, where: {equipment: =equipment.id}, otherwise: []}
steps:
  - task: look
    to: {role: technician}
    text: "{{ jobs | length }} orders wait"
    ask: {found: {kind: choice, choices: [leak, dirt], required: true}}
    ladder: [{to: {role: lead}, after: 5m}]
    within: 1h
    otherwise: {found: unknown}
  - if: look.found == 'leak'
    then:
      - approve: stop
        to: {role: planner}
        options: [{id: now, title: Stop now}, {id: later, title: Stop later}]
        authority: reschedule
        within: =params.decide_within
        on_timeout: expire
      - switch: stop.verdict
        cases:
          approved:
            - post: held
              to: erp
              decision: stop
              outcomes: [{set_order_status: {job_orders: "=jobs.map(job, job.id)", status: held}}]
        else:
          - notify: goes_on
            to: {role: planner}
"""
TABLE = """\
  - decide: urgency
    rules:
      - {when: size(jobs) > 3, then: {level: high}}
      - {when: "true", then: {level: low}}
  - notify: urgent
    to: {role: planner}
    text: "{{ urgency.level }}"
"""
RULES = """\
      - {when: size(jobs) > 3, then: {level: high}}
      - {when: "true", then: {level: low}}
"""
SWAPPED = "".join(reversed(RULES.splitlines(keepends=True)))
LOOP = """\
  - repeat: again
    do:
      - task: look_again
        to: {role: technician}
        ask: {better: {kind: choice, choices: ['yes', 'no'], required: true}}
        within: 10m
        otherwise: {better: 'no'}
    until: look_again.better == 'yes'
    at_most: 3
    every: 5m
"""
WHOLE = GOOD + TABLE + LOOP


def test_the_good_one_has_nothing() -> None:
    assert check(WHOLE) == []


@pytest.mark.parametrize(
    "old, new, at, code, severity, says",
    [
        (
            "when: signal.state == 'aborted'",
            "when: false && signal.planned_stop",
            "  when:",
            "never_opens",
            "error",
            "no signal",
        ),
        ("context:\n", "closes: {when: \"'a' == 'a'\"}\ncontext:\n", "closes", "closes_at_once", "error", "at once"),
        (
            "  - if: look.found == 'leak'",
            "  - if: look.found == 'leak' && 1 > 2",
            "  - if: look",
            "dead",
            "warning",
            "'then' is never",
        ),
        (
            "  - if: look.found == 'leak'",
            "  - if: signal.planned_stop || true",
            "  - if: signal",
            "constant",
            "warning",
            "leave the 'if' out",
        ),
        (
            "    within: 1h\n",
            "    within: 1h\n    only_if: 1 > 2\n",
            "    only_if",
            "dead",
            "warning",
            "'look' is never run",
        ),
        ("          approved:\n", "          approvd:\n", "approvd", "value", "error", "did you mean 'approved'"),
        (
            "        else:\n          - notify: goes_on\n            to: {role: planner}\n",
            "",
            "        on_timeout",
            "flow.expired",
            "error",
            "no step looks at that",
        ),
        (
            "        on_timeout: expire\n",
            "        on_timeout: escalate\n",
            "        within: =params",
            "unbounded",
            "warning",
            "escalates to nobody",
        ),
        (
            "        within: =params.decide_within",
            "        within: 80h",
            "        within: 80h",
            "too_late",
            "warning",
            "expires after 3d",
        ),
        ("after: 5m", "after: 2h", "    ladder:", "flow.dead", "warning", "never climbed"),
        (RULES, SWAPPED, "      - {when: size(jobs)", "shadowed", "warning", "rule 1 before it always holds"),
        (
            '    text: "{{ urgency.level }}"\n',
            "",
            "  - decide",
            "unread",
            "warning",
            "nothing reads what 'urgency' gives",
        ),
        (
            "parameters: {decide_within: 30m}",
            "parameters: {decide_within: 30m, spare: 1h}",
            "parameters",
            "unread",
            "warning",
            "params.spare",
        ),
        (
            "    until: look_again.better == 'yes'",
            "    until: size(jobs) == 0",
            "    until",
            "no_progress",
            "warning",
            "changes from turn to turn",
        ),
    ],
)
def test_a_proof_finds_its_case(old: str, new: str, at: str, code: str, severity: str, says: str) -> None:
    assert WHOLE.count(old) == 1
    text = WHOLE.replace(old, new)
    found = check(text)
    fitting = [one for one in found if code in one.code and says in one.message]
    assert [one.severity for one in fitting] == [severity], found
    line = text.splitlines()[fitting[0].line - 1]
    assert at.strip() in line


def test_a_loop_without_a_pause_spins() -> None:
    loop = """\
  - repeat: again
    do:
      - notify: told
        refresh: [jobs]
        to: {role: planner}
    until: size(jobs) == 0
    at_most: 3
"""
    (found,) = check(GOOD + loop)
    assert (found.code, found.severity) == ("mos.wait.spins", "warning")
    assert check(GOOD + loop.replace("at_most: 3", "at_most: 3\n    every: 1m")) == []


def test_a_posting_where_the_decision_was_no_approval() -> None:
    text = GOOD.replace("          approved:\n", "          rejected:\n")
    found = [one for one in check(text) if one.code == "mos.flow.never_posted"]
    assert [one.severity for one in found] == ["error"]


def test_an_answer_that_no_step_reads_is_noted() -> None:
    text = GOOD.replace("    ask: {found:", "    ask: {cause: {kind: text}, found:")
    (found,) = check(text)
    assert (found.code, found.severity) == ("mos.flow.unread", "note")


def test_too_much_to_carry_over() -> None:
    loops = """\
  - for_each: outer
    in: =jobs
    at_most: 100
    do:
      - for_each: inner
        each: part
        in: =item.segments
        at_most: 100
        do:
          - task: deep
            to: {role: technician}
"""
    found = {one.code: one.severity for one in check(GOOD + loops)}
    assert found["mos.growth.state"] == "error"
    assert found["mos.growth.history"] == "warning"
    assert "mos.growth.state" not in {one.code for one in check(GOOD + loops.replace("100", "10"))}


def test_a_message_over_the_limits_of_a_channel() -> None:
    text = GOOD.replace('    text: "{{ jobs | length }} orders wait"', '    text: "' + "Look at the valve. " * 40 + '"')
    text += "\n".join(["  - notify: much", "    to: {role: planner}", '    text: "{{ jobs | length }}"\n'])
    found = [one for one in check(text) if one.code == "mos.message.too_long"]
    assert [(one.line, one.severity) for one in found] == [(12, "warning")]
    assert "SMS (en): a text of 759 characters, at most 300 are shown with ordinary values" in found[0].message
    headed = GOOD.replace('title: "Leak at', 'title: "' + "very " * 40 + "bad leak at")
    slack = [one.message for one in check(headed) if "Slack" in one.message]
    assert slack
    assert "the title of" in slack[0]


def test_calls(shelf: dict[str, Any]) -> None:
    caller = GOOD + "  - call: help\n    definition: helper\n    with: {what: =look.found}\n"
    assert check(caller, others=shelf) == []
    unknown = check(caller.replace("definition: helper", "definition: helpr"), others=shelf)
    assert [(one.code, "did you mean 'helper'" in one.message) for one in unknown] == [("mos.definition.call", True)]
    wrong = check(caller.replace("{what:", "{wat:"), others=shelf)
    assert [one.code for one in wrong] == ["mos.definition.call"]
    (cycle,) = [one for one in check(caller, others=shelf | {"helper": shelf["back"]}) if "cycle" in one.code]
    assert "leak -> back -> leak" in cycle.message or "leak -> helper" in cycle.message


def test_calls_within_calls_are_bounded(shelf: dict[str, Any]) -> None:
    chain = {f"c{n}": definition(f"c{n}", f"c{n + 1}") for n in range(8)} | {"c8": shelf["helper"]}
    caller = GOOD + "  - call: help\n    definition: c0\n"
    assert "mos.definition.deep" in [one.code for one in check(caller, others=chain)]


@pytest.fixture
def shelf() -> dict[str, Any]:
    helper = """\
definition: helper
title: Help
owner: lead
parameters: {what: leak}
steps: [{notify: told, to: {role: lead}, text: "{{ params.what }}"}]
"""
    found, _, wrong = shape(helper, "helper.yaml")
    assert found, wrong
    return {"helper": found, "back": definition("back", "leak")}


def definition(name: str, calls: str) -> Any:
    text = f"definition: {name}\ntitle: T\nowner: lead\nsteps: [{{call: inner, definition: {calls}}}]\n"
    found, _, wrong = shape(text, f"{name}.yaml")
    assert found, wrong
    return found


def test_findings_are_in_the_order_of_the_lines() -> None:
    found: list[Finding] = check(WHOLE.replace("signal.state == 'aborted'", "1 > 2").replace("after: 5m", "after: 2h"))
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert len(found) > 1


def test_a_standing_authority_without_a_limit_is_found() -> None:
    text = (DEFINITIONS / "quality_hold.yaml").read_text("utf-8")
    assert not [one for one in check(text) if one.code == "mos.standing.unlimited"]
    bare = text.replace("  limits: {per_hour: 40, per_day: 200}\n", "")
    (found,) = [one for one in check(bare) if one.code == "mos.standing.unlimited"]
    assert (found.severity, bare.splitlines()[found.line - 1]) == ("warning", "standing_authority:")


def test_a_limit_on_what_nobody_knows_is_found() -> None:
    """The posting would wait for somebody every time: a whole lot's quantity is not known, and no outcome's money."""
    text = (DEFINITIONS / "quality_hold.yaml").read_text("utf-8")
    limited = text.replace("per_day: 200}", "per_day: 200, quantity: 500, money: 900}")
    code = "mos.standing.unknown"
    assert all(f"limit on {name}" in told(limited, code) for name in ("quantity", "money"))
    part = limited.replace(", money: 900", "").replace(
        "hold_lot: {lot: =signal.lot,", "hold_lot: {lot: =signal.lot, quantity: 5,"
    )
    assert (told(text, code), told(part, code)) == ("", "")


def told(text: str, code: str) -> str:
    return "\n".join(one.message for one in check(text) if one.code == code)
