"""What the bench says of what it measured."""

import pytest

from bench import report
from bench.drive import Burst, Latency
from bench.measure import Found, Plan, Results


@pytest.mark.parametrize(
    "percent, expected", [(50, 20), (99, 40), (1, 10)], ids=["the middle", "the highest of few", "the lowest"]
)
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: int) -> None:
    assert report.percentile([40, 10, 30, 20], percent) == expected


def test_ratios_are_taken_round_by_round() -> None:
    ours = Found([Burst(10, 2.0), Burst(10, 1.0)], Latency([30.0], [20.0]), {}, {"temporal": 1.0})
    theirs = Found([Burst(10, 1.0), Burst(20, 4.0)], Latency([20.0], [40.0]), {}, {"temporal": 1.0})
    kept = report.summary(Plan(), Results({"product": ours, "bare": theirs}, {}))
    ratio = kept["ratios"]["product/bare"]
    assert ratio["exceptions_per_s"] == {"min": 0.5, "median": 1.25, "max": 2.0}
    assert (ratio["signal_to_first_post_p50"], ratio["answer_to_erp_post_p50"]) == (1.5, 0.5)


def test_what_was_lost_or_doubled_is_told() -> None:
    found = Found([Burst(10, 2.0, ["LOT-1"])], Latency([30.0], [20.0]), {}, {"temporal": 1.0})
    kept = report.summary(Plan(), Results({"bare": found}, {}))
    assert report.table(kept).splitlines()[2].endswith("| 1 |")


def test_the_docs_have_a_place_for_the_table() -> None:
    text = report.DOCS.read_text(encoding="utf-8")
    assert text.index(report.BEGIN) < text.index(report.END)
