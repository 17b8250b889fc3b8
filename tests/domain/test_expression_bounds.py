"""An expression that could take the engine's time or memory is refused before it runs, or stopped."""

from typing import Any

import pytest

from domain.errors import ConfigError
from domain.language import expressions

SCOPE: dict[str, Any] = {
    "text": "x" * 40,
    "full": list(range(500)),
    "long": list(range(501)),
    "jobs": [{"id": "A", "lots": ["1", "2"]}, {"id": "B", "lots": []}],
    "params": {"area": "north"},
}


@pytest.mark.parametrize(
    "source",
    [
        "[text]" + ".map(a, a + a)" * 18,  # 2**18 copies
        "[text]" + ".map(a, [a, a, a, a, a])" * 6,
        "[text]" + f".map(a, {' + '.join(['a'] * 20)})" * 4,
        "full.map(x, full.map(y, full.map(z, z)))",
        "full.map(x, [" + ", ".join(["full"] * 20) + "])",
        "(full + full + full).map(x, x)",
        "full.all(x, [text]" + ".map(a, a + a + a + a + a + a)" * 5 + " != [])",
        "[1]" + ".filter(a, true)" * 7,
        "size('" + "a" * 2000 + "')",
        "(" * 40 + "1" + ")" * 40,
        "1" + " + 1" * 400,
    ],
)
def test_a_bomb_is_refused_by_check_and_by_the_engine(source: str) -> None:
    with pytest.raises(ConfigError) as checked:
        expressions.check(source, frozenset(SCOPE))
    with pytest.raises(ConfigError) as run:
        expressions.evaluate(source, SCOPE)
    assert checked.value.code == run.value.code
    assert checked.value.code in ("mos.expression.bomb", "mos.expression.invalid")


@pytest.mark.parametrize("source", ["full.map(x, full.map(y, y))", "long.exists(x, x == 1)", "long.map(x, x)"])
def test_loops_end_where_the_data_is_too_long(source: str) -> None:
    expressions.check(source, frozenset(SCOPE))
    with pytest.raises(ConfigError) as stopped:
        expressions.evaluate(source, SCOPE)
    assert stopped.value.code == "mos.expression.too_long"


@pytest.mark.parametrize(
    "source, value",
    [
        ("size(long)", 501),
        ("size(full.filter(x, x > 400))", 99),
        (
            "jobs.map(job, params.area + ' / ' + job.id + ' / ' + params.area)",
            ["north / A / north", "north / B / north"],
        ),
        ("jobs.map(job, job.lots.map(lot, job.id + lot))", [["A1", "A2"], []]),
        ("jobs.filter(job, size(job.lots) > 0).map(job, job.id).exists(id, id == 'A')", True),
        ("jobs.map(job, jobs.filter(other, other.id != job.id).map(other, other.id))", [["B"], ["A"]]),
        ("(jobs + jobs).map(job, job.id)", ["A", "B", "A", "B"]),
    ],
)
def test_what_a_plant_asks_is_no_bomb(source: str, value: Any) -> None:
    assert expressions.evaluate(source, SCOPE) == value


@pytest.mark.parametrize(
    "source, value",
    [
        ("timestamp('2026-11-22T10:00:00+01:00') + duration('4h')", "2026-11-22T13:00:00Z"),
        ("timestamp('2026-11-22T10:00:00Z') - timestamp('2026-11-22T08:30:00Z')", "5400s"),
        ("{'at': [timestamp('2026-11-22T10:00:00Z')]}", {"at": ["2026-11-22T10:00:00Z"]}),
    ],
)
def test_times_and_durations_come_back_as_text(source: str, value: Any) -> None:
    assert expressions.evaluate(source, SCOPE) == value


def test_a_duration_before_its_beginning_is_refused() -> None:
    with pytest.raises(ConfigError, match="negative"):
        expressions.evaluate("duration('1h') - duration('2h')", SCOPE)
