"""The story of an exception, and its state, as an effect carries them to the database."""

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.values import Json, iso


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Entry(Part):
    """One line of the story. `mark` tells it from another line, which may have its number (`workflows.engine.marks`).
    It is empty in a release before marks."""

    number: int
    at: datetime
    kind: str
    step: str = ""
    person: str | None = None
    data: dict[str, Json] = {}
    mark: str = ""


class Line(Part):
    """A line of the story that an effect writes itself, in its own transaction: it knows first whom it found.

    `kind` when there was anybody (`before`: those whom an effect before it found), else `otherwise`. Its number is the
    workflow's, so that lines keep their order, and a retried effect writes it once. `reaches`: the milestone that is
    reached with it."""

    number: int
    at: datetime
    kind: str
    otherwise: str
    step: str
    data: dict[str, Json] = {}
    before: list[str] = Field(default_factory=list)
    reaches: str = ""
    mark: str = ""

    def entry(self, found: Collection[str]) -> Entry:
        """The line, once it is known who was found (their names)."""
        people = sorted([*self.before, *found])
        kind = self.kind if people else self.otherwise
        data = self.data | {"people": people}
        return Entry(number=self.number, at=self.at, kind=kind, step=self.step, data=data, mark=self.mark)


class Projection(Part):
    """The workflow's state as of `rev`, written in the transaction of the effect that it travels with."""

    exception_id: str
    rev: int
    handling: str
    condition: str
    priority: str = ""
    version: str = ""
    milestones: dict[str, Json] = {}
    state: dict[str, Json] = {}
    entries: list[Entry] = []

    def with_line(self, line: Line | None, found: Collection[str]) -> "Projection":
        """With the line that the effect adds to it."""
        if line is None:
            return self
        entry, milestones = line.entry(found), self.milestones
        if line.reaches and found:
            milestones = {line.reaches: iso(line.at)} | milestones  # the first time counts
        return self.model_copy(update={"entries": [*self.entries, entry], "milestones": milestones})
