"""Every kind of outcome says what it re-checks, touches, needs and how it goes back."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain.authority.matrix import Impact
from domain.books import outcomes
from domain.books.outcome_rules import DECLARATIONS, impact_of_all, natural_key, objects_of
from domain.books.outcomes import OutcomeTransaction
from domain.books.standing import beyond
from domain.language.definition import StandingAuthority, StandingLimits
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


def test_outcomes_move_together_what_each_declares() -> None:
    made_good = outcomes.ReportProduction(job_order="JO-1", good=10, scrapped=2, lot="L-1")
    kept = outcomes.ReserveMaterial(job_order="JO-1", material="BAR-40", quantity=5)
    held = outcomes.HoldLot(lot="L-2", reason="hard")
    assert impact_of_all([made_good, kept]).quantity == 17
    together = impact_of_all([made_good, held])
    assert (together.quantity, together.lots) == (None, ("L-1", "L-2")), "what one does not know is not known"


def test_of_a_part_of_a_lot_the_quantity_is_known_and_a_whole_one_reads_as_it_always_did() -> None:
    whole, part = outcomes.HoldLot(lot="L-2", reason="hard"), outcomes.HoldLot(lot="L-2", quantity=5, reason="hard")
    assert whole.model_dump() == {"kind": "hold_lot", "lot": "L-2", "reason": "hard"}, "its digest stands in books"
    assert part.model_dump()["quantity"] == 5
    assert (impact_of_all([whole]).quantity, impact_of_all([part]).quantity) == (None, 5)


@pytest.mark.parametrize(
    "limits, hour, day, impact, over",
    [
        ({"per_hour": 2}, 1, 9, Impact(), []),
        ({"per_hour": 2}, 2, 2, Impact(), ["per_hour"]),
        ({"per_hour": 5, "per_day": 9}, 0, 9, Impact(), ["per_day"]),
        ({"quantity": 10}, 0, 0, Impact(quantity=10), []),
        ({"quantity": 10, "money": 5}, 0, 0, Impact(quantity=11, money=5), ["quantity"]),
        ({"money": 5}, 0, 0, Impact(quantity=1), ["money"]),
    ],
)
def test_a_standing_authority_goes_so_far(
    limits: dict[str, Any], hour: int, day: int, impact: Impact, over: list[str]
) -> None:
    assert beyond(StandingLimits.model_validate(limits), hour, day, impact) == over
