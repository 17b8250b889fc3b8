"""What has happened to one exception, put on the drawing of its definition: what is done, what waits for whom, and how
long each step took. Pure: it reads the story that the workflow told (timeline, tasks, the steps under way)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from authoring.drawing import Branch, Drawing, Node, State, Status, nodes, with_states
from domain.values import Json

_TURN = re.compile(r"\[(\d+)\]")
_OVER = frozenset(
    {
        "told",
        "nobody",
        "waited",
        "proposed",
        "agent_proposed",
        "agent_refused",
        "decided_by_table",
        "repeated",
        "posted",
    }
)
_FAILED = frozenset({"step_failed", "rejected"})
_ASKED = frozenset({"task", "approve"})
_WAITS = frozenset({"task", "approve", "wait"})


@dataclass(frozen=True)
class Event:
    """A line of the timeline: when, what, at which step path, by whom (name)."""

    at: datetime
    kind: str
    path: str
    person: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A task: its step's name, whether it is still open, who has it or who was asked (names)."""

    step: str
    opened_at: datetime
    closed_at: datetime | None
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Happened:
    """`under_way`: the steps as the workflow's projection tells them (`path`, `status`, `reason`)."""

    opened_at: datetime
    closed_at: datetime | None = None
    events: Sequence[Event] = ()
    tasks: Sequence[Asked] = ()
    under_way: Sequence[Mapping[str, Json]] = ()


def overlay(drawing: Drawing, happened: Happened) -> Drawing:
    """The drawing with a state on every step; those of which nothing is known stay without a time."""
    told = _Told(drawing, happened)
    told.sequence(drawing.steps, happened.opened_at)
    return with_states(drawing, told.states)


def still(path: str) -> str:
    """A step path as it stands in the definition, without the turns of loops and the people of a task for all."""
    return _TURN.sub("", path.partition(".person[")[0])


class _Told:
    """Walks the steps in their order, so that each begins when the one before it ended."""

    def __init__(self, drawing: Drawing, happened: Happened) -> None:
        self._happened = happened
        self._events: dict[str, list[Event]] = {}
        self._turns: dict[str, int] = {}
        for event in sorted(happened.events, key=lambda one: one.at):
            self._events.setdefault(still(event.path), []).append(event)
            self._count_turns(event.path)
        self._standing = {still(str(one["path"])): one for one in happened.under_way if not happened.closed_at}
        self._tasks: dict[str, list[Asked]] = {}
        for task in happened.tasks:
            self._tasks.setdefault(task.step, []).append(task)
        self.states: dict[str, State] = {}

    def _count_turns(self, path: str) -> None:
        parts = path.split(".")
        for end, part in enumerate(parts, 1):
            if turn := _TURN.search(part):
                loop = still(".".join(parts[: end - 1]))
                self._turns[loop] = max(self._turns.get(loop, 0), int(turn[1]) + 1)

    def sequence(self, steps: Sequence[Node], begin: datetime | None) -> datetime | None:
        """When the last of them was over; None as long as one is not."""
        moved_on = [self._touched(node) for node in steps]
        for index, node in enumerate(steps):
            later = any(moved_on[index + 1 :])
            end = self._step(node, begin, later=later)
            begin = end or (self._first_of(steps[index + 1 :]) if later else None)
        return begin

    def _step(self, node: Node, begin: datetime | None, *, later: bool) -> datetime | None:
        """Its state; gives when it was over."""
        events = self._events.get(node.path, [])
        inner = [self.sequence(branch.steps, begin) for branch in node.branches if branch.label != "undo"]
        self._undone(node)
        status, reason = self._status(node, events, later=later)
        since = self._since(node, events, begin)
        until = self._until(node, events, inner) if status in ("done", "failed") else None
        if status not in ("ahead", "passed"):
            people, turns = self._people(node, events, status), self._turns.get(node.path, 1)
            self.states[node.path] = State(status, since if status != "next" else None, until, people, reason, turns)
        else:
            self.states[node.path] = State(status)
        return until or (begin if status == "passed" else None)

    def _undone(self, node: Node) -> None:
        """The steps that take it back stand beside its own course."""
        for branch in node.branches:
            if branch.label == "undo":
                self.sequence(branch.steps, None)

    def _status(self, node: Node, events: Sequence[Event], *, later: bool) -> tuple[Status, str]:
        standing = self._standing.get(node.path)
        if standing is not None:
            return _standing(node, str(standing["status"])), str(standing.get("reason", ""))
        if any(path.startswith(f"{node.path}.") for path in self._standing):
            return "running", ""
        if failed := next((event for event in reversed(events) if event.kind in _FAILED), None):
            again = any(event.at > failed.at and event.kind in _OVER for event in events)
            if not again:
                return "failed", str(failed.data.get("reason") or failed.data.get("detail") or "")
        if not self._touched(node):
            return ("passed" if later or self._happened.closed_at else "ahead"), ""
        if later or self._happened.closed_at or self._finished(node, events):
            return "done", ""
        return ("waiting" if node.kind in _ASKED else "running"), ""

    def _finished(self, node: Node, events: Sequence[Event]) -> bool:
        """Is it over, as far as its own lines tell? The projection is not always there, as with older rows."""
        if node.kind in _ASKED and (tasks := self._tasks.get(node.name)):
            return all(task.closed_at for task in tasks)
        if node.branches:
            return bool(self._standing)
        return any(event.kind in _OVER for event in events)

    def _touched(self, node: Node) -> bool:
        below = f"{node.path}."
        paths = (*self._events, *self._standing)
        return any(path == node.path or path.startswith(below) for path in paths if path)

    def _since(self, node: Node, events: Sequence[Event], begin: datetime | None) -> datetime | None:
        return begin or (events[0].at if events else self._first_of([node]))

    def _until(self, node: Node, events: Sequence[Event], inner: Iterable[datetime | None]) -> datetime | None:
        tasks = [task.closed_at for task in self._tasks.get(node.name, ()) if node.kind in _ASKED and task.closed_at]
        moments = [*tasks, *(event.at for event in events[-1:]), *(moment for moment in inner if moment)]
        return max(moments, default=None)

    def _first_of(self, steps: Sequence[Node]) -> datetime | None:
        paths = {inner.path for inner in nodes(tuple(steps))}
        return min((event.at for path in paths for event in self._events.get(path, ())), default=None)

    def _people(self, node: Node, events: Sequence[Event], status: Status) -> tuple[str, ...]:
        """Who did it; of a task that is open who has it, or who was asked."""
        if node.kind not in _ASKED:
            return ()
        if status == "waiting":
            return tuple(name for task in self._tasks.get(node.name, ()) if not task.closed_at for name in task.people)
        answered = [event.person for event in events if event.kind == "answer" and event.person]
        return tuple(dict.fromkeys(answered))[-3:]


def _standing(node: Node, status: str) -> Status:
    if status == "running":
        return "waiting" if node.kind in _WAITS else "running"
    return "failed" if status == "failed" else "next"


def branch_taken(branch: Branch) -> bool:
    """Did anything in it happen or begin?"""
    return any(node.state and node.state.status not in ("ahead", "passed") for node in nodes(branch.steps))
