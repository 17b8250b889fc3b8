"""Each kind of mistake in an expression: found before it runs, at its place, with what to write instead."""

import pytest

from domain.errors import ConfigError
from domain.language import expressions
from domain.typing.check import ExpressionError, TypeChecker, check_expression, pointer
from domain.typing.tree import read_record, read_type, sample, show

SCOPE = read_record(
    {
        "signal": {
            "state": "'aborted'|'stopped'|'running'",
            "unit_mode": "integer|null",
            "stop_reason": "text|null",
            "planned_stop": "bool",
            "value": "number",
            "wanted": "time",
            "unit": "text",
        },
        "opened_at": "time",
        "jobs": [{"id": "text", "sale": "text|null", "weight": "number", "segments": [{"seq": "integer"}]}],
        "repair": {"estimate?": "duration", "done_at?": "time"},
        "params": {"usual": "duration", "n": "integer"},
        "lot": {"hold": "any", "places": {"*": "number"}},
    }
)
CHECKER = TypeChecker(SCOPE)


@pytest.mark.parametrize(
    "source, column, says",
    [
        ("signl.state == 'aborted'", 1, "undeclared reference to 'signl'; did you mean 'signal'?"),
        ("signal.statte == 'aborted'", 8, "'signal' has no 'statte'; did you mean 'state'?"),
        ("signal.colour", 8, "'signal' has no 'colour': it has state, unit_mode"),
        ("has(repair.estimat)", 12, "'repair' has no 'estimat'; did you mean 'estimate'?"),
        ("signal.planned_stop && signal.stat == 'running'", 31, "did you mean 'state'?"),
        ("jobs.map(job, job.ids)", 19, "'job' has no 'ids'; did you mean 'id'?"),
        ("jobs.map(job, jobb.id)", 15, "undeclared reference to 'jobb'; did you mean 'job'?"),
        ("jobs.map(j, j.segments.map(s, s.sec))", 33, "'s' has no 'sec'; did you mean 'seq'?"),
        ("jobs[0].idd", 9, "'jobs[0]' has no 'idd'; did you mean 'id'?"),
        ("jobs.id", 6, "'jobs' is a list: write jobs[0].id or jobs.map(item, item.id)"),
        ("signal.unit.name", 13, "'signal.unit' is a text and has no 'name'"),
        ("sise(jobs) > 0", 1, "no function 'sise'; did you mean 'size'?"),
        ("jobs.mapp(job, job.id)", 6, "no function 'mapp'; did you mean 'map'?"),
        ("signal.state == 'abortd'", 17, "it is one of aborted, stopped, running; did you mean 'aborted'?"),
        ("signal.state in ['running', 'stoped']", 29, "did you mean 'stopped'?"),
        ("signal.unit == 1", 13, "'==' does not fit text and integer"),
        ("signal.value == 'x'", 14, "never equal: number and text"),
        ("signal.value < 'x'", 14, "'<' fits no number and text"),
        ("!signal.unit", 1, "'!' does not fit text"),
        ("signal.planned_stop ? 1 : 'x'", 21, "does not fit"),
        ("size(signal.planned_stop)", 5, "'size' does not fit bool"),
        ("'at ' + signal.value", 7, "write string(signal.value)"),
        ("signal.value * 2", 1, "write double(signal.value), and 2.0 instead of 2"),
        ("params.n + 1.5", 10, "'+' does not fit integer and number"),
        ("signal.wanted < opened_at", 15, "this compares letters, not times: write timestamp(signal.wanted) < ..."),
        ("params.usual > '1h'", 14, "write duration(params.usual) > ..."),
        ("timestamp(opened_at) > signal.wanted", 24, "write timestamp(signal.wanted)"),
        ("opened_at + '4h'", 11, "write timestamp(...) + duration(...)"),
        ("timestamp(signal.unit)", 11, "'signal.unit' is a text, not a time"),
        ("duration(opened_at)", 10, "'opened_at' is a time, not a duration"),
        ("duration('2d')", 10, "write 90s, 5m or 48h"),
        ("timestamp('2026-11-22')", 11, "no time with a zone"),
        ("1 +", 4, "Syntax error"),
        ("jobs.exists(j, j.id == )", 24, "Syntax error"),
        ("'" + "x" * 2000 + "'", 1, "at most 2000 characters"),
        ("jobs.map(a, jobs.map(b, jobs.map(c, c.id)))", 1, "loops within loops: at most 2 deep"),
        ("(" * 40 + "1" + ")" * 40, 1, ""),
    ],
)
def test_a_mistake_is_refused_at_its_place(source: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check_expression(f"={source}", SCOPE)
    found = [(fault.line, fault.column) for fault in refused.value.faults if says in fault.message]
    assert found == [(1, column)], refused.value.message
    assert f"at 1:{column}: " in refused.value.message
    assert refused.value.detail.endswith(f"\n | {'.' * (column - 1)}^"[-600:]) or len(source) > 500


@pytest.mark.parametrize(
    "source, column, says",
    [
        ("repair.estimate", 8, "'repair.estimate' may be missing: test it first (has(repair.estimate))"),
        ("'x' + signal.stop_reason", 7, "'signal.stop_reason' may be null: test it first"),
        ("jobs.map(j, j.sale + '!')", 13, "'j.sale' may be null"),
        ("signal.unit_mode > 1", 1, "'signal.unit_mode' may be null"),
        ("!has(repair.estimate) ? repair.estimate : '4h'", 32, "may be missing"),
    ],
)
def test_what_may_fail_with_some_values_is_a_warning(source: str, column: int, says: str) -> None:
    (fault,) = CHECKER.examine(source).faults
    assert fault.severity == "warning"
    assert says in fault.message
    assert fault.column == column


@pytest.mark.parametrize(
    "source, shown",
    [
        ("signal.state", "text"),
        ("has(repair.estimate) ? repair.estimate : params.usual", "duration"),
        ("!has(repair.estimate) ? params.usual : repair.estimate", "duration"),
        ("has(repair.done_at) && timestamp(repair.done_at) > timestamp(opened_at)", "bool"),
        ("signal.stop_reason == null ? '' : signal.stop_reason + '!'", "text"),
        ("signal.stop_reason != null && signal.stop_reason.startsWith('a')", "bool"),
        ("signal.unit_mode == 1 && signal.value > 2", "bool"),
        ("signal.value == 31 || signal.value in [1, 2]", "bool"),
        ("double(signal.value) * 2.0", "number"),
        ("timestamp(opened_at) + duration(params.usual)", "time"),
        ("timestamp(signal.wanted) - timestamp(opened_at)", "duration"),
        ("timestamp(opened_at).getHours('Europe/Prague') >= 6", "bool"),
        ("jobs.map(job, job.id)", "list of text"),
        ("jobs.filter(j, j.sale != null).map(j, j.sale + '!')", "list of text"),
        ("jobs.filter(j, j.weight > 1.5)", "list of record"),
        ("jobs.map(j, {'id': j.id, 'n': size(j.segments)})[0].n", "integer"),
        ("jobs.exists(j, j.id == 'x')", "bool"),
        ("[1, 2].map(n, n * 2)", "list of integer"),
        ("lot.hold.reason == 'x' && lot.places.north > 1", "bool"),
        ("lot.places['north']", "number"),
        ("'x' + string(signal.value) + ' ' + signal.unit", "text"),
        ("type(signal.value) == string", "bool"),
    ],
)
def test_what_a_plant_writes_passes_and_tells_its_type(source: str, shown: str) -> None:
    assert show(check_expression(source, SCOPE)) == shown
    assert CHECKER.examine(source).faults == ()


def test_what_passes_also_runs_on_a_value_of_these_types() -> None:
    """The checker sees messages, the engine plain JSON: both must mean the same."""
    scope = sample(SCOPE)
    for source in ("jobs.filter(j, j.sale != null).map(j, j.sale + '!')", "double(signal.value) * 2.0"):
        check_expression(source, SCOPE)
        expressions.evaluate(source, scope)


@pytest.mark.parametrize("value", [31, 31.5])
def test_numbers_are_whole_or_fractional_as_they_please(value: float) -> None:
    assert expressions.evaluate("double(n) * 2.0", {"n": value}) == value * 2
    assert expressions.holds("n > 2 && n != 3", {"n": value})


def test_what_the_check_refuses_of_numbers_fails_in_the_plant() -> None:
    assert expressions.evaluate("n * 2", {"n": 31}) == 62
    with pytest.raises(ConfigError):
        expressions.evaluate("n * 2", {"n": 31.5})


def test_the_place_of_a_mistake_in_several_lines() -> None:
    source = "signal.planned_stop &&\n  signal.statte == 'running'"
    (fault,) = CHECKER.examine(source).faults
    assert (fault.line, fault.column) == (2, 10)
    assert pointer(source, fault) == " |   signal.statte == 'running'\n | .........^"


def test_all_mistakes_of_an_expression_at_once() -> None:
    found = CHECKER.examine("signal.statte == 'x' && jobs.exists(j, j.idd == sgnal.unit)").errors
    assert [fault.column for fault in found] == [8, 42, 49]


@pytest.mark.parametrize(
    "source, wanted, says",
    [
        ("signal.unit", "bool", "this gives text: bool is wanted here"),
        ("size(jobs)", "text", "this gives integer: text is wanted here"),
        ("'urgent'", "'low'|'high'", "this gives 'urgent': 'low' or 'high' is wanted here"),
        ("jobs", ["text"], "this gives list of record: list of text is wanted here"),
    ],
)
def test_a_place_takes_its_type_only(source: str, wanted: object, says: str) -> None:
    (fault,) = CHECKER.examine(source, read_type(wanted)).errors
    assert fault.message == says


def test_a_condition_on_what_may_be_missing_is_no_mistake() -> None:
    assert CHECKER.examine("repair.done_at != ''", condition=True).faults == ()


def test_a_condition_tells_what_is_there_behind_it() -> None:
    for condition, holds in (("has(repair.estimate)", True), ("!(has(repair.estimate) && size(jobs) > 0)", False)):
        inner = TypeChecker(CHECKER.narrowed(condition, holds=holds), CHECKER)
        assert inner.examine("repair.estimate").faults == ()
    assert CHECKER.narrowed("1 +") == SCOPE
