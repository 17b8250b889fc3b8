"""The small type tree: how it is written, joined, and held against real values."""

from typing import Any

import pytest

from domain.errors import ConfigError
from domain.typing.tree import fits, join, misfit, read_record, read_type, sample, show, type_of

ORDER = read_type({"id": "text", "sale": "text|null", "lots": ["text"], "note?": "text", "state": "'held'|'released'"})


@pytest.mark.parametrize(
    "notation, shown",
    [
        ("text", "text"),
        ("number|null", "number"),
        (["time"], "list of time"),
        ([{"id": "text"}], "list of record"),
        ({"*": "integer"}, "record"),
        ("'a'|'b'|null", "text"),
        (["any"], "list"),
    ],
)
def test_notation(notation: Any, shown: str) -> None:
    assert show(read_type(notation)) == shown


@pytest.mark.parametrize("notation, near", [("txt", "text"), ("text|nul", "nul"), (["a", "b"], ""), (3, ""), ("", "")])
def test_a_wrong_notation_is_refused_with_the_nearest_word(notation: Any, near: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_type(notation)
    assert refused.value.code == "mos.type.notation"
    assert near in refused.value.message


@pytest.mark.parametrize(
    "value, wrong",
    [
        ({"id": "A", "sale": None, "lots": [], "state": "held"}, ""),
        ({"id": "A", "sale": "S", "lots": ["1"], "note": "x", "state": "released"}, ""),
        ({"id": None, "sale": None, "lots": [], "state": "held"}, "it.id is null"),
        ({"id": 3, "sale": None, "lots": [], "state": "held"}, "it.id is integer, not text"),
        ({"sale": None, "lots": [], "state": "held"}, "it.id is missing"),
        ({"id": "A", "sale": None, "lots": ["1", 2], "state": "held"}, "it.lots[1] is integer, not text"),
        ({"id": "A", "sale": None, "lots": [], "state": "lost"}, "it.state is 'lost', not text"),
        ({"id": "A", "sale": None, "lots": [], "state": "held", "more": 1}, "it.more is not declared"),
        ([], "it is list, not record"),
    ],
)
def test_misfit_names_the_place(value: Any, wrong: str) -> None:
    found = misfit(value, ORDER)
    assert found == wrong or (wrong == "it is list, not record" and found.startswith("it is list"))


def test_a_literal_tells_its_type() -> None:
    found = type_of({"a": "5m", "b": "2026-11-22T08:00:00Z", "c": "red", "d": 1, "e": 1.5, "f": True, "g": [1, 2]})
    shown = {name: show(part.type) for name, part in getattr(found, "fields", {}).items()}
    assert list(shown.values()) == ["duration", "time", "text", "integer", "number", "bool", "list of integer"]


def test_what_may_be_either_has_the_parts_of_both() -> None:
    found = join([read_record({"id": "text", "n": "integer"}), read_record({"id": "text|null", "x": "time"})])
    fields = getattr(found, "fields", {})
    assert fields["id"].type.nullable
    assert {name: part.optional for name, part in fields.items()} == {"id": False, "n": True, "x": True}
    assert join([read_type("integer"), read_type("number")]) == read_type("number")
    assert join([read_type("'a'"), read_type("'b'")]) == read_type("'a'|'b'")
    assert join([type_of([]), read_type(["text"])]) == read_type(["text"])
    assert join([type_of(None), read_type(["text"])]).nullable


@pytest.mark.parametrize(
    "found, wanted, fit",
    [
        ("integer", "number", True),
        ("number", "integer", False),
        ("time", "text", True),
        ("text", "time", False),
        ("'a'", "'a'|'b'", True),
        ("'a'|'c'", "'a'|'b'", False),
        (["text"], ["number"], False),
        ("any", "time", True),
        ({"id": "text"}, {"id": "text", "more?": "text"}, True),
        ({"id": "text"}, {"id": "text", "more": "text"}, False),
        ("text", ["text"], False),
    ],
)
def test_fits(found: Any, wanted: Any, fit: bool) -> None:
    assert fits(read_type(found), read_type(wanted)) is fit


def test_a_sample_is_of_its_type() -> None:
    assert misfit(sample(ORDER), ORDER) == ""
    assert misfit(sample(read_type({"*": [{"at": "time"}]})), read_type({"*": [{"at": "time"}]})) == ""
