"""What workflows and activities say to each other: requests and results, pure data, versioned with the code."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from activities.contracts.asking import DecisionMade, OwnerCall, Silence
from activities.contracts.story import Line, Projection
from domain.asking.messages import Choice, Input, OptionCard, Standing
from domain.books.outcomes import OutcomeTransaction
from domain.calendar import SiteCalendar
from domain.language.definition import Ask, Definition
from domain.language.texts import AuthoredFact, Text
from domain.rosters.people import Selector
from domain.values import Json


class Data(BaseModel):
    """Defaults that are made often are made by a factory: a literal is deeply copied every time."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class OpeningSignal(Data):
    """A correlated signal as a workflow receives it; `seq` is its inbox number."""

    seq: int
    type: str
    subject: str
    equipment: str | None
    occurred_at: datetime
    received_at: datetime
    facts: dict[str, Json]


class ExceptionInput(Data):
    """Starts an exception's workflow: the pinned definition and everything fixed at the opening."""

    exception_id: str
    site: str
    version: str
    definition: Definition
    key: str
    priority: str
    opened_at: datetime
    signals: list[OpeningSignal]
    equipment: dict[str, Json]
    parameters: dict[str, Json]
    site_facts: dict[str, Json]
    calendar: SiteCalendar = SiteCalendar()
    generation: int = 1  # of the interpreter (workflows.engine.generations): an exception keeps the one it began with


class JoinBatch(Data):
    """Signals that join a running exception, in inbox order. Numbers already delivered are passed over."""

    signals: list[OpeningSignal]


class JoinResult(Data):
    """Which inbox numbers the workflow now has; `closed`: it took none and the signals need a new exception."""

    highest_seq: int
    closed: bool = False


class Answer(Data):
    """What a person pressed or wrote, as the inbox delivers it. `person` was found by the verified address or the
    log-in; `asked`: the task's row names this person among the asked."""

    id: str
    seq: int
    asked: bool = False
    person: str
    person_name: str
    channel: str
    task_id: str
    version: int = 0  # 0: the channel can't carry it (SMS code)
    verb: str
    fields: dict[str, Json] = {}
    received_at: datetime


class AnswerResult(Data):
    """What became of an answer; `code` names a sentence of the reply table (recorded, yours, taken, decided,
    changed ...)."""

    accepted: bool
    code: str
    by: str = ""
    at: datetime | None = None


class Command(Data):
    """Somebody steers a running exception. kind: pause, resume, retry, skip, take_over, hand_back, close,
    cancel, migrate.

    `step`: the path of the step that is retried or skipped; `values`: its result when it is skipped; `definition`
    with `version`: where a migration goes; `preview`: only say what would happen.
    """

    id: str
    seq: int
    kind: str
    person: str
    person_name: str
    reason: str
    step: str = ""
    values: dict[str, Json] = {}
    definition: Definition | None = None
    version: str = ""
    preview: bool = False
    received_at: datetime


class CommandResult(Data):
    """`code`: done, or why not (unknown_command, unknown_step, not_failed, not_by_skipping, not_taken_over, already,
    too_old, other_definition, closed, reason_missing); `detail`: what a migration keeps, withdraws, passes over and
    adds."""

    accepted: bool
    code: str
    detail: dict[str, Json] = {}


class Query(Data):
    name: str
    source: str
    where: dict[str, Json]
    within_s: float
    otherwise: Json = None
    retries: int = 0


class GatherRequest(Data):
    """Queries that run together; `title` and `scope` name the exception for people."""

    exception_id: str
    queries: list[Query]
    title: Text = ""
    scope: dict[str, Json] = {}
    projection: Projection

    @property
    def longest(self) -> timedelta:
        """How long the systems may take together."""
        return timedelta(seconds=max((query.within_s * (1 + query.retries) for query in self.queries), default=0))


class GatherResult(Data):
    """`values` by query name; `gaps`: name -> why it could not be had (the value is then the query's `otherwise`)."""

    values: dict[str, Json]
    gaps: dict[str, str] = {}


class Wording(Data):
    """The authored texts of a step (Jinja), in all their languages, and the values that they read. `asks`: what is
    asked for, with its words."""

    definition: str
    step: str
    title: Text
    text: Text
    facts: dict[str, AuthoredFact]
    asks: dict[str, Ask] = {}
    gaps: list[str]
    scope: dict[str, Json]
    priority: str
    proposals: list[str] = []  # the agents behind values that are shown: nobody has confirmed them


class Draft(Data):
    """A posting that would rest on the approval of `option`, as far as its values are known when people are asked."""

    option: str
    step: str
    system: str
    outcomes: list[Json]


class TellRequest(Data):
    """Ask or tell the people who fit `selector` now, but none of `already`. One task for all rungs of its ladder.

    `named`: these people instead, each of them anew: `occasion` tells this message of the same task from others.
    """

    task_id: str
    name: str
    kind: str  # task | approve | notify
    selector: Selector
    at_most: int = 0  # 0: everybody who fits; else so many, those with the fewest open tasks first
    budget_tasks: int = 0  # people with so many accepted tasks are asked when nobody else fits; 0: whatever they have
    budget_pages: int = 0  # the same for messages of the last ten minutes
    named: list[str] | None = None
    occasion: str = ""
    standing: Standing = Standing.OPEN  # as the readers see it
    by: str = ""
    owner: OwnerCall | None = None
    already: list[str] = Field(default_factory=list)
    rung: int = 0
    version: int = 1
    wording: Wording
    choices: list[Choice] = Field(default_factory=list)
    inputs: list[Input] = Field(default_factory=list)
    options: list[OptionCard] = Field(default_factory=list)
    drafts: list[Draft] = Field(default_factory=list)
    authority: str = ""
    risk: str = "low"
    impacts: list[dict[str, Json]] = Field(default_factory=list)  # what each option moves, for the risk class
    deadline_at: datetime | None = None
    silence: Silence | None = None
    trouble: str = ""  # a code of the words' `trouble` table, with `reason`: what went wrong, in the reader's language
    reason: str = ""
    line: Line | None = None  # written with the projection; None: whoever asked writes the story
    projection: Projection

    def projected(self, found: Mapping[str, str]) -> Projection:
        """The state as it is written, once these people were found: id -> name."""
        return self.projection.with_line(self.line, list(found.values()))


class Told(Data):
    """Who was asked by this call: person id -> name. Empty: nobody fits, which the caller must not leave at that."""

    people: dict[str, str] = {}
    shown_hash: str = ""


class SettleRequest(Data):
    """A task changed: unsent prompts are withdrawn, sent ones edited to how it stands for each reader."""

    task_id: str
    name: str
    kind: str
    standing: Standing  # as others see it
    person: str | None = None
    person_name: str = ""
    at: datetime
    wording: Wording
    choices: list[Choice] = []  # what `person` may still press
    inputs: list[Input] = []
    options: list[OptionCard] = []
    drafts: list[Draft] = []  # of what is shown anew
    decision: DecisionMade | None = None
    closed: bool = False
    change: int = 0
    version: int = 1  # higher than the task's row: what was shown is out of date, and shown anew
    handing: str = ""  # who is asked to take it from `person`: may accept or decline it, whatever the others see
    handing_choices: list[Choice] = []
    reopened: bool = False  # it was somebody's, and all are asked anew
    owner: OwnerCall | None = None
    projection: Projection


class WhoRequest(Data):
    """Who fits a selector now, or one of the others?"""

    selector: Selector
    others: list[Selector] = []


class People(Data):
    """Person id -> name."""

    people: dict[str, str]


class AuthoriseRequest(Data):
    """May this person decide this, now? `others`: who has to be somebody else (who voted, who did the steps of
    `not_by`); `requesters`: who reported it; `press`: the answer's id, under which it may be signed."""

    person: str
    authority: str
    area: str = ""
    channel: str = ""
    risk: str = "low"
    task_id: str = ""
    version: int = 0
    verb: str = ""
    press: str = ""
    impact: dict[str, Json] = {}
    others: list[str] = []
    requesters: list[str] = []


class Authorised(Data):
    """`granted`: what the decision keeps of it (grant, limits, figures, hash of what was shown); `quorum`: so many have
    to agree at least; `over`: the limits that were not kept."""

    allowed: bool
    code: str = (
        ""  # not_allowed | over_limit | off_shift | sign_in | four_eyes | own_request | superseded | new_address
    )
    granted: dict[str, Json] = Field(default_factory=dict)
    quorum: int = 1
    over: list[str] = Field(default_factory=list)


class ProposeRequest(Data):
    using: str
    where: dict[str, Json]
    projection: Projection


class PostRequest(Data):
    """A transaction with its ground: a decision, or the standing authority of a definition version. Once drafted, the
    ledger's row is what counts: a person may have mended it."""

    transaction: OutcomeTransaction
    step: str
    standing_version: str = ""
    projection: Projection | None = None  # written with the draft; None: the exception has written it
    watched: bool = False  # the exception wants to hear when it does not end at the first attempt


class AwaitPosting(Data):
    """Wait for the end of a transaction whose workflow runs on its own."""

    transaction: str


class PostResult(Data):
    """status: posted | rejected | dry_run (nothing was written), or waiting: ask again after `again_s` seconds, or when
    somebody nudges (0 = only then). `documents` are the system's own references."""

    status: str
    documents: list[str] = []
    detail: str = ""
    again_s: float = 0


class CloseRequest(Data):
    projection: Projection
    highest_seq: int
    at: datetime


class CloseResult(Data):
    """`closed` False: signals are on their way to this exception; the workflow takes them first."""

    closed: bool
