"""Which keys of a system are ours, and what is a difference."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.books.booking import Booked, FieldStanding, ReadBack, token_of
from domain.books.ledger import State
from domain.books.reconciliation import Kind, Known, by_stamp, differs, stamps, tokens, unexplained

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEY = "exc_1:decide.2:1"


def ours(key: str = KEY, status: str = "posted", system: str = "erp") -> Known:
    return Known(id=f"txn_{key}", key=key, system=system, status=status, exception="exc_1")


def booked(*keys: str) -> list[Booked]:
    return [Booked(key=key, at=AT, documents=[f"doc {key}"]) for key in keys]


def kinds(*keys: str, **known: Known) -> list[tuple[str, str]]:
    return [(one.kind.value, one.key) for one in unexplained("erp", booked(*keys), {k.key: k for k in known.values()})]


@pytest.mark.parametrize("state", list(State))
def test_only_what_was_never_posted_here_is_unbooked(state: State) -> None:
    told = kinds(KEY, a=ours(status=state.value))
    never = state in (State.REJECTED, State.DEAD_LETTERED, State.DRY_RUN)
    assert told == ([("unbooked", KEY)] if never else [])


@pytest.mark.parametrize("step", [f"{KEY}.1", f"{KEY}.undo", f"{KEY}.2.undo", f"{KEY}/1", f"{KEY}/2~1"])
def test_steps_and_parts_are_told_with_their_transaction(step: str) -> None:
    assert KEY in stamps(booked(step))
    assert kinds(step, a=ours()) == []
    assert kinds(step) == [("stranger", step)]


def test_a_key_of_another_system_or_of_before_a_mend_is_a_stranger() -> None:
    assert kinds(KEY, a=ours(system="mes")) == [("stranger", KEY)]
    assert kinds(KEY, a=ours(f"{KEY}+1")) == [("stranger", KEY)]


def test_two_documents_of_one_key_are_one_difference() -> None:
    (one,) = unexplained("erp", [*booked("a:1"), Booked(key="a:1", at=AT, documents=["other"])], {})
    assert (one.documents, one.booked_at) == (["doc a:1", "other"], AT)


@given(st.lists(st.text(min_size=1, max_size=40), unique=True, max_size=8), st.data())
def test_a_short_token_finds_its_transaction(keys: list[str], data: st.DataObject) -> None:
    known = [ours(key) for key in keys]
    stamped = [token_of(key, data.draw(st.sampled_from([10, 16]))) for key in keys]
    wanted = tokens(booked(*stamped, "exc_9:x:1"))
    assert {one.id for _, one in by_stamp(known, wanted)} == {one.id for one in known}
    assert unexplained("erp", booked(*stamped), dict(by_stamp(known, wanted))) == []


def test_what_stands_is_compared() -> None:
    field = FieldStanding(record="order JO-1", field="priority", posted=1, stands=7)
    same = FieldStanding(record="order JO-1", field="state", posted="x", stands="x")
    changed = differs(ours(), ReadBack(known=True, fields=[field, same]))
    assert changed
    assert (changed.kind, changed.fields) == (Kind.CHANGED, [field])
    assert differs(ours(), ReadBack(known=True, fields=[same])) is None
    missing = differs(ours(), ReadBack(known=False, fields=[]))
    assert missing
    assert missing.kind is Kind.MISSING


@pytest.mark.parametrize(
    "posted, stands, same",
    [
        ("2026-11-22T11:15:51.675130Z", "2026-11-22T11:15:51Z", True),
        ("2026-11-22T12:15:51.675130+01:00", "2026-11-22T11:15:51Z", True),
        ("2026-11-22T11:15:51.675130Z", "2026-11-22T11:15:52Z", False),
        ("2026-11-22T11:15:51Z", "2026-11-22T11:15:51.500000Z", False),
        ("2026-11-22", "2026-11-22T00:00:00Z", False),
        ("worn seal", "Worn seal", False),
        ("7", 7, False),
    ],
)
def test_a_time_that_is_kept_to_the_second_is_no_difference(posted: str, stands: object, same: bool) -> None:
    found = ReadBack(known=True, fields=[FieldStanding(record="r", field="f", posted=posted, stands=stands)])
    assert (found.changed == []) is same
