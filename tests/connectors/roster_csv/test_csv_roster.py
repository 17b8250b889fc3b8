"""People as CSV: what rows say, what is wrong in them, and that no cell is a formula (C24)."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.roster_csv import mapping
from connectors.roster_csv.manifest import build
from domain.rosters.people import Person

TEXT = """\
userName;displayName;active;roles;phoneNumbers;emails;certificates\r
ada;"Novak; Ada";true;technician|lead;'+420 777 123 456;ada@example.com;forklift:2027-01-31|first_aid\r
bo;Bo Li;no;;;;\r
"""


def test_rows_say_what_changes_and_absent_columns_nothing() -> None:
    found = build({}).read(("\ufeff" + TEXT).encode(), [])
    assert found.problems == []
    ada, bo = found.people
    assert ada.fields["contacts"] == [
        {"channel": "email", "address": "ada@example.com"}, {"channel": "sms", "address": "+420777123456"},
    ]  # fmt: skip
    assert (ada.id, ada.fields["name"], ada.fields["roles"]) == ("ada", "Novak; Ada", ["technician", "lead"])
    assert ada.fields["certificates"][0] == {"name": "forklift", "until": "2027-01-31"}
    assert (bo.fields["active"], bo.fields["roles"], "skills" in bo.fields) == (False, [], False)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("userName,nick\na,b\n", "line 1: column 'nick' is not known"),
        ("displayName\nA\n", "line 1: there is no column userName"),
        ("userName,active\na,perhaps\n", "line 2: active is 'perhaps': write true or false"),
        ("userName,phoneNumbers\na,0777\n", "line 2: phoneNumbers '0777': write +420777123456"),
        ("userName,emails\na,b\n", "line 2: emails 'b': this is no address"),
        ("userName\na\na\n", "line 3: userName 'a' is in line 2 too"),
        ("userName,roles\na\n", "line 2: has 1 cells, the first row 2"),
        ("userName,certificates\na,forklift:soon\n", "line 2: certificate 'forklift:soon': write name:2027-01-31"),
        ("userName\n=cmd\n", "line 2: userName '=cmd' is no id: letters, digits and _ . @ - only"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    assert build({}).read(text.encode(), []).problems == [problem]


def person(**more: Any) -> Person:
    return Person.model_validate({"id": "p", "name": "P", "roles": [], **more})


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "\t=1", "x;=1", 'a"=cmd|x!A1', "a\r\n=1", "'=1"])
def test_c24_no_cell_is_a_formula(name: str) -> None:
    text = build({}).written([person(name=name, skills=[name])])
    for cell in next(csv.reader(io.StringIO(text.split("\r\n", 1)[1], newline=""))):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        for separator in (";", ",", '"', "\n", "|"):
            assert not any(part[:1] in "=+-@" for part in cell.split(separator)[1:] if part)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_what_was_exported_is_read_again(name: str) -> None:
    before = person(name=name, contacts=[{"channel": "sms", "address": "+420777123456"}], skills=["a-b", "+c"])
    (found,) = build({}).read(build({}).written([before]).encode(), []).people
    assert (found.fields["name"], found.fields["skills"]) == (name, ["a-b", "+c"])
    assert found.fields["contacts"][0]["address"] == "+420777123456"


def test_safe_cells_are_plain_again() -> None:
    for cell in ("=a", "'=a", "a;-b", "x'+1", "''=1"):
        assert mapping.plain(mapping.safe(cell)) == cell
