"""The life of a transaction, and the gates before it is sent."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.books.booking import FieldChange, Preview, drift, token_of
from domain.books.ledger import BOOKED, ENDED, IN_LINE, MOVES, Control, Event, State, Window, gate, step
from domain.books.trouble import next_try
from domain.errors import ConflictError

BRNO = ZoneInfo("Europe/Prague")
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_straight_way() -> None:
    state = State.DRAFTED
    way = (Event.PREVIEW, Event.AUTHORISE, Event.RECHECK, Event.SEND, Event.LOSE, Event.POST, Event.READ_BACK)
    for event in way:
        state = step(state, event)
    assert state is State.RECONCILED


@given(st.lists(st.sampled_from(list(Event)), max_size=30))
def test_what_is_booked_was_authorised_and_stays_booked(events: list[Event]) -> None:
    state, passed = State.DRAFTED, set[Event]()
    for event in events:
        before = state
        try:
            state = step(state, event)
        except ConflictError:
            continue
        passed.add(event)
        assert not (before in BOOKED and state not in BOOKED)
        if state in BOOKED:
            assert {Event.AUTHORISE, Event.RECHECK, Event.SEND} <= passed
        if event is Event.RETRY:
            passed.clear()  # whoever retries begins anew


def test_every_state_is_reached_and_none_is_a_trap() -> None:
    assert set(MOVES.values()) | {State.DRAFTED} == set(State)
    stuck = {state for state in State if not any(at is state for at, _ in MOVES)}
    assert stuck == {State.REJECTED, State.REVERSED, State.DRY_RUN}
    assert not ENDED & IN_LINE


def test_what_is_unknown_is_neither_mended_nor_dropped() -> None:
    for event in (Event.RETRY, Event.DROP, Event.WRITE_OFF, Event.DRIFT, Event.REVERSE):
        with pytest.raises(ConflictError):
            step("unknown", event)


@pytest.mark.parametrize(
    "window, moment, opens",
    [
        ({"days": ["sun"], "start": "12:00", "end": "14:00"}, "2026-11-22T12:30:00+01:00", "2026-11-22T14:00:00+01:00"),
        ({"days": ["sun"], "start": "12:00", "end": "14:00"}, "2026-11-22T14:00:00+01:00", None),
        ({"days": ["sat"], "start": "22:00", "end": "02:00"}, "2026-11-22T01:59:00+01:00", "2026-11-22T02:00:00+01:00"),
        ({"days": ["sat"], "start": "22:00", "end": "02:00"}, "2026-11-22T02:00:00+01:00", None),
        # clocks go back at 03:00 summer time: the window ends by the plant's clock
        ({"days": ["sat"], "start": "22:00", "end": "04:00"}, "2026-10-25T00:30:00+00:00", "2026-10-25T04:00:00+01:00"),
        (
            {"since": "2026-11-22T10:00:00Z", "until": "2026-11-22T11:00:00Z"},
            "2026-11-22T10:00:00Z",
            "2026-11-22T11:00:00Z",
        ),
    ],
)
def test_a_maintenance_window(window: dict[str, object], moment: str, opens: str | None) -> None:
    found = Window.model_validate(window).closed_until(datetime.fromisoformat(moment), BRNO)
    assert found == (datetime.fromisoformat(opens) if opens else None)


@pytest.mark.parametrize("window", [{}, {"days": ["sun"]}, {"days": ["day"], "start": "12:00", "end": "13:00"}])
def test_a_window_that_means_nothing_is_refused(window: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(window)


@pytest.mark.parametrize(
    "control, why",
    [
        ({}, None),
        ({"stopped": True, "per_hour": 1}, "stopped"),
        ({"per_hour": 3}, "per_hour"),
        ({"per_hour": 4}, None),
        ({"per_minute": 2}, "per_minute"),
        ({"windows": [{"days": ["sun"], "start": "00:00", "end": "23:59"}]}, "window"),
    ],
)
def test_the_gate(control: dict[str, object], why: str | None) -> None:
    held = gate([Control.model_validate({"scope": "system:erp", **control})], SUNDAY, BRNO, {"system:erp": (3, 2)})
    assert (held.why if held else None) == why
    assert held is None or held.until > SUNDAY


def preview(**before: object) -> Preview:
    return Preview(changes=[FieldChange(record="order JO-1", field=f, before=v, after=9) for f, v in before.items()])


def test_drift_is_what_stood_before_and_stands_no_more() -> None:
    (change,) = drift(preview(start=1, priority=50), preview(start=2, priority=50))
    assert (change.field, change.before, change.after) == ("start", 1, 2)
    assert drift(preview(start=1), preview(start=1)) == []


def test_a_record_that_the_posting_makes_does_not_drift() -> None:
    made = Preview(changes=[FieldChange(record="order 7", field="state", after="draft", created=True)])
    other = Preview(changes=[FieldChange(record="order 8", field="state", after="draft", created=True)])
    assert drift(made, other) == []


def test_a_short_token_is_stable_and_upper_case() -> None:
    token = token_of("exc_1:2:1", 16)
    assert token == token_of("exc_1:2:1", 16) != token_of("exc_1:2:2", 16)
    assert (len(token), token.isupper()) == (16, True)


def test_a_silent_system_is_tried_less_and_less_but_by_the_first_in_line() -> None:
    begun = datetime(2026, 11, 23, 6, tzinfo=UTC)

    def pause(silent: timedelta, *, first: bool) -> timedelta:
        return next_try(begun, begun + silent, first=first) - begun - silent

    assert pause(timedelta(), first=True) == timedelta(seconds=30)
    assert pause(timedelta(minutes=8), first=True) == pause(timedelta(minutes=8), first=False) == timedelta(minutes=2)
    assert pause(timedelta(hours=9), first=True) == timedelta(minutes=5)
    assert pause(timedelta(hours=9), first=False) == timedelta(hours=1)
