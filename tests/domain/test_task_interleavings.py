"""Whatever several people do to a task, on whatever channels, in whatever order: one holder, one decision, no page to
anybody after somebody has it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.asking import tasks
from domain.asking.messages import OptionCard, Standing
from domain.asking.task_choices import choices
from domain.asking.tasks import LiveTask, Reply, answer, decide, silent
from domain.language.definition import ApproveStep, TaskStep

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PEOPLE = {"jonas": "Jonas Weber", "amira": "Amira Haddad", "piotr": "Piotr Nowak"}
STEPS: list[dict[str, Any]] = [
    {
        "task": "repair",
        "to": {"role": "technician"},
        "ask": {"estimate": {"kind": "duration"}, "cause": {"kind": "text"}},
        "buttons": ["arrived", "done"],
    },
    {
        "task": "check",
        "to": {"role": "materials"},
        "ask": {"cover": {"kind": "choice", "choices": ["covered", "short"], "required": True}},
    },
]
APPROVE = {
    "approve": "plan",
    "to": {"role": "planner"},
    "options": [],
    "authority": "reschedule",
    "within": "1h",
}
OWN_VALUES = {"accepted_at", "by", "arrived_at", "done_at", "done_by"}
WHO = st.sampled_from(sorted(PEOPLE))
VERBS = st.one_of(
    st.sampled_from(
        ["accept", "decline", "arrived", "done", "answer", "answer:estimate:2h", "answer:estimate:x", "hand_over",
         "answer:cover:short", "approve:a", "reject", "", "choose", "answer:", "answer::", "ask", "inform", "snooze"]
    ),
    st.text(max_size=12),
)  # fmt: skip
FIELDS = st.dictionaries(
    st.sampled_from(["estimate", "cause", "cover", "reason", "number", "to", "text", "for", "x"]),
    st.one_of(
        st.none(),
        st.integers(),
        st.sampled_from(["2h", "belt", "covered", "", " ", "jonas", "amira", "zoe", "-1h", "9d"]),
        st.lists(st.integers()),
    ),
    max_size=3,
)


class Phones(RuleBasedStateMachine):
    """One task and the people who press; `told`: whom the product writes to when it carries a change out."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.task = START, LiveTask("tsk", "x", "0", TaskStep.model_validate(STEPS[0]))
        self.ended: Standing | None = None

    @initialize(step=st.sampled_from(STEPS))
    def asked(self, step: dict[str, Any]) -> None:
        self.task = LiveTask(
            "tsk_1", "step", "0", TaskStep.model_validate(step), asked=dict(PEOPLE), ever_asked=dict(PEOPLE)
        )

    @rule(person=WHO, verb=VERBS, fields=FIELDS)
    def press(self, person: str, verb: str, fields: dict[str, Any]) -> None:
        task, self.now = self.task, self.now + timedelta(minutes=1)
        before = (task.standing, task.person, dict(task.values), task.change, dict(task.calls), task.handing)
        reply = answer(task, person, verb, fields, self.now)
        after = (task.standing, task.person, dict(task.values), task.change, dict(task.calls), task.handing)
        if not reply.accepted or verb in tasks.TALK or verb == "snooze":
            assert after == before
        self._checks_winner(person, verb, reply, before[1], before[5])
        if before[0] in tasks.FINISHED:
            assert not reply.accepted

    def _checks_winner(self, person: str, verb: str, reply: Reply, held_by: str | None, handing: str) -> None:
        task = self.task
        if reply.code == "taken":  # a loser reads who was first
            assert (reply.accepted, reply.by) == (False, task.ever_asked[held_by or ""])
        if held_by and task.person != held_by:
            if task.person is None:
                assert (person, verb) in ((held_by, "decline"), (held_by, "hand_over"))
            else:
                assert person == task.person == handing, "only the one whom the holder named takes it over"

    @rule()
    def nobody_heard_of_the_holder(self) -> None:
        if self.task.person and not self.task.finished:
            silent(self.task)

    @rule()
    def carried_out(self) -> None:
        """The product writes to those who are to be written to."""
        for person, why in self.task.calls.items():
            assert why in ("again", "hand_over", "refused", "released")
            if self.task.person:  # never a page to anybody else after somebody has accepted
                assert person in (self.task.person, self.task.handing)
        self.task.calls.clear()

    @rule(standing=st.sampled_from([Standing.WITHDRAWN, Standing.EXPIRED]))
    def it_ends(self, standing: Standing) -> None:
        self.task.end(standing)

    @invariant()
    def one_holder(self) -> None:
        task = self.task
        if not task.finished:
            assert (task.person is None) == (task.standing is Standing.OPEN)
        assert not task.handing or task.person, "nobody is named while nobody has it"
        assert task.handing != task.person or not task.handing

    @invariant()
    def finished_stays_finished(self) -> None:
        self.ended = self.ended or (self.task.standing if self.task.finished else None)
        if self.ended:
            assert self.task.standing is self.ended
            left = (self.task.calls, self.task.snoozed, self.task.handing)
            assert not any(left), "nobody is asked for what is over"

    @invariant()
    def only_what_was_asked_is_kept(self) -> None:
        task = self.task
        assert task.values.keys() <= OWN_VALUES | set(tasks.asks(task))
        if task.standing is Standing.DONE:
            assert not tasks.missing(task)
            assert task.values["done_by"] == task.person

    @invariant()
    def what_is_offered_is_taken(self) -> None:
        """The same choices on every channel, accept and decline first."""
        for mine in (False, True):
            offered = choices(self.task, mine=mine)
            assert offered[0].more is False
            assert len({choice.verb for choice in offered}) == len(offered)


TestPhones = Phones.TestCase
TestPhones.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)


@given(st.lists(st.tuples(WHO, st.one_of(VERBS, st.just("approve:b"))), max_size=10))
def test_no_interleaving_gives_two_decisions(moves: list[tuple[str, str]]) -> None:
    cards = [OptionCard(id="a", title="A"), OptionCard(id="b", title="B")]
    offered: dict[str, Any] = {"a": {"id": "a"}, "b": {"id": "b"}}
    step = ApproveStep.model_validate(APPROVE)
    task = LiveTask("tsk_2", "plan", "1", step, options=cards, offered=offered, ever_asked=dict(PEOPLE))
    decided = []
    for person, verb in moves:
        reply = decide(task, person, "console", verb, "1h", START)
        if reply.code in ("approved", "rejected"):
            decided.append(person)
    assert len(decided) <= 1
    assert task.person == (decided[0] if decided else None)
    assert task.finished == bool(decided)
