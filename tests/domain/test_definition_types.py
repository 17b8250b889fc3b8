"""A definition's expressions and texts against the types of signals, queries and steps, each at its place."""

from pathlib import Path

import pytest

from domain.books.outcomes import RecordDowntime
from domain.language.definition import Definition
from domain.language.definition_rules import Problem
from domain.language.definition_text import read
from domain.queries import VOCABULARY
from domain.typing.definitions import record_of, type_problems
from domain.typing.scopes import Scopes, scope_of
from domain.typing.tree import Record, Type, show
from templates.text import text_faults

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "workflows" / "definitions").glob("*.yaml"))
GOOD = """\
definition: leak
title: "Leak at {{ equipment.title }}"
owner: maintenance
parameters: {usual: 4h, limit: 3, tags: [a]}
opens:
  on: [machine.state]
  when: signal.state == 'aborted' && !signal.planned_stop
  one_per: [signal.equipment]
  priority: "=signal.blocked == true ? 'high' : 'medium'"
context:
  jobs: {from: mes.job_orders, where: {equipment: =equipment.id}, otherwise: []}
  demand: {from: erp.sales_demand, where: {job_orders: "=jobs.map(job, job.id)"}, required: true}
  lot: {from: erp.lot, where: {lot: L-1}, otherwise: {job_orders: []}}
steps:
  - task: repair
    to: {role: technician, skill: =equipment.skill}
    title: "Repair {{ equipment.title }}"
    text: "{{ jobs | length }} orders wait since {{ opened_at | local_time }}"
    facts: {Sales: "{{ demand | map(attribute='sale') | join(', ') }}"}
    ask: {estimate: {kind: duration}, kind: {kind: choice, choices: [leak, crack], required: true}}
    accept_within: =params.usual
    otherwise: {kind: unanswered}
    authority: report_downtime
  - decide: urgency
    rules:
      - {when: size(jobs) > params.limit, then: {level: high, escalate: true}}
      - {when: repair.kind == 'crack', then: {level: medium}}
    otherwise: {level: low}
  - switch: urgency.level
    cases:
      high:
        - notify: everybody
          to: {role: planner}
          text: "{{ urgency.level }}"
  - propose: plan
    using: push_right
    where:
      equipment: =equipment.id
      down_from: =opened_at
      down_for: "=has(repair.estimate) ? repair.estimate : params.usual"
  - approve: decision
    to: {role: planner}
    options: =plan.options
    authority: reschedule
    within: 30m
    on_timeout: expire
  - if: decision.verdict == 'approved'
    then:
      - notify: told
        to: {role: planner}
        text: "{{ decision.option.title }} by {{ decision.by }}"
  - post: times
    to: erp
    decision: decision
    outcomes: [{reschedule_orders: {orders: =decision.option.orders}}]
  - post: downtime
    to: erp
    decision: repair
    outcomes: [{record_downtime: {equipment: =equipment.id, start: =opened_at, end: =repair.done_at, reason: other}}]
  - for_each: lines
    each: line
    in: =demand
    do:
      - task: call_customer
        only_if: line.promised != null
        to: {role: customer_service}
        text: "{{ line.sale }} {{ line.promised | local_time }}"
        ask: {answer: {}}
  - wait: over
    until: lines.exists(line, has(line.call_customer.answer)) && times.status == 'posted'
    within: 10m
closes: {when: machine.state == 'running' || has(repair.done_at)}
"""


def problems(text: str) -> list[Problem]:
    return list(type_problems(shaped(text), text_faults))


def shaped(text: str) -> Definition:
    """The definition with nothing checked but its shape."""
    return Definition.model_validate(read(text, "leak.yaml")[0])


def test_the_good_one_has_none() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.stem))
def test_the_shipped_ones_have_none(path: Path) -> None:
    assert problems(path.read_text()) == []


@pytest.mark.parametrize(
    "old, new, path, says",
    [
        ("signal.state ==", "signal.stat ==", "opens.when", "'signal' has no 'stat'; did you mean 'state'?"),
        ("== 'aborted'", "== 'abortd'", "opens.when", "did you mean 'aborted'?"),
        (
            "when: signal.state == 'aborted' &&",
            "when: size(jobs) > 0 &&",
            "opens.when",
            "undeclared reference to 'jobs'",
        ),
        ("when: signal.state ==", "when: signal.packml ==", "opens.when", "'==' does not fit integer and text"),
        ("'medium'\"", "'medum'\"", "opens.priority", "'low' or 'medium' or 'high' is wanted here"),
        ("[signal.equipment]", "[signal.equipmnt]", "opens.one_per.0", "did you mean 'equipment'?"),
        ("from: mes.job_orders,", "from: mes.joborders,", "context.jobs.from", "did you mean 'mes.job_orders'?"),
        (
            "where: {equipment: =equipment.id}, otherwise",
            "where: {equipmnt: x}, otherwise",
            "context.jobs.where.equipmnt",
            "'equipmnt' is not known here; did you mean 'equipment'?",
        ),
        (
            '"=jobs.map(job, job.id)"',
            '"=jobs.map(job, job.quantity)"',
            "context.demand.where.job_orders",
            "'job_orders' is a list of number: a list of text is wanted",
        ),
        ("{lot: L-1}", "{}", "context.lot.where", "'lot' is missing"),
        ("otherwise: []", "otherwise: unknown", "context.jobs.otherwise", "this text can't stand in for it"),
        (
            '"Leak at {{ equipment.title }}"',
            '"Leak at {{ equipment.titel }}"',
            "title",
            "'equipment' has no 'titel'",
        ),
        (
            '{{ opened_at | local_time }}"',
            '{{ jobs | local_time }}"',
            "steps.0.text",
            "'jobs' is a list of record, no time",
        ),
        ("map(attribute='sale')", "map(attribute='sales')", "steps.0.facts.Sales", "did you mean 'sale'?"),
        ("skill: =equipment.skill", "skill: =equipment.skil", "steps.0.to", "did you mean 'skill'?"),
        (
            "accept_within: =params.usual",
            "accept_within: =params.limit",
            "steps.0.accept_within",
            "text is wanted here",
        ),
        (
            "repair.kind == 'crack'",
            "repair.kind == 'crck'",
            "steps.1.rules.1.when",
            "it is one of leak, crack, unanswered; did you mean 'crack'?",
        ),
        (
            "switch: urgency.level",
            "switch: urgency.lvl",
            "steps.2.switch",
            "'urgency' has no 'lvl'; did you mean 'level'?",
        ),
        ("      high:\n", "      hgh:\n", "steps.2.cases.hgh", "did you mean 'high'?"),
        ("down_from: =opened_at", "down_from: =equipment.id", "steps.3.where.down_from", "a time is wanted"),
        ("      equipment: =equipment.id\n      down", "      down", "steps.3.where", "'equipment' is missing"),
        ("options: =plan.options", "options: =plan.orders", "steps.4.options", "list of record is wanted here"),
        ("if: decision.verdict ==", "if: decision.verdit ==", "steps.5.if", "did you mean 'verdict'?"),
        (
            "== 'approved'",
            "== 'aproved'",
            "steps.5.if",
            "it is one of approved, rejected, expired; did you mean 'approved'?",
        ),
        ("{{ decision.by }}", "{{ decision.who }}", "steps.5.then.0.text", "'decision' has no 'who'"),
        ("{reschedule_orders:", "{reschedule_order:", "steps.6.outcomes.0", "did you mean 'reschedule_orders'?"),
        (
            "{orders: =decision.option.orders}",
            "{order: =decision.option.orders}",
            "steps.6.outcomes.0.reschedule_orders.order",
            "did you mean 'orders'?",
        ),
        (
            "{orders: =decision.option.orders}",
            "{orders: =decision.option.figures}",
            "steps.6.outcomes.0.reschedule_orders.orders",
            "a list of record is wanted",
        ),
        ("reason: other", "reason: weather", "steps.7.outcomes.0.record_downtime.reason", "'breakdown' or 'setup'"),
        ("in: =demand", "in: =lot", "steps.8.in", "this is a record: a loop needs a list"),
        ("{{ line.sale }}", "{{ line.sail }}", "steps.8.do.0.text", "'line' has no 'sail'; did you mean 'sale'?"),
        ("has(line.call_customer.answer)", "has(line.call_customer.anser)", "steps.9.until", "did you mean 'answer'?"),
        ("times.status == 'posted'", "line.sale == 'x'", "steps.9.until", "undeclared reference to 'line'"),
        ("has(repair.done_at)}", "has(repair.doneat)}", "closes.when", "did you mean 'done_at'?"),
        (
            "{{ urgency.level }}",
            "{% for i in range(10**9) %}x{% endfor %}",
            "steps.2.cases.high.0.text",
            "not allowed here",
        ),
        ("{{ urgency.level }}", "{{ urgency.__class__ }}", "steps.2.cases.high.0.text", "has no '__class__'"),
        (
            "when: repair.kind == 'crack'",
            "when: '[1].map(a, [2].map(b, [3].map(c, c))) == []'",
            "steps.1.rules.1.when",
            "loops within loops",
        ),
    ],
)
def test_each_kind_of_mistake_at_its_place(old: str, new: str, path: str, says: str) -> None:
    assert old in GOOD
    found = [problem for problem in problems(GOOD.replace(old, new, 1)) if says in problem.message]
    assert [".".join(str(part) for part in problem.path) for problem in found] == [path], problems(
        GOOD.replace(old, new, 1)
    )


@pytest.mark.parametrize(
    "old, new, path, says",
    [
        ("by {{ decision.by }}", "{{ decision.option.summary }}", "", ""),
        (
            "if: decision.verdict == 'approved'",
            "if: size(jobs) > 0",
            "steps.5.then.0.text",
            "'decision.option' may be missing",
        ),
        ("decision: repair\n", "standing: true\n", "steps.7.outcomes", "'repair.done_at' may be missing"),
        ("only_if: line.promised != null", "only_if: line.quantity > 0", "", ""),
        (
            'text: "{{ urgency.level }}"',
            'text: "{{ urgency.escalate }}"',
            "steps.2.cases.high.0.text",
            "may be missing",
        ),
        ('{{ opened_at | local_time }}"', '{{ opened_at }}"', "steps.0.text", "add | local_time"),
    ],
)
def test_what_may_be_missing_is_a_warning_unless_a_condition_around_it_tells(
    old: str, new: str, path: str, says: str
) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert {problem.severity for problem in found} <= {"warning"}
    assert {".".join(str(part) for part in problem.path) for problem in found} == ({path} if path else set())
    assert not found or any(says in problem.message for problem in found)


def part(scope: Type, path: str) -> str:
    for name in path.split("."):
        assert isinstance(scope, Record)
        scope = scope.fields[name].type
    return show(scope)


def test_the_scope_of_a_definition() -> None:
    scope = scope_of(shaped(GOOD))
    assert [part(scope, path) for path in ("signal.state", "params.usual", "demand", "repair.estimate")] == [
        "text", "duration", "list of record", "duration",
    ]  # fmt: skip
    assert part(scope, "decision.option.dispatch") == "list of record"
    assert part(scope, "over.met") == "bool"
    assert "line" not in scope.fields
    assert "call_customer" not in scope.fields
    inside = Scopes(shaped(GOOD)).at("8.do.0")
    assert [part(inside, path) for path in ("line.sale", "loop.index")] == ["text", "integer"]


def test_signals_of_several_types_have_the_parts_of_all() -> None:
    text = GOOD.replace("[machine.state]", "[machine.state, inspection.failed]")
    found = {problem.message for problem in problems(text)}
    assert "at 1:8: 'signal.lot' may be missing: test it first (has(signal.lot))" not in found
    scope = scope_of(shaped(text))
    signal = scope.fields["signal"].type
    assert isinstance(signal, Record)
    assert signal.fields["lot"].optional
    assert not signal.fields["subject"].optional


def test_a_plant_adds_its_own_signals_and_queries() -> None:
    more = VOCABULARY.plus(
        signals={"machine.alarm": {"code": "integer"}},
        queries={"machine.program": {"where": {"unit": "text"}, "answer": {"name": "text"}}},
    )
    text = GOOD.replace("lot: {from: erp.lot, where: {lot: L-1}, otherwise: {job_orders: []}}",
                        "program: {from: machine.program, where: {unit: =equipment.id}}").replace(
        "in: =lot", "in: =demand")  # fmt: skip
    definition = shaped(text)
    assert list(type_problems(definition, text_faults, Scopes(definition, more))) == []
    (unknown,) = type_problems(definition, text_faults)
    assert (unknown.path, unknown.severity) == (("context", "program", "from"), "warning")
    assert part(Scopes(definition, more).whole, "program.name") == "text"


def test_a_called_definition_gives_what_it_says() -> None:
    part_text = """\
definition: ask_them
title: Ask
owner: planning
parameters: {role: planner}
gives: {agreed: =answer.verdict == 'approved', chosen: "=answer.option.id"}
steps:
  - {approve: answer, to: {role: =params.role}, options: [{id: a, title: A}], authority: x, within: 5m}
"""
    called = shaped(part_text)
    text = GOOD.replace("steps:\n", "steps:\n  - {call: asked, definition: ask_them}\n")
    definition = shaped(text).model_copy(update={"bundled": {"ask_them": called}})
    assert part(scope_of(definition), "asked.agreed") == "bool"
    assert part(scope_of(definition), "asked.chosen") == "text"
    assert show(scope_of(shaped(text)).fields["asked"].type) == "any"


def test_an_outcome_takes_what_its_model_takes() -> None:
    record = record_of(RecordDowntime)
    assert {name: show(item.type) for name, item in record.fields.items()} == {
        "equipment": "text", "start": "time", "end": "time", "reason": "text", "cause": "text",
    }  # fmt: skip
    assert [name for name, item in record.fields.items() if not item.optional] == ["equipment", "start"]


def test_every_kind_of_step_has_a_result() -> None:
    from domain.language.steps import NAMED_KINDS
    from domain.typing.scopes import RESULTS

    assert set(RESULTS) >= set(NAMED_KINDS)


def test_a_definition_that_is_called_knows_no_signal() -> None:
    opens = GOOD[GOOD.index("opens:") : GOOD.index("context:")]
    definition = shaped(GOOD.replace(opens, ""))
    assert isinstance(definition, Definition)
    assert part(Scopes(definition).opening, "signal") == "any"
