"""Where agents' proposals go in a definition, and where they would go too far. Pure.

A proposal taints what is worked out of it, and what happens only because of it: the value of an expression that reads
it, the result of a step within a condition on it. A person takes the taint off: what somebody answers or decides is
theirs. A posting that is tainted needs a decision of somebody who was shown every proposal that it rests on, made after
that proposal; standing authority never does. Where a proposal decides whether anybody is asked at all, that is told:
leaving out decides too. The figures by which somebody's authority is measured, and the condition
that ends an exception, are no agent's at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.language.agents import AgentStep
from domain.language.definition import Definition, walk
from domain.language.steps import (
    ApproveStep,
    CallStep,
    DecideStep,
    ForEachStep,
    IfStep,
    PostStep,
    ProposeStep,
    RepeatStep,
    SwitchStep,
    TaskStep,
    Told,
    WaitStep,
    children,
    step_name,
)
from domain.values import Json

Agents = frozenset[str]
"""Paths of agent steps, as `walk` gives them; in a called definition behind `<path>.call.`."""
_NONE: Agents = frozenset()
_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_ODD = re.compile(r"""\\|'''|\"\"\"""")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_MARKED = re.compile(r"{[{%](.*?)[%}]}", re.S)
_LOOP = re.compile(r"\[\d+\]")
_MOST_ROUNDS = 50  # each round carries the taint at least one name further
UNCONFIRMED, LIMITS, CLOSES = "mos.agent.unconfirmed", "mos.agent.limits", "mos.agent.closes"
OMITS = "mos.agent.omits"


@dataclass(frozen=True)
class TooFar:
    """A place where a proposal would decide. `path`: the step (empty: the definition's `closes`); `field` of it."""

    path: str
    field: str
    code: str
    message: str


@dataclass
class Provenance:
    """What is tainted by which agents. `names`: of the definition itself; `agents`: path -> the step's name; `too_far`:
    what must not be; `left_out`: where it lets everybody be left out, which is the author's choice; `behind`: a
    posting's path -> the agents that it rests on."""

    names: dict[str, Agents] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    too_far: list[TooFar] = field(default_factory=list)
    left_out: list[TooFar] = field(default_factory=list)
    behind: dict[str, Agents] = field(default_factory=dict)

    def names_behind(self, path: str) -> list[str]:
        """The agents' steps on which the posting at this path rests, as the posting's own definition names them."""
        still = _LOOP.sub("", path)
        scope, _, _ = still.rpartition(".call.")
        own = [one for one in self.behind.get(still, _NONE) if one.rpartition(".call.")[0] == scope]
        return sorted(self.agents[one] for one in own)

    def refusal(self, path: str) -> str:
        """Why a step at this path (of the running exception) must not post; empty when it may."""
        still = _LOOP.sub("", path)
        return next((one.message for one in self.too_far if one.path == still and one.code == UNCONFIRMED), "")


def provenance(definition: Definition) -> Provenance:
    """Of a whole definition with those that it calls."""
    found = Provenance()
    if not any(one.asks_agents for one in _all(definition)):
        return found
    _Scope(definition, "", {}, _NONE, found).look()
    return found


def _all(definition: Definition) -> Iterator[Definition]:
    yield definition
    for called in definition.bundled.values():
        yield from _all(called)


class _Scope:
    """One definition within the whole: its steps read its own names, its parameters and the world."""

    def __init__(
        self, definition: Definition, prefix: str, given: Mapping[str, Agents], around: Agents, found: Provenance
    ) -> None:
        self._definition, self._prefix, self._around, self._found = definition, prefix, around, found
        self._taint: dict[str, Agents] = {f"params.{name}": agents for name, agents in given.items() if agents}
        self._steps = dict(walk(definition.steps))
        self._bundled = definition.bundled
        self._control: dict[str, Agents] = {}
        for path, step in self._steps.items():
            if isinstance(step, AgentStep):
                found.agents[f"{prefix}{path}"] = step.agent

    def look(self) -> Agents:
        """Finds out everything; gives the taint of what the definition `gives`."""
        self._spread()
        for path, step in self._steps.items():
            self._judge(path, step)
            self._omits(path, step)
        closing = self._of(self._definition.closes.when)
        if closing and not self._prefix:
            message = f"this ends the exception on what {self._named(closing)} proposed: a person has to say it first"
            self._found.too_far.append(TooFar("", "closes", CLOSES, message))
        if not self._prefix:
            self._found.names = {name: agents for name, agents in self._taint.items() if agents}
        return self._reads(self._definition.gives)

    # -- what is tainted ----------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        """Until no name is tainted further: steps may read what stands behind them, in loops and branches."""
        for _ in range(_MOST_ROUNDS):
            before = dict(self._taint)
            self._control = {}
            self._enter(self._definition.steps, "", self._around)
            if self._taint == before:
                return

    def _enter(self, steps: list[Any], prefix: str, control: Agents) -> None:
        for index, step in enumerate(steps):
            path = f"{prefix}{index}"
            own = control | self._of(step.only_if)
            self._control[path] = own
            self._result(path, step, own)
            for label, _, inner in children(step):
                self._enter(inner, f"{path}.{label}.", own | self._opens(path, step, label))

    def _opens(self, path: str, step: Any, label: str) -> Agents:
        """What decides whether the steps inside are run, or how often."""
        if isinstance(step, IfStep):
            return self._of(step.if_)
        if isinstance(step, SwitchStep):
            return self._of(step.switch)
        if isinstance(step, ForEachStep):
            return self._reads(step.in_)
        if isinstance(step, RepeatStep):
            return self._of(step.until)
        return frozenset({f"{self._prefix}{path}"}) if isinstance(step, AgentStep) and label == "instead" else _NONE

    def _result(self, path: str, step: Any, control: Agents) -> None:
        name, worked_out = step_name(step), self._worked_out(path, step, control)
        if name and worked_out:
            self._taint[name] = self._taint.get(name, _NONE) | worked_out
        if isinstance(step, ForEachStep):
            self._taint[step.each] = self._taint.get(step.each, _NONE) | self._reads(step.in_)

    def _worked_out(self, path: str, step: Any, control: Agents) -> Agents:
        if isinstance(step, AgentStep):
            asked = self._reads(step.given) | self._reads({n: one.among for n, one in step.returns.items()})
            return control | asked | self._reads(step.otherwise) | {f"{self._prefix}{path}"}
        if isinstance(step, DecideStep):
            rules = step.table()
            return (
                control | self._reads([step.otherwise, *(r.then for r in rules)]) | self._of(*(r.when for r in rules))
            )
        if isinstance(step, ProposeStep):
            return control | self._reads(step.where)
        if isinstance(step, WaitStep):
            return control | self._of(step.until, step.signal.when if step.signal else "", step.at)
        if isinstance(step, RepeatStep):
            return control | self._of(step.until)
        if isinstance(step, ForEachStep):
            inner = [step_name(one) for _, one in walk(step.do)]
            return control | self._reads(step.in_) | self._union(self._taint.get(name, _NONE) for name in inner)
        if isinstance(step, CallStep):
            return control | self._called(path, step, control, Provenance())
        return self._reads(step.otherwise) if isinstance(step, TaskStep) else _NONE

    def _called(self, path: str, step: CallStep, control: Agents, found: Provenance) -> Agents:
        called = self._bundled.get(step.definition)
        if called is None:
            return _NONE
        given = {name: self._reads(value) for name, value in step.values.items()}
        if not control and not any(given.values()) and not any(one.asks_agents for one in _all(called)):
            return _NONE
        scope = _Scope(called, f"{self._prefix}{path}.call.", given, control, found)
        return scope.look()

    # -- where it goes too far ----------------------------------------------------------------------------------------

    def _judge(self, path: str, step: Any) -> None:
        if isinstance(step, PostStep):
            self._post(path, step)
        elif isinstance(step, ApproveStep):
            moved = self._reads(step.impact) | (self._reads(step.options) if "option" in _text(step.impact) else _NONE)
            if moved:
                message = f"what {self._named(moved)} proposed would measure whose authority is needed"
                self._refuse(path, "impact", LIMITS, message)
        elif isinstance(step, CallStep):
            self._called(path, step, self._control[path], self._found)

    def _post(self, path: str, step: PostStep) -> None:
        rests_on = self._reads(step.outcomes) | self._control[path]
        if not rests_on:
            return
        self._found.behind[f"{self._prefix}{path}"] = rests_on
        who = self._named(rests_on)
        if step.standing:
            message = (
                f"'{step.post}' rests on what {who} proposed, and nobody decides it: let a person approve it first"
            )
            return self._refuse(path, "standing", UNCONFIRMED, message)
        at, decided = self._step_named(step.decision)
        unseen = rests_on - (self._shown(decided) if decided else _NONE)
        if unseen:
            who = self._named(unseen)
            message = (
                f"'{step.post}' rests on what {who} proposed, and '{step.decision}' does not show it: name it there"
            )
            return self._refuse(path, "decision", UNCONFIRMED, message)
        late = frozenset(one for one in rests_on if not _precedes(one, f"{self._prefix}{at}"))
        if late:
            who = self._named(late)
            message = f"'{step.post}' rests on what {who} proposes, which '{step.decision}' does not wait for"
            return self._refuse(path, "decision", UNCONFIRMED, message)
        return None

    def _omits(self, path: str, step: Any) -> None:
        """On one way somebody decides, on another nobody is asked, and a proposal says which way it goes."""
        for place, decides, ways in self._ways(path, step):
            asked, decided = [self._asks(way) for way in ways], any(self._asks(way, deciding=True) for way in ways)
            if decides and decided and not all(asked) and not self._told(path, decides):
                message = f"what {self._named(decides)} proposed decides whether anybody is asked"
                self._found.left_out.append(TooFar(f"{self._prefix}{path}", place, OMITS, message))

    def _ways(self, path: str, step: Any) -> Iterator[tuple[str, Agents, list[list[Any]]]]:
        """Field of the step, who decides by it, and the ways that it may go."""
        yield "only_if", self._of(step.only_if), [[step], []]
        if isinstance(step, IfStep):
            yield "if", self._of(step.if_), [step.then, step.else_]
        elif isinstance(step, SwitchStep):
            others = [] if not step.else_ and self._all_named(step) else [step.else_]
            yield "switch", self._of(step.switch), [*step.cases.values(), *others]
        elif isinstance(step, ForEachStep):
            yield "in", self._reads(step.in_), [step.do, []]
        elif isinstance(step, AgentStep):
            yield "instead", frozenset({f"{self._prefix}{path}"}), [step.instead, []]

    def _all_named(self, step: SwitchStep) -> bool:
        """Does every choice of the agent have its case?"""
        name, _, value = step.switch.strip().partition(".")
        agents = (one for one in self._steps.values() if isinstance(one, AgentStep) and one.agent == name)
        returned = next((one.returns[value] for one in agents if value in one.returns), None)
        return returned is not None and bool(returned.choices) and set(returned.choices) <= set(step.cases)

    def _asks(self, steps: list[Any], *, deciding: bool = False) -> bool:
        """Is anybody asked in these steps, or in what they call? `deciding`: to decide."""
        for _, step in walk(steps):
            called = self._bundled.get(step.definition) if isinstance(step, CallStep) else None
            if isinstance(step, ApproveStep) or (isinstance(step, TaskStep) and (step.authority or not deciding)):
                return True
            if called and self._asks(called.steps, deciding=deciding):
                return True
        return False

    def _told(self, path: str, agents: Agents) -> bool:
        """Is somebody asked on the same way whatever these agents say, who is shown what they said?"""
        for at, step in self._steps.items():
            around = at[: at.rfind(".") + 1]
            if not isinstance(step, ApproveStep | TaskStep) or not path.startswith(around):
                continue
            after = all(_precedes(one, f"{self._prefix}{at}") for one in agents)
            if after and agents <= self._shown(step) and not agents & self._control[at]:
                return True
        return False

    def _shown(self, step: Any) -> Agents:
        """The proposals that people see who answer it: in its words, or in what they choose from."""
        return self._of(*shown_in(step))

    def _step_named(self, name: str) -> tuple[str, Any]:
        for path, step in self._steps.items():
            if isinstance(step, ApproveStep | TaskStep) and step_name(step) == name:
                return path, step
        return "", None

    def _refuse(self, path: str, place: str, code: str, message: str) -> None:
        self._found.too_far.append(TooFar(f"{self._prefix}{path}", place, code, message))

    # -- reading ------------------------------------------------------------------------------------------------------

    def _of(self, *sources: str) -> Agents:
        """Of what these expressions read, however deep: a text in quotes reads nothing."""
        named = {name for source in sources for name in _NAME.findall(_without_strings(source))}
        roots = {name.partition(".")[0] for name in named}
        whole = [name for name in self._taint if name.startswith("params.") and "params" in named]
        return self._union(self._taint.get(name, _NONE) for name in (*named, *roots, *whole))

    def _reads(self, value: Json) -> Agents:
        return self._of(*_expressions(value))

    def _named(self, agents: Agents) -> str:
        return " and ".join(sorted(f"'{self._found.agents.get(path, path)}'" for path in agents))

    @staticmethod
    def _union(sets: Iterable[Agents]) -> Agents:
        return _NONE.union(*sets)


def _expressions(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [found for item in value.values() for found in _expressions(item)]
    if isinstance(value, list):
        return [found for item in value for found in _expressions(item)]
    return [value] if isinstance(value, str) and value.startswith("=") and not value.startswith("==") else []


def _text(value: Json) -> str:
    return " ".join(_expressions(value))


def shown_in(step: Told) -> list[str]:
    """What people read when they are told or asked this: expressions, and the marked parts of texts. A name within
    quotes is not shown."""
    said = [part for _, text in step.texts() for part in _MARKED.findall(text)]
    options = _expressions(step.options) if isinstance(step, ApproveStep) else []
    return [_STRING.sub("", source) for source in (*said, *options)]


def named_in(sources: Iterable[str]) -> frozenset[str]:
    """The names that these expressions read, without what they read of them."""
    found = (name for source in sources for name in _NAME.findall(_without_strings(source)))
    return frozenset(name.partition(".")[0] for name in found)


def _without_strings(source: str) -> str:
    """What is within quotes reads nothing; where it is not plain what is within them (CEL has raw and triple quotes),
    everything counts."""
    return source if _ODD.search(source) else _STRING.sub("", source)


def _precedes(first: str, second: str) -> bool:
    """Is the step at the first path over before the one at the second begins? Not so in a branch beside it."""
    for one, other in zip(first.split("."), second.split("."), strict=False):
        if one != other:
            return one.isdigit() and other.isdigit() and int(one) < int(other)
    return False
