"""What the steps of a sequence may read, where their results go, and where one of them stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from domain.errors import ConfigError, MosError
from domain.language import expressions
from domain.language.definition import Definition
from domain.values import Json, duration

if TYPE_CHECKING:
    from datetime import timedelta

    from domain.calendar import SiteCalendar
    from workflows.engine.interpreter import Interpreter

Complain = Callable[[str, MosError], None]


class Frame:
    """A scope. The root has the parameters, the context and the steps' results; a loop adds the element; a called
    definition sees the world, but nothing of its caller's."""

    def __init__(
        self,
        prefix: str,
        definition: Definition,
        values: dict[str, Json],
        outer: Callable[[], dict[str, Json]],
        parent: Frame | None = None,
    ) -> None:
        self.prefix, self.definition, self.values, self.parent = prefix, definition, values, parent
        self._outer = outer

    @property
    def scope(self) -> dict[str, Json]:
        """Everything that conditions and texts may read here."""
        return {**self._outer(), **self.values}

    def inner(self, prefix: str, values: dict[str, Json]) -> Frame:
        """The scope of one turn of a loop."""
        return Frame(prefix, self.definition, values, lambda: self.scope, self)

    def owner(self, name: str) -> Frame:
        """The frame that has this name: its own, or one around it."""
        return self if name in self.values or self.parent is None else self.parent.owner(name)

    def put(self, name: str, value: Json) -> None:
        """A step's result."""
        self.owner(name).values[name] = value

    def resolve(self, value: Json) -> Json:
        """A value of the definition with its expressions evaluated now."""
        return expressions.resolve(value, self.scope)

    def holds(self, condition: str) -> bool:
        return expressions.holds(condition, self.scope)

    def met(self, condition: str, complain: Complain) -> bool:
        """Like `holds`, for conditions looked at again and again: what can't be evaluated does not hold."""
        try:
            return self.holds(condition)
        except MosError as error:
            complain(condition, error)
            return False

    def span(self, text: str) -> timedelta:
        """A duration: a literal or an expression that gives one."""
        return duration(self._text(text))

    def after(self, start: datetime, text: str, calendar: SiteCalendar) -> datetime:
        """The end of a duration, in plain or business time."""
        return _or_config(lambda: calendar.after(start, self._text(text)))

    def moment(self, now: datetime, text: str, calendar: SiteCalendar) -> datetime:
        """The next such moment."""
        return _or_config(lambda: calendar.moment(self._text(text), now))

    def _text(self, text: str) -> str:
        return str(self.resolve(text)) if text.startswith("=") else text


def _or_config(compute: Callable[[], datetime]) -> datetime:
    try:
        return compute()
    except ValueError as error:
        raise ConfigError(str(error)) from error


@dataclass
class Cell:
    """Where one step stands: new, running, failed, done, skipped. `kept` is the step's own memory: it outlives this
    run of the workflow, so a step writes there what it must not do twice."""

    status: str = "new"
    kept: dict[str, Json] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.status in ("done", "skipped")


@dataclass(frozen=True)
class Place:
    """A step as it runs: the engine, its scope, its path and its cell."""

    engine: Interpreter
    frame: Frame
    path: str

    @property
    def cell(self) -> Cell:
        found = self.engine.cells.get(self.path)
        if found is None:
            found = self.engine.cells[self.path] = Cell()
        return found

    @property
    def kept(self) -> dict[str, Json]:
        return self.cell.kept

    def deadline(self, name: str, text: str) -> datetime:
        """The end of a span that began when the step was first here; the same after the run was renewed."""
        if name not in self.kept:
            end = self.frame.after(self.engine.runtime.now(), text, self.engine.calendar)
            self.kept[name] = end.isoformat()
        return datetime.fromisoformat(self.kept[name])

    def inside(self, label: str) -> str:
        """The prefix of the steps inside this one."""
        return f"{self.path}.{label}."
