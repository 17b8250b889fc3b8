"""What an exception carries over when its workflow continues as new, or moves to another version: plain data."""

from datetime import datetime, timedelta

from pydantic import Field

from activities.contracts.model import AnswerResult, CommandResult, Data, OpeningSignal
from activities.contracts.story import Entry
from domain.asking.messages import OptionCard, Standing
from domain.values import Json


class SavedCell(Data):
    """Where one step stands; `kept` is the step's own memory (deadlines, rungs, loop counters)."""

    status: str
    kept: dict[str, Json]


class SavedTask(Data):
    """A task or approval; the step itself is found by its path in the definition."""

    id: str
    name: str
    path: str
    options: list[OptionCard]
    offered: dict[str, Json]
    asked: dict[str, str]
    ever_asked: dict[str, str]
    version: int
    standing: Standing
    person: str | None
    values: dict[str, Json]
    votes: dict[str, Json]
    shown_hash: str
    channel: str
    change: int
    silent_from: str = ""
    reminded: bool = False
    snoozed: dict[str, str] = Field(default_factory=dict)
    handing: str = ""
    calls: dict[str, str] = Field(default_factory=dict)
    stirs: int = 0


class Saved(Data):
    """The whole state between two runs of the workflow. What is added later has a default: a run saved by the release
    before is taken up by this one."""

    runs: int
    migrations: int = 0
    phase: str
    rev: int
    numbered: int
    told: dict[str, int] = Field(default_factory=dict)  # of the lines of this epoch: see workflows.engine.marks
    underway: int
    unwritten: list[Entry]
    handling: str
    condition: str
    priority: str
    highest_seq: int
    recent: list[OpeningSignal]
    taken: list[int] = Field(default_factory=list)
    milestones: dict[str, Json]
    gaps: dict[str, str]
    gathered: list[str]
    world: dict[str, Json]
    frames: dict[str, dict[str, Json]]
    cells: dict[str, SavedCell]
    tasks: list[SavedTask]
    undoable: list[str]
    extras: list[str]
    answers: dict[int, AnswerResult]
    commands: dict[int, CommandResult]
    paused: bool
    ending: str
    by_hand: str
    cleared_at: datetime | None
    resumed_at: datetime | None = None
    paused_at: datetime | None = None
    paused_for: timedelta = timedelta()
    askers: dict[str, str] = Field(default_factory=dict)
