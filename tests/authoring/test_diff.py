"""The semantic diff: what a signer reads before signing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from authoring.diff import diff, diff_content, to_data, to_text
from domain.language.definition import Definition
from domain.language.definition_text import load

DEFINITIONS = Path(__file__).resolve().parents[2] / "workflows" / "definitions"
TEXT = """
definition: demo
title: "{{ equipment.title }} is down"
owner: maintenance
parameters: {patience: 4h}
opens: {on: [machine.state], when: signal.state == 'aborted', one_per: [signal.equipment], settle: 90s}
context:
  jobs: {from: mes.job_orders, where: {equipment: =equipment.id}, otherwise: []}
steps:
  - parallel:
      maintenance:
        - task: repair
          to: {role: technician, skill: =equipment.skill}
          ask: {estimate: {kind: duration}}
          accept_within: 5m
          ladder:
            - {to: {role: maintenance_lead}, after: 5m}
            - {to: {role: plant_manager}, after: 15m}
          within: 8h
          authority: report_downtime
      planning:
        - if: size(jobs) > 0
          then:
            - notify: planner_knows
              to: {role: planner}
            - wait: estimate_known
              until: has(repair.estimate)
              within: 10m
  - notify: everybody_knows
    to: {role: plant_manager}
  - post: downtime
    to: erp
    decision: repair
    outcomes: [{record_downtime: {equipment: =equipment.id, start: =opened_at, end: =repair.done_at, reason: breakdown, cause: wear}}]
"""  # noqa: E501


def edited(*edits: tuple[str, str]) -> Definition:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return load(text)


BRANCH = TEXT[TEXT.index("        - if: size(jobs)") : TEXT.index("  - notify: everybody_knows")]
EVERYBODY = TEXT[TEXT.index("  - notify: everybody_knows") : TEXT.index("  - post: downtime")]


@pytest.mark.parametrize(
    "old, new, told",
    [
        (
            "maintenance_lead}, after: 5m",
            "maintenance_lead}, after: 8m",
            ["repair: escalation to maintenance_lead after 5 min becomes 8 min"],
        ),
        (
            "            - {to: {role: plant_manager}, after: 15m}\n",
            "",
            ["repair: escalation to plant_manager removed, it came after 15 min"],
        ),
        (
            "after: 15m}\n",
            "after: 15m}\n            - {to: {role: director}, after: 1h30m}\n",
            ["repair: escalation to director added, after 1 h 30 min"],
        ),
        (
            "{role: technician, skill: =equipment.skill}",
            "{role: technician, area: =equipment.area}",
            ["repair: asks technician (area =equipment.area) instead of technician (skill =equipment.skill)"],
        ),
        ("accept_within: 5m", "accept_within: 10m", ["repair: to be accepted within 5 min becomes within 10 min"]),
        ("          within: 8h\n", "", ["repair: without limit, was at most 8 h"]),
        (
            "signal.state == 'aborted'",
            "signal.state == 'stopped'",
            ["opens.when: signal.state == 'aborted' becomes signal.state == 'stopped'"],
        ),
        (", settle: 90s", "", ["opens.settle: 90 s becomes 0 s"]),
        ("on: [machine.state]", "on: [machine.state, machine.fault]", None),
        ("patience: 4h", "patience: 1d", ["parameters.patience: 4 h becomes 1 d"]),
        (
            "cause: wear",
            "cause: fire",
            ["downtime.outcomes.record_downtime.cause: wear becomes fire"],
        ),
        (
            "  jobs: {",
            "  stock: {from: erp.material, where: {material: GS-40, quantity: 1}}\n  jobs: {",
            ["context.stock: {"],
        ),
        ("wait: estimate_known", "wait: estimate_there", ["wait estimate_known is now called estimate_there"]),
        (
            EVERYBODY,
            "",
            ["removed notify everybody_knows in the steps"],
        ),
        (
            BRANCH,
            "        - notify: planner_knows\n          to: {role: planner}\n",
            [
                "planner_knows moved in parallel maintenance, planning (planning) (was in if size(jobs) > 0 (then))",
                "removed if size(jobs) > 0 in parallel maintenance, planning (planning) with estimate_known",
            ],
        ),
        (
            "size(jobs) > 0",
            "size(jobs) > 1",
            ["if size(jobs) > 0 becomes if size(jobs) > 1"],
        ),
    ],
)
def test_what_is_told(old: str, new: str, told: list[str] | None) -> None:
    if told is None:
        before, after = yaml.safe_load(TEXT.replace("on:", "'on':")), yaml.safe_load(TEXT.replace("on:", "'on':"))
        after["opens"]["on"].append("operator.report")
        assert [c.sentence for c in diff_content(before, after)] == [
            "opens.on: machine.state becomes machine.state, operator.report"
        ]
        return
    changes = diff(load(TEXT), edited((old, new)))
    assert len(changes) == len(told), to_text(changes)
    for change, start in zip(changes, told, strict=True):
        assert change.sentence.startswith(start)


def test_a_step_that_changed_its_place_in_the_order() -> None:
    moved = TEXT.replace(EVERYBODY, "").replace("steps:\n", "steps:\n" + EVERYBODY)
    (change,) = diff(load(TEXT), load(moved))
    assert (change.kind, change.path) == ("moved", "everybody_knows")
    assert change.sentence == "everybody_knows moved in the steps, now first"


def test_a_wrapped_branch_tells_the_wrapping_and_the_moves_only() -> None:
    wrapped = TEXT.replace(EVERYBODY, "  - if: size(jobs) > 3\n    then:\n" + EVERYBODY.replace("  - n", "      - n", 1).replace("\n    to", "\n        to"))  # noqa: E501  # fmt: skip
    assert [(change.kind, change.path) for change in diff(load(TEXT), load(wrapped))] == [
        ("added", "if size(jobs) > 3"),
        ("moved", "everybody_knows"),
    ]


def test_comments_layout_and_written_out_defaults_are_no_change() -> None:
    same = TEXT.replace("accept_within: 5m", "accept_within: 5m  # as agreed\n          offer: first_to_accept")
    assert diff(load(TEXT), load(same)) == []
    assert to_text([]) == "nothing differs"


@pytest.mark.parametrize("path", sorted(DEFINITIONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_shipped_definition_is_like_itself_and_unlike_the_others(path: Path) -> None:
    definition = load(path.read_text())
    assert diff(definition, definition) == []
    for other in DEFINITIONS.glob("*.yaml"):
        if other != path:
            changes = diff(definition, load(other.read_text()))
            assert changes
            assert all(change.sentence and "{" not in change.path for change in changes)


def test_the_first_version_is_one_line() -> None:
    (change,) = diff(None, load(TEXT))
    assert change.sentence == "new definition demo with 7 steps"


def test_as_data() -> None:
    (data,) = to_data(diff(load(TEXT), edited(("patience: 4h", "patience: 5h"))))
    assert data == {
        "kind": "changed",
        "path": "parameters.patience",
        "before": "4h",
        "after": "5h",
        "sentence": "parameters.patience: 4 h becomes 5 h",
    }


def content(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"definition": "d", "steps": list(steps), **more}


def test_steps_inside_steps_of_any_kind_are_found() -> None:
    """Loops, cases and what is undone: wherever a sequence of steps stands."""
    inner = {"notify": "told", "to": {"role": "planner"}}
    before = content({"switch": "=x", "cases": {"a": [inner], "b": [{"wait": "w", "within": "1h"}]}})
    after = content({"switch": "=x", "cases": {"a": [inner], "b": [{"wait": "w", "within": "2h"}]}})
    after["steps"][0]["cases"]["a"] = [inner | {"undo": [{"notify": "taken_back", "to": {"role": "planner"}}]}]
    assert {change.sentence for change in diff_content(before, after)} == {
        "w: at most 1 h becomes at most 2 h",
        "added notify taken_back in told (undo)",
    }


def test_what_is_called_is_told_with_its_name() -> None:
    call = {"call": "ask", "definition": "estimate"}
    bundles = [{"estimate": content({"wait": "w", "within": span})} for span in ("1h", "2h")]
    (change,) = diff_content(content(call, bundled=bundles[0]), content(call, bundled=bundles[1]))
    assert change.sentence == "in the called estimate, w: at most 1 h becomes at most 2 h"


def test_thousands_of_nameless_blocks_do_not_hang() -> None:
    """A document of the largest size is still told."""
    many = [content(*({"if": f"{n} > {shift}", "then": [{"if": "a", "then": []}]} for n in range(1500))) for shift in (1, 2)]  # noqa: E501  # fmt: skip
    assert len(diff_content(many[0], many[1])) >= 1500
