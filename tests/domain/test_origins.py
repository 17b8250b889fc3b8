"""Where the values of a posting come from, back to people, systems and the signal."""

from pathlib import Path

import pytest

from admin.definitions.versions import read_definition
from domain.books.origins import origins
from domain.language.definition import Definition
from tests.support.plant import DEFINITIONS


def shipped(name: str) -> Definition:
    path: Path = DEFINITIONS / f"{name}.yaml"
    return read_definition(path.read_text(), path.name)


@pytest.mark.parametrize(
    "name, path, field, expected",
    [
        ("breakdown", "1.then.0", "start", ["signal opened_at"]),
        ("breakdown", "1.then.0", "reason", []),  # the definition says it
        ("breakdown", "1.then.0", "cause", ["answer repair"]),
        ("breakdown", "0.planning.4.then.0", "orders",
         ["decision plan_decision", "plan new_plan", "signal equipment", "signal opened_at", "answer repair",
          "site params"]),
        ("quality_hold", "0.protection.1.then.0", "job_orders", ["asked lot", "signal signal"]),
        ("rush_order", "3.then.0", "material", ["signal signal"]),
    ],
)  # fmt: skip
def test_a_field_is_followed_back(name: str, path: str, field: str, expected: list[str]) -> None:
    found = next(one for one in origins(shipped(name), path) if one.field == field)
    assert [f"{one.kind} {one.name}" for one in found.sources] == expected


def test_what_is_no_posting_has_none() -> None:
    assert origins(shipped("breakdown"), "0") == []
    assert origins(shipped("breakdown"), "99.then.0") == []
    assert origins(shipped("breakdown"), "0.planning.4.then[3].0") != []  # in a loop it is the same step
