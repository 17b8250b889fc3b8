"""Definitions that open on the same signal, and where a finding within an expression is shown."""

import pytest

from authoring.check.checking import check
from authoring.check.many import check_all
from domain.language.definition_text import Finding

DOCUMENT = """\
definition: {name}
title: "Something at {{{{ equipment.title }}}}"
owner: process_engineering
opens:
  on: [{on}]
  when: {when}
  one_per: [signal.equipment]
  {more}
steps:
  - notify: told
    to: {{role: maintenance_lead}}
"""


def document(name: str, when: str, on: str = "machine.state", more: str = "priority: high") -> str:
    return DOCUMENT.format(name=name, when=when, on=on, more=more)


def overlaps(*texts: str) -> list[list[Finding]]:
    sheets = check_all({f"{index}.yaml": text for index, text in enumerate(texts)}, workers=1)
    return [[one for one in sheet.findings if one.code == "mos.opens.overlap"] for sheet in sheets]


@pytest.mark.parametrize(
    "one, other",
    [
        ("signal.state == 'aborted'", "signal.state != 'held'"),
        ("signal.state in ['aborted', 'held']", "signal.state in ['held', 'idle']"),
        ("signal.state == 'held' || signal.unit_mode == 2", "signal.state == 'idle'"),
        ("signal.unit_mode > 1", "signal.unit_mode <= 2"),
        ("signal.equipment.startsWith('lathe')", "signal.equipment.startsWith('mill')"),  # nobody can tell
        ('"true"', "signal.state == 'held'"),
    ],
)
def test_two_that_may_open_on_one_signal_are_both_told(one: str, other: str) -> None:
    first, second = overlaps(document("first", one), document("second", other))

    assert "'second'" in first[0].message
    assert "'first'" in second[0].message
    assert (first[0].line, first[0].severity) == (6, "warning")


@pytest.mark.parametrize(
    "one, other",
    [
        ("signal.state == 'aborted'", "signal.state != 'aborted'"),
        ("signal.state in ['aborted', 'aborting']", "signal.state in ['held', 'idle']"),
        ("signal.state == 'held' && signal.unit_mode == 1", "signal.state == 'held' && signal.unit_mode == 2"),
        ("signal.planned_stop", '"!signal.planned_stop"'),
        ("signal.unit_mode > 2", "signal.unit_mode <= 2"),
        ("2 < signal.unit_mode", "signal.unit_mode == 1"),
        ("\"!(signal.state == 'held' || signal.state == 'idle')\"", "signal.state == 'idle'"),
    ],
)
def test_conditions_that_exclude_each_other_are_fine(one: str, other: str) -> None:
    assert overlaps(document("first", one), document("second", other)) == [[], []]


def test_others_signals_parents_and_safety_are_no_overlap() -> None:
    held = "signal.state == 'held'"
    parent = document("line_down", held)
    child = document("unit_down", held, more="under: [{definition: line_down, key: signal.equipment}]")
    safety = document("guard_open", held, more="safety: true")
    alarm = document("alarm", "signal.active", on="machine.alarm")

    assert overlaps(parent, child, safety, alarm) == [[], [], [], []]


def test_a_draft_is_compared_with_what_is_live_but_not_with_its_own_older_version() -> None:
    from domain.language.definition_text import load

    live = {name: load(document(name, "signal.state == 'held'")) for name in ("mine", "yours")}

    found = check(document("mine", "signal.state != 'idle'"), others=live)

    assert [one.message for one in found if one.code == "mos.opens.overlap"] == [
        "'yours' may open on the same signal: only the first by name would be opened"
    ]


@pytest.mark.parametrize(
    "written, column",
    [
        ("signal.stat == 'held'", 16),  # plain: `  when: ` is eight wide, and the part is behind `signal.`
        ("\"signal.stat == 'held'\"", 17),  # quoted: one more
    ],
)
def test_a_fault_within_an_expression_is_shown_where_it_stands(written: str, column: int) -> None:
    (found,) = [one for one in check(document("d", written)) if one.severity == "error"]

    assert (found.line, found.column) == (6, column)
    assert found.message.startswith("'signal' has no 'stat'")


def test_a_fault_in_an_expression_over_several_lines_is_shown_at_its_field() -> None:
    (found,) = [
        one for one in check(document("d", "|\n    true\n    && signal.stat == 'held'")) if one.severity == "error"
    ]

    assert (found.line, found.column) == (6, 3)
    assert found.message.startswith("at 2:11: 'signal' has no 'stat'")
