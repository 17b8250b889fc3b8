"""The authority matrix: who may decide what, to which amount, where, when, by which channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.authority.matrix import (
    NOTHING,
    Action,
    Asked,
    AuthorityMatrix,
    Delegation,
    Grant,
    Granted,
    Impact,
    Limits,
    Refused,
    decide_authority,
    impact_of,
    risk_of,
    same_human,
    signature_of,
)
from domain.rosters.people import ContactMethod, Person

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
LENA = Person(id="lena", name="Lena Fischer", roles=["planner"], authorities=["reschedule"])
GRACE = Person(id="grace", name="Grace Okafor", roles=["quality_manager"], areas=["machining"])
TOMAS = Person(id="tomas", name="Tomas Ruiz", roles=["materials"])
PEOPLE = {person.id: person for person in (LENA, GRACE, TOMAS)}
MATRIX = AuthorityMatrix.model_validate(
    {
        "currency": "EUR",
        "actions": {
            "reschedule": {"risk": "normal"},
            "disposition": {"risk": "high", "not_requester": True},
            "expedite": {"risk": "low", "signature": "console_signature"},
            "credit": {"risk": "low", "high_above": {"money": 500}},
        },
        "grants": [
            {"id": "plan", "action": "reschedule", "to": {"role": "planner"}, "limits": {"money": 5000}},
            {"id": "quality", "action": "disposition", "to": {"person": "grace"}, "areas": ["machining"]},
            {"id": "night", "action": "expedite", "to": {"role": "materials"}, "shifts": ["night"]},
            {"id": "credit", "action": "credit", "to": {"role": "materials"}},
            {"id": "lots", "action": "release", "to": {"role": "materials"}, "limits": {"lots": ["L-BAR-*"]}},
            {
                "id": "while_away", "action": "promise", "to": {"person": "tomas"},
                "valid_from": "2026-11-23T00:00:00Z", "valid_until": "2026-11-23T12:00:00Z",
            },
        ],
    }
)  # fmt: skip


def asked(action: str, impact: Impact = NOTHING, **more: Any) -> Asked:
    fields: dict[str, Any] = {"action": action, "at": AT, "impact": impact, "channel": "slack"}
    return Asked(**(fields | more))


@pytest.mark.parametrize(
    "person, question, said",
    [
        (LENA, asked("reschedule", Impact(money=5000)), "plan"),
        (LENA, asked("reschedule", Impact(money=5000.01)), "over_limit"),
        (LENA, asked("reschedule", Impact(money=-5001)), "over_limit"),
        (LENA, asked("reschedule", Impact()), "over_limit"),
        (LENA, asked("reschedule", Impact(money=float("nan"))), "over_limit"),
        (TOMAS, asked("reschedule"), "not_allowed"),
        (None, asked("reschedule"), "not_allowed"),
        (LENA.model_copy(update={"active": False}), asked("reschedule"), "not_allowed"),
        (GRACE, asked("disposition", area="machining"), "sign_in"),
        (GRACE, asked("disposition", area="machining", channel="console"), "sign_in"),
        (GRACE, asked("disposition", area="machining", channel="slack", signed=True), "sign_in"),
        (GRACE, asked("disposition", area="machining", channel="console", signed=True), "quality"),
        (GRACE, asked("disposition", area="finishing", channel="console", signed=True), "not_allowed"),
        (GRACE, asked("disposition", channel="console", signed=True), "not_allowed"),
        (TOMAS, asked("expedite", shifts=frozenset({"day"})), "off_shift"),
        (TOMAS, asked("expedite", shifts=frozenset({"night"})), "sign_in"),
        (TOMAS, asked("credit", Impact(money=500)), "credit"),
        (TOMAS, asked("credit", Impact(money=501)), "sign_in"),
        (TOMAS, asked("release", Impact(lots=("L-BAR-502",)), channel="console", signed=True), "lots"),
        (TOMAS, asked("release", Impact(lots=("L-BAR-502", "X-1")), channel="console", signed=True), "over_limit"),
        (TOMAS, asked("release", Impact(), channel="console", signed=True), "over_limit"),
        (TOMAS, asked("promise", channel="console", signed=True), "while_away"),
        (TOMAS, asked("promise", at=AT + timedelta(hours=2), channel="console", signed=True), "not_allowed"),
    ],
)
def test_who_may(person: Person | None, question: Asked, said: str) -> None:
    found = decide_authority(MATRIX, person, question)
    assert (found.grant if isinstance(found, Granted) else found.code) == said


def test_an_action_that_is_not_listed_is_high() -> None:
    assert risk_of(MATRIX, "release", "low", [NOTHING]) == "high"
    assert signature_of(MATRIX, "release", "high").value == "console_signature"
    assert decide_authority(MATRIX, TOMAS, asked("release", Impact(lots=("L-BAR-1",)))) == Refused("sign_in")


@given(st.text(max_size=30).filter(lambda name: name not in MATRIX.actions and bool(name)))
def test_any_unlisted_action_is_high(action: str) -> None:
    assert risk_of(MATRIX, action, "low", [NOTHING]) == "high"


def test_the_step_may_raise_the_risk_and_never_lower_it() -> None:
    assert risk_of(MATRIX, "reschedule", "high", [NOTHING]) == "high"
    assert risk_of(MATRIX, "disposition", "low", [NOTHING]) == "high"
    assert risk_of(MATRIX, "reschedule", "nonsense", [NOTHING]) == "high"


def test_without_a_matrix_the_roster_counts_without_limits() -> None:
    assert decide_authority(None, LENA, asked("reschedule", Impact())) == Granted("roster:reschedule")
    assert decide_authority(None, TOMAS, asked("reschedule")) == Refused("not_allowed")
    assert decide_authority(None, LENA, asked("reschedule", risk="high")) == Refused("sign_in")


def lent(**more: Any) -> Delegation:
    fields = {"id": "d1", "from_person": "lena", "to_person": "tomas", "actions": ("reschedule",)}
    return Delegation(**(fields | {"start": AT, "end": AT + timedelta(hours=1)} | more))


@pytest.mark.parametrize(
    "delegation, question, may",
    [
        (lent(), asked("reschedule"), True),
        (lent(), asked("reschedule", Impact(money=9000)), False),
        (lent(), asked("reschedule", at=AT + timedelta(hours=1)), False),
        (lent(), asked("reschedule", at=AT - timedelta(seconds=1)), False),
        (lent(actions=("promise",)), asked("reschedule"), False),
        (lent(from_person="grace"), asked("reschedule"), False),
        (lent(from_person="nobody"), asked("reschedule"), False),
        (lent(from_person="tomas"), asked("reschedule"), False),
    ],
)
def test_c13_a_delegation_is_explicit_and_for_a_time(delegation: Delegation, question: Asked, may: bool) -> None:
    found = decide_authority(MATRIX, TOMAS, question, [delegation], PEOPLE)
    assert isinstance(found, Granted) == may
    if isinstance(found, Granted):
        assert (found.grant, found.delegation, found.lent_by) == ("plan", "d1", "lena")


def test_c13_what_was_lent_is_not_lent_on() -> None:
    on = lent(id="d2", from_person="tomas", to_person="grace")
    assert decide_authority(MATRIX, GRACE, asked("reschedule"), [lent(), on], PEOPLE) == Refused("not_allowed")


def test_c13_who_lends_must_hold_it_at_the_decision() -> None:
    demoted = PEOPLE | {"lena": LENA.model_copy(update={"roles": []})}
    assert decide_authority(MATRIX, TOMAS, asked("reschedule"), [lent()], demoted) == Refused("not_allowed")


FIGURES = st.one_of(st.none(), st.floats(-1e6, 1e6))
IMPACTS = st.builds(
    Impact,
    money=FIGURES,
    quantity=FIGURES,
    lots=st.one_of(st.none(), st.lists(st.sampled_from(["A", "B", "C"]), max_size=2).map(tuple)),
)
LIMITS = st.builds(
    Limits,
    money=st.one_of(st.none(), st.floats(0, 1e6)),
    quantity=st.one_of(st.none(), st.floats(0, 1e6)),
    lots=st.one_of(st.none(), st.lists(st.sampled_from(["A", "B", "C"]), max_size=2).map(tuple)),
)
PLACES = st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple)


def wider(grant: Grant, data: st.DataObject) -> Grant:
    """The same grant with one of its restrictions loosened."""
    limits = grant.limits
    loosened: list[dict[str, Any]] = [
        {"limits": limits.model_copy(update={"money": None})},
        {"limits": limits.model_copy(update={"money": None if limits.money is None else limits.money * 2})},
        {"limits": limits.model_copy(update={"quantity": None})},
        {"limits": limits.model_copy(update={"lots": None if limits.lots is None else (*limits.lots, "D*")})},
        {"areas": ()},
        {"areas": (*grant.areas, "z") if grant.areas else ()},
        {"shifts": ()},
        {"valid_until": None},
        {"valid_from": None},
    ]
    return grant.model_copy(update=data.draw(st.sampled_from(loosened)))


@given(
    limits=LIMITS, impact=IMPACTS, areas=PLACES, shifts=PLACES, area=st.sampled_from(["", "x", "z"]),
    on=st.frozensets(st.sampled_from(["x", "y"])), hours=st.integers(-2, 2), data=st.data(),
)  # fmt: skip
def test_widening_a_grant_never_refuses_what_was_allowed(
    limits: Limits, impact: Impact, areas: tuple[str, ...], shifts: tuple[str, ...], area: str,
    on: frozenset[str], hours: int, data: st.DataObject,
) -> None:  # fmt: skip
    grant = Grant(
        id="g", action="a", to={"person": "lena"}, limits=limits, areas=areas, shifts=shifts,
        valid_from=AT - timedelta(hours=1), valid_until=AT + timedelta(hours=1),
    )  # fmt: skip
    rule = {"a": Action(risk="low")}
    question = asked("a", impact, area=area, shifts=on, at=AT + timedelta(hours=hours))
    before = decide_authority(AuthorityMatrix(actions=rule, grants=(grant,)), LENA, question)
    after = decide_authority(AuthorityMatrix(actions=rule, grants=(wider(grant, data),)), LENA, question)
    assert isinstance(after, Granted) or isinstance(before, Refused)


def test_the_same_human_under_two_names() -> None:
    slack = ContactMethod(channel="slack", address="U1")
    one = Person(id="a", name="Ada Stone", roles=[], contacts=[slack])
    assert same_human(one, Person(id="b", name="ada stone ", roles=[]))
    assert same_human(one, Person(id="b", name="Somebody", roles=[], contacts=[slack]))
    assert not same_human(one, Person(id="b", name="Somebody", roles=[]))


def test_figures_that_are_no_numbers_are_not_known() -> None:
    assert impact_of({"money": "12.5", "lot": "L1", "quantity": True}) == Impact(money=12.5, lots=("L1",))
    assert impact_of({"money": "a lot", "quantity": float("inf"), "customers": ["x"]}) == Impact(customers=("x",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"grants": [{"id": "g", "action": "a", "to": {}}]},
        {"grants": [{"id": "g", "action": "a", "to": {"role": "x"}}] * 2},
        {"grants": [{"id": "g", "action": "a", "to": {"role": "x"}, "limits": {"money": float("nan")}}]},
        {"actions": {"a": {"risk": "lowish"}}},
        {"actions": {"a": {"meanings": []}}},
        {"grant": []},
    ],
)
def test_what_is_wrong_in_the_document_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuthorityMatrix.model_validate(wrong)
