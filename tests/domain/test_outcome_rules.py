"""Every kind of outcome says what it re-checks, touches, needs and how it goes back."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain.books import outcomes
from domain.books.outcome_rules import DECLARATIONS, natural_key, objects_of
from domain.books.outcomes import OutcomeTransaction
from domain.language.definition import StandingAuthority
from domain.typing.definitions import record_of
from domain.typing.tree import sample

MODELS: list[type[BaseModel]] = list(get_args(get_args(outcomes.Outcome)[0]))


def made(model: type[BaseModel]) -> Any:
    kind = model.model_fields["kind"].default
    return model.model_validate({"kind": kind, **sample(record_of(model))})


def test_the_table_is_the_vocabulary() -> None:
    assert set(DECLARATIONS) == {model.model_fields["kind"].default for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_an_outcome_names_what_it_touches(model: type[BaseModel]) -> None:
    outcome = made(model)
    declared = DECLARATIONS[outcome.kind]
    assert declared.authority
    assert all(":" in name for name in objects_of([outcome])), "a kind of object, and which"
    assert objects_of([outcome])
    assert declared.impact(outcome) is not None


def test_what_a_standing_authority_may_post_goes_back_by_itself() -> None:
    (names,) = get_args(StandingAuthority.model_fields["outcomes"].annotation)
    assert set(get_args(names)) == {kind for kind, declared in DECLARATIONS.items() if declared.protective}
    assert all(DECLARATIONS[kind].way_back in ("restore", "opposite") for kind in get_args(names))


def test_the_same_thing_twice_has_one_natural_key() -> None:
    hold = {"kind": "hold_lot", "lot": "L-7", "reason": "too hard"}
    again = hold | {"reason": "still too hard"}
    drafted = {"id": "txn_1", "key": "k", "exception_id": "exc_1", "system": "erp"}
    first, second = (
        OutcomeTransaction.model_validate(drafted | {"id": f"txn_{number}", "outcomes": [one]})
        for number, one in enumerate((hold, again))
    )
    assert natural_key(first) == natural_key(second) == "erp:hold_lot:lot:L-7"
