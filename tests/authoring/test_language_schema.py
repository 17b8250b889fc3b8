"""The published schema and the reader of definitions agree on what a definition may look like."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import workflows
from authoring.language import schema
from domain.books.outcomes import Outcome
from domain.language.definition import STEP_KINDS
from domain.language.definition_text import read
from domain.values import Json

SHIPPED = sorted((Path(workflows.__path__[0]) / "definitions").glob("*.yaml"))
VALIDATOR = Draft202012Validator(schema())
SMALL: Json = {"definition": "small", "title": "Small", "owner": "planner"}


def errors(document: Json) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_definitions_fit(path: Path) -> None:
    data, _ = read(path.read_text(encoding="utf-8"), path.name)
    assert errors(data) == []


def test_every_step_kind_and_outcome_can_be_completed() -> None:
    parts = schema()["$defs"]
    steps = [
        parts[one["$ref"].rpartition("/")[2]] for one in parts["Definition"]["properties"]["steps"]["items"]["oneOf"]
    ]
    offered = {step["title"] for step in steps if next(iter(step["properties"])) == step["title"]}
    assert offered == set(STEP_KINDS)
    kinds = parts["PostStep"]["properties"]["outcomes"]["items"]["properties"]
    assert set(kinds) == {model.model_fields["kind"].default for model in Outcome.__args__[0].__args__}


@pytest.mark.parametrize(
    "step",
    [
        {"tsk": "repair", "to": {"role": "planner"}},
        {"task": "repair"},
        {"task": "repair", "to": {"role": "planner"}, "wthin": "5m"},
        {"task": "repair", "to": {"role": "planner"}, "offer": "somebody"},
        {"post": "hold", "to": "erp", "outcomes": [{"hold_lott": {}}]},
        {"post": "hold", "to": "erp", "outcomes": [{"hold_lot": {"lott": "=signal.lot"}}]},
    ],
)
def test_what_the_language_does_not_know_is_refused(step: Json) -> None:
    assert errors(SMALL | {"steps": [step]})


def test_values_of_outcomes_may_be_expressions() -> None:
    end = {
        "record_downtime": {
            "equipment": "=equipment.id",
            "start": "=opened_at",
            "end": "=repair.done_at",
            "reason": "='breakdown'",
        }
    }
    assert errors(SMALL | {"steps": [{"post": "downtime", "to": "erp", "outcomes": [end]}]}) == []


def test_authors_do_not_bundle() -> None:
    assert errors(SMALL | {"steps": [{"notify": "all", "to": {"role": "planner"}}], "bundled": {}})
