"""The state machine of a task: who has it, who is too late, what it takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.asking.messages import OptionCard, Standing
from domain.asking.task_choices import choices
from domain.asking.tasks import LiveTask, Reply, answer, decide
from domain.language.definition import ApproveStep, TaskStep

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PEOPLE = {"jonas": "Jonas Weber", "amira": "Amira Haddad", "piotr": "Piotr Nowak"}
REPAIR = {
    "task": "repair",
    "to": {"role": "technician"},
    "ask": {"estimate": {"kind": "duration"}, "cause": {"kind": "text"}},
    "buttons": ["arrived", "done"],
}
CHECK = {
    "task": "check",
    "to": {"role": "materials"},
    "ask": {"cover": {"kind": "choice", "choices": ["covered", "short"], "required": True}},
}
DECIDE = {"approve": "plan", "to": {"role": "planner"}, "options": [], "authority": "reschedule", "within": "1h"}


def live(step: dict[str, Any]) -> LiveTask:
    return LiveTask("tsk_1", "step", "0", TaskStep.model_validate(step), asked=dict(PEOPLE), ever_asked=dict(PEOPLE))


def approval() -> LiveTask:
    cards = [OptionCard(id="a", title="A"), OptionCard(id="b", title="B")]
    offered = {"a": {"id": "a", "orders": [1]}, "b": {"id": "b", "orders": []}}
    step = ApproveStep.model_validate(DECIDE)
    return LiveTask("tsk_2", "plan", "1", step, options=cards, offered=offered, ever_asked=dict(PEOPLE))


def play(task: LiveTask, *moves: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> list[Reply]:
    replies = []
    for number, (person, verb, *fields) in enumerate(moves):
        replies.append(answer(task, person, verb, fields[0] if fields else {}, AT + timedelta(minutes=number)))
    return replies


@pytest.mark.parametrize(
    "moves, codes, standing, person",
    [
        ([("jonas", "accept")], ["yours"], "yours", "jonas"),
        ([("jonas", "accept"), ("jonas", "accept")], ["yours", "yours"], "yours", "jonas"),
        ([("jonas", "accept"), ("amira", "accept")], ["yours", "taken"], "yours", "jonas"),
        ([("jonas", "accept"), ("amira", "done")], ["yours", "taken"], "yours", "jonas"),
        ([("jonas", "arrived")], ["recorded"], "yours", "jonas"),
        ([("jonas", "answer:estimate:2h"), ("amira", "accept")], ["recorded", "taken"], "yours", "jonas"),
        ([("jonas", "answer:estimate:soon")], ["ask_again"], "open", None),
        ([("jonas", "answer:estimate")], ["ask_again"], "open", None),
        ([("jonas", "answer:colour:red")], ["ask_again"], "open", None),
        ([("jonas", "answer")], ["ask_again"], "open", None),
        ([("jonas", "")], ["ask_again"], "open", None),
        ([("jonas", "approve:a")], ["ask_again"], "open", None),
        ([("jonas", "help")], ["ask_again"], "open", None),
        ([("jonas", "accept"), ("jonas", "decline")], ["yours", "declined"], "open", None),
        ([("jonas", "accept"), ("jonas", "decline"), ("amira", "accept")], ["yours", "declined", "yours"],
         "yours", "amira"),
        ([("jonas", "done")], ["done"], "done", "jonas"),
        ([("jonas", "done", {"cause": "belt"}), ("amira", "accept")], ["done", "done"], "done", "jonas"),
        ([("jonas", "done"), ("jonas", "decline")], ["done", "done"], "done", "jonas"),
    ],
)  # fmt: skip
def test_repair(moves: list[Any], codes: list[str], standing: str, person: str | None) -> None:
    task = live(REPAIR)
    assert [reply.code for reply in play(task, *moves)] == codes
    assert (task.standing, task.person) == (standing, person)


@pytest.mark.parametrize("verb", ["done", "arrived", "answer:cover:perhaps"])
def test_a_required_answer_can_not_be_passed_over(verb: str) -> None:
    task = live(CHECK)
    assert play(task, ("jonas", verb)) == [Reply(False, "ask_again")]
    assert (task.standing, task.values) == (Standing.OPEN, {})


@pytest.mark.parametrize(
    "verb, fields",
    [
        ("answer:cover:covered", {}),
        ("answer", {"cover": "covered"}),
        ("answer", {"estimate_by_its_kind": "covered"}),
    ],
)
def test_the_last_required_answer_finishes_a_task_without_a_done_button(verb: str, fields: dict[str, Any]) -> None:
    task = live(CHECK)
    (reply,) = play(task, ("jonas", verb, fields))
    assert (reply.code, task.standing, task.values["cover"]) == ("done", Standing.DONE, "covered")


def test_short_messages_find_the_ask_by_its_kind() -> None:
    task = live(REPAIR)
    play(task, ("jonas", "answer", {"estimate": "90m"}), ("jonas", "done", {"cause": " belt "}))
    assert (task.values["estimate"], task.values["cause"]) == ("90m", "belt")


def test_losers_read_who_was_first_and_when() -> None:
    task = live(REPAIR)
    _, lost = play(task, ("amira", "accept"), ("jonas", "accept"))
    assert lost == Reply(False, "taken", "Amira Haddad", AT)


def test_the_first_decision_stands() -> None:
    task = approval()
    assert decide(task, "jonas", "slack", "approve:c", "", AT) == Reply(False, "ask_again")
    assert decide(task, "jonas", "slack", "accept", "", AT) == Reply(False, "ask_again")
    assert decide(task, "amira", "console", "approve:b", "fine", AT) == Reply(True, "approved")
    assert decide(task, "jonas", "slack", "reject", "", AT) == Reply(False, "decided", "Amira Haddad", AT)
    assert task.values == {
        "verdict": "approved", "by": "amira", "at": "2026-11-22T08:00:00Z", "comment": "fine",
        "option": {"id": "b", "orders": []},
    }  # fmt: skip


def test_what_was_withdrawn_takes_no_answer() -> None:
    task = live(REPAIR)
    task.end(Standing.WITHDRAWN)
    task.end(Standing.EXPIRED)
    assert play(task, ("jonas", "accept")) == [Reply(False, "withdrawn")]


def test_buttons_are_those_that_do_something() -> None:
    """Whatever is shown to press is taken; nothing shown is answered with `ask_again`."""
    for step in (REPAIR, CHECK):
        for mine in (False, True):
            for choice in choices(live(step), mine=mine):
                given = {ask.name: "2h" if ask.kind == "duration" else "why" for ask in choice.asks if ask.required}
                assert play(live(step), ("jonas", choice.verb, given))[0].accepted, choice.verb
    for choice in choices(approval(), mine=False):
        assert decide(approval(), "jonas", "slack", choice.verb, "1h" if choice.asks else "", AT).accepted
