"""Conditions and values: what they give, and what they say when they can't."""

from typing import Any

import pytest

from domain.errors import ConfigError
from domain.language import expressions

SCOPE: dict[str, Any] = {
    "signal": {"state": "aborted", "value": 31.5, "n": 3},
    "repair": {},
    "jobs": [{"id": "A"}, {"id": "B"}],
}


@pytest.mark.parametrize(
    "source, value",
    [
        ("=signal.state", "aborted"),
        ("signal.n + 1", 4),
        ("signal.value", 31.5),
        ("jobs.map(job, job.id)", ["A", "B"]),
        ("'x' + string(signal.value)", "x31.5"),
        ("{'a': [1, null]}", {"a": [1, None]}),
        ("has(repair.estimate) ? repair.estimate : '4h'", "4h"),
        ("timestamp('2026-11-22T08:00:00Z') > timestamp('2026-11-22T07:59:59Z')", True),
    ],
)
def test_evaluate(source: str, value: Any) -> None:
    assert expressions.evaluate(source, SCOPE) == value


@pytest.mark.parametrize(
    "condition, holds",
    [
        ("signal.state in ['aborting', 'aborted']", True),
        ("signal.state == 'running'", False),
        ("repair.done_at != ''", False),  # not known yet
        ("repair.done_at != '' || signal.n == 3", True),
        ("has(repair.done_at)", False),
        ("signal.n", False),  # true only when it is true
    ],
)
def test_holds(condition: str, holds: bool) -> None:
    assert expressions.holds(condition, SCOPE) is holds


def test_a_wrong_type_is_no_quiet_no() -> None:
    with pytest.raises(ConfigError, match=r"signal\.state < 5"):
        expressions.holds("signal.state < 5", SCOPE)


def test_resolve_replaces_expressions_anywhere_in_the_value() -> None:
    value = {"a": ["=signal.n", "plain", {"b": "==literal"}], "c": 1}
    assert expressions.resolve(value, SCOPE) == {"a": [3, "plain", {"b": "=literal"}], "c": 1}
    assert expressions.expressions_in(value) == ["=signal.n"]


def test_values_come_back_as_plain_json() -> None:
    found = expressions.resolve({"x": "=jobs", "y": "=signal"}, SCOPE)
    assert found == {"x": SCOPE["jobs"], "y": SCOPE["signal"]}
    assert {type(item) for item in found["x"]} == {dict}


@pytest.mark.parametrize("source", ["signal.", "1 +", "unknown.x", "size(", "", "a" * 5000])
def test_check_says_where(source: str) -> None:
    with pytest.raises(ConfigError):
        expressions.check(source, frozenset(SCOPE))
