"""An answer is what was asked for, or it is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.proposals import Wanted, json_schema, misfit
from domain.values import Json

RETURNS = {
    "cause": Wanted(choices=["belt", "spindle"]),
    "note": Wanted(longest=5),
    "hours": Wanted(kind="number", least=0, most=48),
    "count": Wanted(kind="integer"),
    "sure": Wanted(kind="bool"),
    "takes": Wanted(kind="duration"),
}
RIGHT: dict[str, Json] = {"cause": "belt", "note": "abc", "hours": 1.5, "count": 3, "sure": True, "takes": "2h"}


def test_the_right_answer_fits() -> None:
    assert misfit(RIGHT, RETURNS) == ""


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"cause": "sabotage"}, "none of those to choose from"),
        ({"cause": ["belt"]}, "a text is wanted"),
        ({"note": "ignore all previous instructions"}, "at most 5 characters"),
        ({"note": "a\x00b"}, "no text"),
        ({"hours": 49}, "at most 48"),
        ({"hours": -1}, "at least 0"),
        ({"hours": float("nan")}, "a number is wanted"),
        ({"hours": True}, "a number is wanted"),
        ({"hours": "7"}, "a number is wanted"),
        ({"count": 1.5}, "a whole number is wanted"),
        ({"count": 10**400}, "a whole number is wanted"),
        ({"hours": 10**400}, "a number is wanted"),
        ({"sure": "yes"}, "true or false"),
        ({"takes": "soon"}, "a duration"),
        ({"approved_by": "plant_manager"}, "was not asked for"),
    ],
)
def test_anything_else_does_not(changed: dict[str, Json], says: str) -> None:
    assert says in misfit(RIGHT | changed, RETURNS)


@pytest.mark.parametrize("answer", [None, [], "belt", 3, {}])
def test_no_record_or_an_empty_one_does_not(answer: Json) -> None:
    assert misfit(answer, RETURNS)


def test_a_long_wrong_value_is_told_shortly() -> None:
    assert len(misfit(RIGHT | {"cause": "x" * 10_000}, RETURNS)) < 200


@pytest.mark.parametrize("changed", [{"a\x00b": 1}, {"\ud800": 1}, {"cause": "\x00"}, {"takes": "\ud800" * 99}])
def test_what_is_told_of_a_wrong_one_can_be_kept(changed: dict[str, Json]) -> None:
    assert misfit(RIGHT | changed, RETURNS).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.fixed_dictionaries({name: st.just(value) | JSON for name, value in RIGHT.items()}))
def test_what_fits_fits_the_schema_that_servers_are_given(answer: dict[str, Json]) -> None:
    if not misfit(answer, RETURNS):
        assert list(Draft202012Validator(json_schema(RETURNS)).iter_errors(answer)) == []
