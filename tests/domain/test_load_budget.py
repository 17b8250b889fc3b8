"""Who is asked when several fit: those with room first, and always somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.language.parts import LoadBudget
from domain.language.steps import TaskStep
from domain.rosters.people import Person
from domain.rosters.routing import Load, preferred

PEOPLE = [Person(id=name, name=name.title(), roles=[]) for name in ("amira", "jonas", "piotr")]
COUNTS = st.dictionaries(st.sampled_from([person.id for person in PEOPLE]), st.integers(0, 12))


def load(tasks: dict[str, int] | None = None, asked: dict[str, int] | None = None, **pages: int) -> Load:
    return Load(tasks=tasks or {}, asked=asked or {}, pages=pages)


@pytest.mark.parametrize(
    "found, budget, at_most, asked",
    [
        (load(), (3, 10), 0, ["amira", "jonas", "piotr"]),
        (load({"amira": 3}), (3, 10), 0, ["jonas", "piotr"]),
        (load({"amira": 3}), (0, 0), 0, ["amira", "jonas", "piotr"]),
        (load(jonas=10), (3, 10), 0, ["amira", "piotr"]),
        (load({"amira": 3, "jonas": 4, "piotr": 5}), (3, 10), 0, ["amira", "jonas", "piotr"]),
        (load(asked={"amira": 2, "jonas": 1}, piotr=1, jonas=1), (3, 10), 1, ["piotr"]),
        (load({"piotr": 3}, {"amira": 2, "jonas": 1}), (3, 10), 2, ["jonas", "amira"]),
    ],
)
def test_whom_to_ask(found: Load, budget: tuple[int, int], at_most: int, asked: list[str]) -> None:
    chosen = preferred(PEOPLE, found, tasks=budget[0], pages=budget[1], at_most=at_most)
    assert [person.id for person in chosen] == asked


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 5), st.integers(0, 12), st.integers(0, 3))
def test_somebody_is_always_asked_and_nobody_in_place_of_one_with_room(
    tasks: dict[str, int], asked: dict[str, int], pages: dict[str, int], most: int, many: int, at_most: int
) -> None:
    found = Load(tasks=tasks, asked=asked, pages=pages)
    chosen = preferred(PEOPLE, found, tasks=most, pages=many, at_most=at_most)
    assert chosen
    assert len(chosen) <= (at_most or len(PEOPLE))
    with_room = [person for person in PEOPLE if not found.over(person.id, most, many)]
    assert not with_room or {person.id for person in chosen} <= {person.id for person in with_room}


def test_a_number_is_a_budget_of_tasks() -> None:
    step = {"task": "repair", "to": {"role": "technician"}}
    assert TaskStep.model_validate(step).budget() is None
    assert TaskStep.model_validate(step | {"load_budget": 2}).budget() == LoadBudget(tasks=2)
    assert TaskStep.model_validate(step | {"load_budget": {"pages": 5}}).budget() == LoadBudget(pages=5)


@pytest.mark.parametrize("spans", [("1h", "30m"), ("30m", "30m")])
def test_nobody_is_reminded_of_what_is_gone(spans: tuple[str, str]) -> None:
    step = {"task": "repair", "to": {"role": "technician"}, "remind_after": spans[0], "release_after": spans[1]}
    with pytest.raises(ValueError, match="longer than 'remind_after'"):
        TaskStep.model_validate(step)
