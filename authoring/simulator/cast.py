"""How people answer, and what else happens from outside while an exception runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from activities.contracts.model import Command, OpeningSignal
from domain.values import Json


@dataclass(frozen=True)
class Page:
    """One message that asked or told one person. `channels` empty: nobody can reach this person by message.

    kind: task | approve | notify. rung: 0 = first asked, n = nth rung of the ladder. trouble: why an owner was told.
    `options` may be approved; `text` is the title as shown (empty when texts are not rendered).
    """

    at: datetime
    person: str
    name: str
    channels: tuple[str, ...]
    task: str
    kind: str
    task_id: str
    rung: int = 0
    trouble: str = ""
    options: tuple[str, ...] = ()
    title: str = ""
    text: str = ""


@dataclass(frozen=True)
class Deed:
    """A press or text. It comes `after` the deed before it (the first: after the page), or at the moment `at`.

    verb: accept, decline, arrived, done, answer, answer:<name>:<value>, approve:<option>, approve (the first option),
    reject. `anyway`: also when the one before was refused. `seq`: the inbox number, where it is known.
    """

    verb: str
    after: timedelta = timedelta()
    at: datetime | None = None
    fields: dict[str, Json] = field(default_factory=dict)
    channel: str = ""
    anyway: bool = False
    seq: int | None = None


class Cast(Protocol):
    """The people."""

    def asked(self, page: Page) -> Sequence[Deed]:
        """What this person does about it, one deed after the other; nothing = does not answer."""
        ...


class Silent:
    """Nobody ever answers."""

    def asked(self, page: Page) -> Sequence[Deed]:
        return ()


@dataclass(frozen=True)
class Unasked:
    """Somebody answers the newest task of that name then, asked or not; the first deed's own time does not count."""

    at: datetime
    person: str
    task: str
    deeds: Sequence[Deed]


@dataclass(frozen=True)
class Happenings:
    """What comes from outside beside answers: signals that join (at their `received_at`, numbers ascending), answers
    by people who were not asked, commands (at their `received_at`)."""

    signals: Sequence[OpeningSignal] = ()
    unasked: Sequence[Unasked] = ()
    commands: Sequence[Command] = ()
