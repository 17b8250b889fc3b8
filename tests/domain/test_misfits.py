"""What does not fit is said in our words, whatever the document: where, what, and what to write."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError, field_validator
from pydantic_core import core_schema

from domain.authority.matrix import AuthorityMatrix
from domain.books.outcomes import OutcomeTransaction
from domain.language import misfits
from domain.rosters.model import Absence, Schedule
from domain.rosters.people import Person, Roster
from domain.site import Site

PYDANTICS = ("Input should", "Field required", "valid dict", "Extra inputs", "validation", "Unable", "Value error")
TRANSACTION = {"id": "txn_1", "key": "k", "exception_id": "exc_1", "decision": "", "system": "erp"}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = Field(gt=0, le=9)


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["dog"] = "dog"
    name: str = ""


class Every(BaseModel):
    """A field of each kind that a document has."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(default="", max_length=3)
    pattern: str = Field(default="a", pattern=r"^[a-z]+$")
    whole: int = 0
    number: float = Field(default=0.0, lt=10, allow_inf_nan=False)
    money: Decimal = Field(default=Decimal(0), max_digits=4, decimal_places=1)
    flag: bool = False
    day: date = date(2026, 1, 1)
    clock: time = time(6)
    moment: AwareDatetime | None = None
    local: datetime | None = None
    span: timedelta = timedelta()
    url: HttpUrl | None = None
    colour: Colour = Colour.RED
    digit: Literal[1, 2] = 1
    many: list[int] = Field(default=[], max_length=2)
    pair: tuple[int, int] = (0, 0)
    names: dict[str, int] = {}
    either: str | list[str] | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat(lives=1)
    pets: list[Cat | Dog] = []
    even: int = 0

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("write an even number")
        return value


def said(document: Any, value: object, **more: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(document).validate_python(value)
    return misfits.first(caught.value, document, **more)


@pytest.mark.parametrize(
    "field, value, told",
    [
        ("text", 3, "text: a text is needed here"),
        ("text", "long", "text: a text of at most 3 characters is needed here"),
        ("pattern", "A", "pattern: 'A' has not the form ^[a-z]+$"),
        ("whole", "x", "whole: a whole number is needed here"),
        ("whole", 1.5, "whole: a whole number is needed here"),
        ("number", "x", "number: a number is needed here"),
        ("number", 10, "number: a number below 10.0 is needed here"),
        ("number", float("inf"), "number: a number is needed here"),
        ("money", "12345", "money: a number of at most 4 digits is needed here"),
        ("money", "1.25", "money: a number of at most 1 decimal places is needed here"),
        ("flag", "perhaps", "flag: true or false is needed here"),
        ("day", "soon", "day: a date is needed here: 2026-11-22"),
        ("clock", "noon", "clock: a time of day is needed here: 06:30"),
        ("moment", "2026-11-22T09:15", "moment: a time with its zone is needed here: 2026-11-22T09:15:00Z"),
        ("local", "soon", "local: a time with its zone is needed here: 2026-11-22T09:15:00Z"),
        ("span", "long", "span: a duration is needed here: 90s, 15m or 2h"),
        ("url", "host", "url: an address is needed here: https://host/path"),
        ("url", "ftp://host", "url: an address that begins with 'http' or 'https' is needed here"),
        ("colour", "rod", "colour: 'rod' is none of red, blue; did you mean 'red'?"),
        ("digit", 3, "digit: '3' is none of 1 or 2"),
        ("many", 3, "many: a list is needed here: [one, another]"),
        ("many", [1, 2, 3], "many: at most 2 may stand here"),
        ("many", [1, "x"], "many.1: a whole number is needed here"),
        ("pair", 3, "pair: a list is needed here: [one, another]"),
        ("names", [], "names: names with values are needed here: {name: value}"),
        ("names", {"a": "x"}, "names.a: a whole number is needed here"),
        ("names", {1: 1}, "names.1: a text is needed here"),
        ("either", 3, "either: a text is needed here or a list is needed here: [one, another]"),
        ("pet", {"kind": "dig"}, "pet: kind 'dig' is none of cat, dog; did you mean 'dog'?"),
        ("pet", {}, "pet: 'kind' is missing"),
        ("pet", {"kind": "cat", "lives": 10}, "pet.lives: a number of at most 9 is needed here"),
        ("pet", {"kind": "dog", "nam": "Rex"}, "pet: unknown field 'nam'; did you mean 'name'?"),
        ("pets", [{"kind": "cat", "lives": 0}], "pets.0.lives: a number above 0 is needed here"),
        ("even", 3, "even: write an even number"),
        ("evn", 3, "unknown field 'evn'; did you mean 'even'?"),
    ],
)
def test_each_kind_of_misfit_says_where_and_what_to_write(field: str, value: object, told: str) -> None:
    assert said(Every, {field: value}) == told


@pytest.mark.parametrize(
    "document, value, told",
    [
        (OutcomeTransaction, TRANSACTION | {"outcomes": [{}]}, "outcomes.0: 'kind' is missing"),
        (
            OutcomeTransaction,
            TRANSACTION | {"outcomes": [{"kind": "hold_lt"}]},
            "outcomes.0: kind 'hold_lt' is none of .*; did you mean 'hold_lot'",
        ),
        (
            OutcomeTransaction,
            TRANSACTION | {"outcomes": [{"kind": "record_downtime", "equipmnt": "MC-3", "start": "soon"}]},
            "outcomes.0: unknown field 'equipmnt'; did you mean 'equipment'.; 'equipment' is missing",
        ),
        (Person, {"id": "ann", "name": "Ann", "roles": "planner"}, "roles: a list is needed"),
        (Schedule, {"id": "early", "layers": 3}, "'title' is missing"),
        (
            Absence,
            {"id": "a", "person": "b", "kind": "x", "begins": "2026-01-01T00:00", "ends": None},
            "begins: a time",
        ),
        (AuthorityMatrix, {"levles": 3}, "unknown field 'levles'"),
        (Roster, {"people": [{"id": "ann"}]}, "people.0: 'name' is missing"),
        (Site, {"site": 3}, "'.*' is missing|unknown field"),
        (list[Person], [{"id": "ann"}], "0: 'name' is missing"),
    ],
)
def test_documents_of_ours_are_told_without_pydantics_kinds_in_the_place(
    document: Any, value: object, told: str
) -> None:
    found = said(document, value)
    assert re.match(told, found), found
    assert not any(words in found for words in PYDANTICS)


def test_the_document_itself_has_a_name_where_all_of_it_is_meant() -> None:
    assert said(Schedule, "x", whole="This") == "This: names with values are needed here: {name: value}"


@pytest.mark.parametrize(
    "field, value, told",
    [
        ("colour", "s3cret", "colour: one of red, blue is needed here"),
        ("pattern", "S3CRET", "pattern: this has not the form ^[a-z]+$"),
    ],
)
def test_what_is_hidden_is_never_quoted(field: str, value: str, told: str) -> None:
    assert said(Every, {field: value}, hidden=True) == told


def test_json_that_is_cut_off_says_where() -> None:
    with pytest.raises(ValidationError) as caught:
        Person.model_validate_json('{"id": ')
    assert misfits.first(caught.value, Person, whole="body") == "body: this is no JSON: look at line 1, column 7"


@pytest.mark.parametrize("kind", sorted(set(get_args(core_schema.ErrorType)) - {"value_error"}))
def test_nothing_of_pydantics_own_english_is_left(kind: str) -> None:
    """Whatever kind it finds, also one that no document of ours has today."""
    english = "Input should be something"
    given = {
        "type": kind,
        "loc": ("a",),
        "msg": english,
        "input": "x",
        "ctx": dict.fromkeys(
            (
                *("expected", "discriminator", "tag", "expected_tags", "pattern", "error", "gt", "ge", "lt", "le"),
                *("multiple_of", "max_digits", "decimal_places", "whole_digits", "min_length", "max_length"),
                "expected_schemes",
            ),
            "1",
        ),
    }
    assert english not in misfits.words(given, Every)
