"""Small definitions made up by hypothesis: every kind of step, nested, with people who answer by chance."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from activities.contracts.model import Command, ExceptionInput, OpeningSignal
from authoring.simulator.agents import SimulatedAgent
from authoring.simulator.cast import Deed, Happenings, Page
from authoring.simulator.plant import Outage, Plant, SimulatedSystem
from domain.calendar import SiteCalendar
from domain.language import definition_text
from domain.language.definition import Definition, walk
from domain.language.steps import STEP_KINDS
from domain.rosters.people import ContactMethod, Person, Roster, Shift
from workflows.engine.generations import OPENS_WITH

Doc = dict[str, Any]
START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=UTC)
ROLES = ("fitter", "lead", "nobody_has_this_role")
CONDITIONS = ("true", "false", "params.level > 1", "signal.state == 'aborted'", "machine.state == 'running'")
SPANS = ("1m", "5m", "20m", "1h", "=params.span")
PART = """
definition: part
title: A part
owner: lead
parameters: {word: hello}
steps:
  - notify: part_told
    to: {role: lead}
gives: {said: =params.word}
"""


@dataclass
class _Making:
    """Draws one definition; names are never used twice."""

    draw: Callable[[Any], Any]
    count: int = 0
    decisions: list[str] = field(default_factory=list)

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def pick(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def steps(self, depth: int, most: int = 3) -> list[Doc]:
        return [self.step(depth) for _ in range(self.draw(st.integers(1, most)))]

    def step(self, depth: int) -> Doc:
        nesting = ("parallel", "if", "switch", "for_each", "repeat")
        kinds = STEP_KINDS if depth > 0 else tuple(kind for kind in STEP_KINDS if kind not in nesting)
        kind = self.pick(*kinds)
        step: Doc = getattr(self, f"_{kind}")(depth)
        if self.pick(True, False, False):
            step["only_if"] = self.pick(*CONDITIONS)
        if self.pick(True, False, False, False):
            step["on_failure"] = self.pick("continue", "wait", "undo", "end")
        if self.pick(True, False, False, False, False):
            step["undo"] = [{"notify": self.name("undone"), "to": {"role": "lead"}}]
        if self.pick(True, False, False, False, False):
            step["refresh"] = ["stock"]
        return step

    def _to(self) -> Doc:
        return {"role": self.pick(*ROLES), "shift": self.pick("current", "any")}

    def _ladder(self) -> list[Doc]:
        return [{"to": self._to(), "after": self.pick(*SPANS)} for _ in range(self.pick(0, 1, 2))]

    def _task(self, depth: int) -> Doc:
        task: Doc = {"task": self.name("task"), "to": self._to(), "ladder": self._ladder()}
        task["offer"] = self.pick("first_to_accept", "assigned", "everyone")
        task["ask"] = self.pick({}, {"estimate": {"kind": "duration"}}, {"cover": {"kind": "choice", "choices": ["a"]}})
        task["buttons"] = self.pick([], ["arrived", "done"])
        if self.pick(True, False):
            task |= {"within": self.pick(*SPANS), "otherwise": {"estimate": "4h"}}
        if self.pick(True, False):
            task["accept_within"] = self.pick(*SPANS)
        return task

    def _notify(self, depth: int) -> Doc:
        return {"notify": self.name("told"), "to": self._to(), "text": "{{ signal.state }}"}

    def _approve(self, depth: int) -> Doc:
        name = self.name("approved")
        self.decisions.append(name)
        options = [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]
        asked = {"approve": name, "to": self._to(), "options": options, "authority": "decide", "ladder": self._ladder()}
        timing = {"within": self.pick(*SPANS), "on_timeout": self.pick("escalate", "expire")}
        return {**asked, **timing, "quorum": self.pick(1, 1, 2)}

    def _wait(self, depth: int) -> Doc:
        wait: Doc = {"wait": self.name("waited"), "within": self.pick(*SPANS)}
        what = self.pick("until", "signal", "at")
        if what == "until":
            wait["until"] = self.pick(*CONDITIONS)
        elif what == "signal":
            wait["signal"] = {"type": ["machine.state"], "when": "signal.state == 'running'"}
        else:
            wait["at"] = self.pick("09:30", "shift.end", "business.start")
        return wait

    def _propose(self, depth: int) -> Doc:
        where = {"equipment": "lathe", "down_from": "=opened_at", "down_for": "2h"}
        return {"propose": self.name("proposed"), "using": "push_right", "where": where}

    def _agent(self, depth: int) -> Doc:
        asked = {"agent": self.name("likely"), "use": self.pick("known", "nobody"), "goal": "Which way?"}
        wanted = {"kind": "text"} | self.pick({}, {"choices": ["a", "b"]}, {"among": "=['a', 'c']"})
        given = {"given": {"state": "=signal.state"}, "returns": {"way": wanted}, "within": "1m"}
        instead = [{"notify": self.name("without"), "to": self._to()}]
        return {**asked, **given, **self.pick({"otherwise": {"way": "a"}}, {"instead": instead})}

    def _post(self, depth: int) -> Doc:
        post: Doc = {"post": self.name("posted"), "to": "erp"}
        post["outcomes"] = [{"hold_lot": {"lot": "L-1", "reason": "because"}}]
        decided = self.pick(*self.decisions) if self.decisions and self.pick(True, False) else None
        return post | ({"decision": decided} if decided else {"standing": True})

    def _decide(self, depth: int) -> Doc:
        rules = [{"when": self.pick(*CONDITIONS), "then": {"way": f"w{index}"}} for index in range(self.pick(1, 2))]
        hit = self.pick("first", "collect")
        return {"decide": self.name("table"), "hit": hit, "rules": rules, "otherwise": {"way": "none"}}

    def _call(self, depth: int) -> Doc:
        return {"call": self.name("called"), "definition": "part", "with": {"word": "moin"}}

    def _parallel(self, depth: int) -> Doc:
        return {"parallel": {f"branch_{index}": self.steps(depth - 1, 2) for index in range(self.pick(1, 2, 3))}}

    def _if(self, depth: int) -> Doc:
        return {"if": self.pick(*CONDITIONS), "then": self.steps(depth - 1, 2), "else": self.steps(depth - 1, 2)}

    def _switch(self, depth: int) -> Doc:
        return {"switch": "params.level", "cases": {"2": self.steps(depth - 1, 2)}, "else": self.steps(depth - 1, 1)}

    def _for_each(self, depth: int) -> Doc:
        each = self.name("item")
        before = list(self.decisions)
        made = {"for_each": self.name("each"), "each": each, "in": ["a", "b", "c"], "do": self.steps(depth - 1, 2)}
        self.decisions = before  # what is decided inside a loop is not read outside
        return {**made, "together": self.pick(1, 2)}

    def _repeat(self, depth: int) -> Doc:
        every = {"every": self.pick("0s", "10m")}
        return {"repeat": self.name("again"), "do": self.steps(depth - 1, 2), "until": self.pick(*CONDITIONS),
                "at_most": self.pick(1, 3), **every}  # fmt: skip


@st.composite
def documents(draw: Callable[[Any], Any]) -> Doc:
    """A definition as plain data; valid."""
    making = _Making(draw)
    closes: Doc = {"within": making.pick("2h", "12h")}
    if making.pick(True, False):
        closes |= {"when": "machine.state == 'running'", "off_delay": making.pick("2m41s", "3m17s")}
    return {
        "definition": "made_up",
        "title": "{{ equipment.id }}",
        "owner": "lead",
        "parameters": {"level": making.pick(1, 2, 3), "span": "7m"},
        "opens": {"on": ["machine.state"], "one_per": ["signal.equipment"]},
        "standing_authority": {"outcomes": ["hold_lot"], "reason": "it can be released"},
        "context": {"stock": {"from": "erp.material", "where": {"material": "M", "quantity": 1}, "otherwise": None}},
        "steps": making.steps(2),
        "closes": closes,
    }


class ByChance:
    """People who answer, or don't, as a seed will have it; never in the same second as anything else."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def asked(self, page: Page) -> Sequence[Deed]:
        chance = random.Random(f"{self._seed}/{page.person}/{page.task_id}")
        deeds = []
        for _ in range(chance.randint(0, 4)):
            verbs = ("accept", "decline", "done", "answer:estimate:2h", "answer:cover:a", "arrived")
            verb = chance.choice(("approve:a", "approve:b", "reject") if page.kind == "approve" else verbs)
            after = timedelta(seconds=chance.randint(1, 1800), milliseconds=chance.randint(1, 999))
            deeds.append(Deed(verb, after, anyway=chance.random() < 0.5))
        return deeds


def _person(name: str, role: str, shift: str) -> Person:
    contact = ContactMethod(channel="slack", address=f"U-{name}")
    return Person(id=name, name=name.title(), roles=[role], shifts=[shift], authorities=["decide"], contacts=[contact])


SHIFTS = [Shift(name="early", start="06:00", end="09:00"), Shift(name="late", start="09:00", end="06:00")]
ROSTER = Roster(
    shifts=SHIFTS,
    people=[
        _person("anna", "fitter", "early"),
        _person("bert", "fitter", "early"),
        _person("cleo", "fitter", "late"),
        _person("dora", "lead", "early"),
        _person("emil", "lead", "late"),
    ],
)
PROPOSAL = {"options": [], "orders": [], "late_orders": [], "staging": [], "version": "1", "down_for": "2h"}


def plant(seed: int) -> Plant:
    """The ERP may be down for a while, or refuse; the planner may have no answer."""
    chance = random.Random(seed)
    begin = START + timedelta(seconds=chance.randint(0, 3600), milliseconds=501)
    down = [Outage(begin, begin + timedelta(minutes=chance.randint(1, 90)))] if chance.random() < 0.3 else []
    refuses = {"*": "the period is closed"} if chance.random() < 0.2 else {}
    erp = SimulatedSystem("erp", {"erp.material": {"covered": True, "components": []}}, down, refuses=refuses)
    proposals = {"push_right": PROPOSAL} if chance.random() < 0.7 else {}
    steps = {f"likely_{number}": {"way": chance.choice("abcd")} for number in range(60)}
    known = SimulatedAgent(steps, down, timedelta(seconds=chance.choice((0, 5, 90))))
    return Plant(ROSTER, "Europe/Prague", {"erp": erp}, proposals, agents={"known": known})


def happenings(seed: int, definition: Definition) -> Happenings:
    """The machine may run again and stop again; somebody may pause, resume, cancel, take over, skip a step or retry
    one."""
    chance = random.Random(seed)
    paths = [path for path, _ in walk(definition.steps)]

    def moment(index: int) -> datetime:
        return START + timedelta(seconds=chance.randint(1, 7200), milliseconds=17 + index)

    states = [(moment(index), chance.choice(("running", "aborted"))) for index in range(chance.randint(0, 3))]
    signals = [_signal(number, at, state) for number, (at, state) in enumerate(sorted(states), 2)]
    kinds = ("pause", "resume", "cancel", "take_over", "close", "skip", "skip", "retry", "retry")
    commands = [
        Command(
            id=f"c{index}", seq=9000 + index, kind=chance.choice(kinds), person="dora", person_name="Dora",
            reason="because", received_at=moment(500 + index), step=chance.choice(paths),
        )
        for index in range(chance.choice((0, 0, 1, 3)))
    ]  # fmt: skip
    return Happenings(signals=signals, commands=commands)


def _signal(number: int, at: datetime, state: str) -> OpeningSignal:
    return OpeningSignal(
        seq=number, type="machine.state", subject="lathe", equipment="lathe", occurred_at=at, received_at=at,
        facts={"equipment": "lathe", "subject": "lathe", "state": state},
    )  # fmt: skip


def opened(definition: Definition) -> ExceptionInput:
    """An exception of this definition, with the part that it may call."""
    part = definition_text.load(PART)
    return ExceptionInput(
        exception_id="exc_made_up", site="made", version="v", key="lathe", priority="medium", opened_at=START,
        definition=definition.model_copy(update={"bundled": {"part": part}}), parameters={},
        signals=[_signal(1, START, "aborted")], equipment={"id": "lathe", "area": ""},
        site_facts={"id": "made", "title": "Made", "timezone": "Europe/Prague"},
        calendar=SiteCalendar(timezone="Europe/Prague", shifts=SHIFTS, business_hours=SHIFTS[:1]),
        generation=OPENS_WITH,
    )  # fmt: skip
