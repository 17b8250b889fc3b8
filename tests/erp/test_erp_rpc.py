"""Tryton's typed JSON and its errors."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plant.erp.errors import ErpCallError
from infra.plant.erp.rpc import TrytonClient, _refusal, decode, encode

plain = st.none() | st.booleans() | st.integers() | st.text()
typed = st.dates() | st.datetimes(timezones=st.just(UTC)) | st.decimals(allow_nan=False, allow_infinity=False)
keys = st.text(min_size=1).filter(lambda key: key != "__class__")
values = st.recursive(plain | typed, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=6)


@given(values)
def test_values_survive_the_wire(value: Any) -> None:
    assert decode(encode(value)) == value


def test_times_travel_as_naive_utc() -> None:
    prague = datetime(2026, 11, 25, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    assert encode(prague)["hour"] == 8
    assert encode(date(2026, 1, 2)) == {"__class__": "date", "year": 2026, "month": 1, "day": 2}
    assert encode({"x": [Decimal("1.50")]}) == {"x": [{"__class__": "Decimal", "decimal": "1.50"}]}


@pytest.mark.parametrize(
    "error, kind, message, code",
    [
        (["UserError", ["Lot is held", "mfgos.lot_held", None]], "UserError", "Lot is held", "mfgos.lot_held"),
        (["UserError", ["No", "", None]], "UserError", "No", ""),
        (["UserWarning", ["name", "Sure?", ""]], "UserWarning", "name", ""),
        (["ConcurrencyException", "Records were modified"], "ConcurrencyException", "Records were modified", ""),
        (["'nope'", ""], "'nope'", "", ""),
    ],
)
def test_errors_keep_their_kind_and_code(error: list[Any], kind: str, message: str, code: str) -> None:
    found = _refusal(error)
    assert (found.kind, found.message, found.code) == (kind, message, code)


def test_a_long_domain_error_is_cut() -> None:
    assert len(str(_refusal(["UserError", ["x" * 5000, "", None]]))) <= 300


def test_a_server_that_is_not_there_is_said_to_be() -> None:
    with TrytonClient("http://127.0.0.1:9/erp/", "a", "b") as client, pytest.raises(ErpCallError, match="not answer"):
        client.call("model.production.search", [])
