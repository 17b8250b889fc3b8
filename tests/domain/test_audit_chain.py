"""The chain: whatever is done to one row of it is found, and said of the right one."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.audit.keys import Signer, Trusted
from domain.audit.chain import (
    GENESIS,
    Head,
    Record,
    apart,
    chain,
    commitments,
    filled,
    link,
    read_data,
)
from domain.audit.verification import Line, Report, Verifier, What
from domain.values import canonical, content_hash

SIGNER = Signer("k" * 32)
TRUSTED = Trusted([SIGNER.public])
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
COUNTER = itertools.count()


def salt() -> str:
    return f"{next(COUNTER):032x}"


def records(number: int) -> tuple[list[Record], list[Any]]:
    made, kept = [], []
    for n in range(1, number + 1):
        data, values = apart({"step": f"s{n}", "address": f"+4900{n}", "ok": n % 2 == 0}, "eva", f"tsk_{n}", salt)
        kept.append(tuple(values))
        made.append(Record(n * 10, START + timedelta(seconds=n), "decision", "eva", f"tsk_{n}", data))
    return made, kept


def built(number: int, batch: int = 3) -> list[Line]:
    made, kept = records(number)
    lines, signed = [], 0
    for record, values, seal in zip(made, kept, chain(made, 0, GENESIS), strict=True):
        last = seal.number % batch == 0 or seal.number == number
        head = SIGNER.sign(Head(seal.number, seal.hash, START, signed)) if last else None
        signed = seal.number if head else signed
        lines.append(Line(seal, record, head, values))
    return lines


def verified(lines: list[Line], **beside: Any) -> Report:
    verifier = Verifier(TRUSTED.valid)
    for line in lines:
        verifier.take(line)
    return verifier.end(**beside)


def changed(line: Line, part: str, **values: Any) -> Line:
    return dataclasses.replace(line, **{part: dataclasses.replace(getattr(line, part), **values)})


def test_the_stated_rules() -> None:
    record = Record(7, START, "x", "eva", "s", {"b": 1, "a": "ł"})
    text = '{"actor":"eva","at":"2026-11-22T09:00:00Z","data":{"a":"ł","b":1},"id":7,"kind":"x","subject":"s"}'
    assert canonical(record.said()) == text
    (seal,) = chain([record], 4, "f" * 64)
    assert seal.hash == content_hash({"number": 5, "previous": "f" * 64, "record": record.digest()})
    assert (
        Head(5, "ab", START).signed()
        == b'mos audit head 1\n{"after":0,"at":"2026-11-22T09:00:00Z","hash":"ab","number":5}'
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.text(), st.text(), _JSON)
def test_a_text_is_its_canonical_form(kind: str, actor: str, subject: str, data: Any) -> None:
    record = Record(7, START, kind, actor, subject, data)
    assert record.text() == canonical(record.said())


def test_what_nobody_touched_is_good() -> None:
    report = verified(built(10))
    assert report.good
    assert (report.last, report.records, report.heads) == (10, 10, 4)


@given(st.integers(2, 12), st.integers(1, 4), st.data())
def test_one_changed_field_is_found_in_the_right_record(number: int, batch: int, data: st.DataObject) -> None:
    lines, at = built(number, batch), data.draw(st.integers(0, number - 1))
    field = data.draw(st.sampled_from(["at", "kind", "actor", "subject", "data", "id"]))
    other = {"at": START, "id": 999, "data": {"step": "another"}}.get(field, "another")
    report = verified([*lines[:at], changed(lines[at], "record", **{field: other}), *lines[at + 1 :]])
    assert [(one.what, one.number) for one in report.findings if one.what is not What.GONE] == [(What.ALTERED, at + 1)]


@given(st.integers(2, 12), st.integers(1, 4), st.data())
def test_a_changed_seal_or_head_is_found_at_its_number(number: int, batch: int, data: st.DataObject) -> None:
    lines, at = built(number, batch), data.draw(st.integers(0, number - 1))
    if lines[at].head and data.draw(st.booleans()):
        part, names = "head", ["hash", "signature", "key", "at"]
    else:
        part, names = "seal", ["hash", "digest"]
    name = data.draw(st.sampled_from(names))
    other: Any = START + timedelta(days=1) if name == "at" else "0" * 63 + "1"
    report = verified([*lines[:at], changed(lines[at], part, **{name: other}), *lines[at + 1 :]])
    assert not report.good
    assert {one.number for one in report.findings} == {at + 1}


@given(st.integers(2, 12), st.integers(1, 4), st.data())
def test_a_removed_row_is_found(number: int, batch: int, data: st.DataObject) -> None:
    lines, at = built(number, batch), data.draw(st.integers(0, number - 1))
    gone = data.draw(st.sampled_from(["record", "seal", "head", "all"]))
    line, beside = lines[at], dict[str, Any]()
    if gone == "head" and line.head is None:
        gone = "record"
    if gone == "record":
        lines[at] = dataclasses.replace(line, record=None)
    elif gone == "head":
        lines[at] = dataclasses.replace(line, head=None)
    else:  # without its seal the record is one that was never sealed, and its head stands for nothing
        lines.pop(at)
        beside = {"loose": [line.record] if gone == "seal" else [], "heads": [line.head] if line.head else []}
    found = {(one.what, one.number) for one in verified(lines, **beside).findings}
    if gone == "head" and line.head:
        assert found == {(What.UNSIGNED, line.head.after + 1) if at + 1 == number else (What.HEAD_GONE, at + 1)}
    elif at + 1 < number or gone == "record":
        assert (What.REMOVED, at + 1) in found
    else:
        assert (What.HEAD, at + 1) in found


@given(st.integers(2, 12), st.integers(1, 4), st.data())
def test_an_inserted_record_is_found(number: int, batch: int, data: st.DataObject) -> None:
    lines, at = built(number, batch), data.draw(st.integers(0, number))
    forged = Record(5, START, "decision", "mallory", "tsk_9", {})
    assert [one.what for one in verified(lines, loose=[forged]).findings] == [What.INSERTED]
    (seal,) = chain([forged], at, lines[at - 1].seal.hash if at else GENESIS)
    if at == number:  # behind the end: nobody signed it
        assert [one.what for one in verified([*lines, Line(seal, forged)]).findings] == [What.UNSIGNED]
        return
    moved = [changed(line, "seal", number=line.seal.number + 1) for line in lines[at:]]
    moved = [changed(line, "head", number=line.head.number + 1) if line.head else line for line in moved]
    assert not verified([*lines[:at], Line(seal, forged), *moved]).good


@given(st.integers(3, 12), st.integers(1, 4), st.data())
def test_two_that_changed_places_are_told_as_moved(number: int, batch: int, data: st.DataObject) -> None:
    lines = built(number, batch)
    one, other = sorted(data.draw(st.lists(st.integers(0, number - 1), min_size=2, max_size=2, unique=True)))
    a, b = lines[one], lines[other]
    if data.draw(st.booleans()):  # the records, under their seals
        lines[one] = dataclasses.replace(a, record=b.record, kept=b.kept)
        lines[other] = dataclasses.replace(b, record=a.record, kept=a.kept)
        found = [(each.what, each.number, each.other) for each in verified(lines).findings]
        assert found == [(What.REORDERED, one + 1, other + 1), (What.REORDERED, other + 1, one + 1)]
        return
    lines[one] = Line(dataclasses.replace(b.seal, number=one + 1), b.record, a.head, b.kept)
    lines[other] = Line(dataclasses.replace(a.seal, number=other + 1), a.record, b.head, a.kept)
    report = verified(lines)
    assert not report.good
    assert {each.number for each in report.findings} <= {one + 1, other + 1, one + 2, other + 2}
    assert What.REORDERED in {each.what for each in report.findings}


@given(st.integers(2, 12), st.integers(1, 4), st.data())
def test_a_chain_computed_anew_is_not_what_was_signed(number: int, batch: int, data: st.DataObject) -> None:
    lines, at = built(number, batch), data.draw(st.integers(0, number - 1))
    lines[at] = changed(lines[at], "record", actor="mallory")
    seals = chain([line.record for line in lines if line.record], 0, GENESIS)
    report = verified([dataclasses.replace(line, seal=seal) for line, seal in zip(lines, seals, strict=True)])
    assert {one.what for one in report.findings} == {What.HEAD}
    first = min(one.number for one in report.findings)
    assert first == next(line.head.number for line in lines[at:] if line.head)  # the first signature behind it


@given(st.integers(4, 12), st.integers(1, 3), st.data())
def test_two_heads_that_changed_places_are_found_at_both(number: int, batch: int, data: st.DataObject) -> None:
    lines = built(number, batch)
    signed = [at for at, line in enumerate(lines) if line.head]
    one, other = sorted(data.draw(st.lists(st.sampled_from(signed), min_size=2, max_size=2, unique=True)))
    a, b = lines[one].head, lines[other].head
    assert a
    assert b
    if data.draw(st.booleans()):  # each says the other's number, so that it stands where it says
        a, b = dataclasses.replace(a, number=other + 1), dataclasses.replace(b, number=one + 1)
    lines[one], lines[other] = dataclasses.replace(lines[one], head=b), dataclasses.replace(lines[other], head=a)
    report = verified(lines)
    assert [each.what for each in report.findings].count(What.HEAD) >= 2
    assert not {one + 1, other + 1} - {each.number for each in report.findings}


@given(st.integers(3, 10), st.integers(1, 3), st.data())
def test_a_record_moved_elsewhere_is_found(number: int, batch: int, data: st.DataObject) -> None:
    """All records between shift by one, under seals that stay."""
    lines = built(number, batch)
    start, goal = data.draw(st.lists(st.integers(0, number - 1), min_size=2, max_size=2, unique=True))
    order = [line.record for line in lines]
    order.insert(goal, order.pop(start))
    moved = {at for at, record in enumerate(order) if record is not lines[at].record}
    told = [dataclasses.replace(line, record=record) for line, record in zip(lines, order, strict=True)]
    found = {one.number: one.what for one in verified(told).findings if one.what is not What.GONE}
    assert found == {at + 1: What.REORDERED for at in moved}


def test_a_head_of_another_key_does_not_count() -> None:
    lines = built(3)
    forged = Signer("m" * 32).sign(Head(3, lines[2].seal.hash, START))
    lines[2] = dataclasses.replace(lines[2], head=forged)
    assert [one.what for one in verified(lines).findings] == [What.HEAD]


def test_an_erased_value_leaves_a_chain_that_holds_if_a_record_tells_of_it() -> None:
    lines = built(4)
    gone = lines[1].kept[0].commitment
    lines[1] = dataclasses.replace(lines[1], kept=())
    report = verified(lines)
    assert [(one.what, one.number) for one in report.findings] == [(What.GONE, 2)]
    report = verified(lines, erased=[gone])
    assert report.good
    assert report.erased == 1


def test_a_changed_personal_value_is_found() -> None:
    lines = built(4)
    lines[2] = dataclasses.replace(lines[2], kept=(dataclasses.replace(lines[2].kept[0], value="+1"),))
    assert [(one.what, one.number) for one in verified(lines).findings] == [(What.VALUE, 3)]


def test_personal_values_are_kept_apart_wherever_they_stand() -> None:
    data = {"votes": [{"person": "eva", "comment": "to ł"}, {"comment": ""}], "address": "+49", "step": "x"}
    kept_data, kept = apart(data, "eva", "jan", salt)
    assert [(one.person, one.value) for one in kept] == [("eva", "to ł"), ("jan", "+49")]
    assert sorted(commitments(kept_data)) == sorted(one.commitment for one in kept)
    assert "+49" not in canonical(kept_data)
    assert filled(kept_data, {one.commitment: one.value for one in kept}) == data
    assert filled(kept_data, {}, "(erased)")["address"] == "(erased)"
    again, _ = apart(data, "eva", "jan", salt)
    assert again["address"] != kept_data["address"]  # the same value can't be recognised


def test_words_that_look_like_a_commitment_are_none() -> None:
    kept_data, kept = apart({"values": {"personal": "0" * 64}}, "eva", "x", salt)
    assert not kept
    assert list(commitments(kept_data)) == []


@pytest.mark.parametrize("one, other", [("0.1", "0.10000000000000000001"), ("1", "1.5"), ("1e2", "100.5")])
def test_no_digit_is_lost_in_rounding(one: str, other: str) -> None:
    assert canonical(read_data(one)) != canonical(read_data(other))
    assert link(1, GENESIS, "a") != link(1, GENESIS, "b")
