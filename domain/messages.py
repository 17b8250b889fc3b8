"""What we say to one person: facts and choices, before a template of the channel puts them into words and blocks."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.values import Json


class MessageKind(StrEnum):
    TASK = "task"  # do something: accept, then arrived / answer / done
    NOTIFY = "notify"  # know something: nothing to answer
    APPROVE = "approve"  # decide: one of the options, or reject
    REPLY = "reply"  # an answer to what this person just pressed or wrote


class Standing(StrEnum):
    """How the thing asked stands, as this reader should see it."""

    OPEN = "open"  # may be answered
    YOURS = "yours"  # this reader accepted it
    TAKEN = "taken"  # somebody else has it
    DONE = "done"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Fact(BaseModel):
    model_config = ConfigDict(frozen=True)

    label: str
    value: str


class Input(BaseModel):
    """A value asked for: kind text (free), duration (`90m`, `2h`), or choice (one of `choices`). An empty label is the
    language's word for the name."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str = ""
    kind: str = "text"
    required: bool = False
    choices: list[Fact] = []  # of kind choice: what is shown (label) and what is answered (value)


class Choice(BaseModel):
    """Something the reader may press or write. `verb` is stable (`accept`, `decline`, `arrived`, `done`, `hand_over`,
    `ask`, `inform`, `snooze`, `approve:<option>`, `reject`, `answer:<input>:<value>`); `label` overrides the language's
    word for the verb; at most 75 characters on Slack.

    `asks`: what is asked for when it is pressed (a modal, a small form, the rest of a text). `more`: of the second
    rank: in an overflow menu, behind "more", or by its word only.
    """

    model_config = ConfigDict(frozen=True)

    verb: str
    label: str = ""
    style: str = ""  # primary | danger | empty
    asks: list[Input] = []
    more: bool = False


class OptionCard(BaseModel):
    """A proposed plan with its trade-offs, as shown."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    summary: str = ""
    figures: list[Fact] = []


class Message(BaseModel):
    """One message. `task` is the opaque reference (`<task id>:<version>`) that a button carries; `code` the SMS code;
    `reply` with `reply_code` names a sentence of the language's reply table (`taken`, `received`, `not_allowed`
    ...)."""

    model_config = ConfigDict(frozen=True)

    kind: MessageKind
    definition: str
    exception_id: str
    step: str = ""
    language: str = "en"
    title: str
    priority: str = "medium"
    body: list[str] = []
    facts: list[Fact] = []
    gaps: list[str] = []  # context that could not be had: shown, not hidden
    options: list[OptionCard] = []
    choices: list[Choice] = []
    inputs: list[Input] = []
    standing: Standing = Standing.OPEN
    by: str = ""  # who took or decided it
    at: str = ""  # when, as the reader's local text
    deadline: str = ""
    otherwise: str = ""  # what happens when nobody answers
    task: str = ""
    code: str = ""
    link: str = ""
    reply_code: str = ""
    values: dict[str, Json] = {}  # further values for overriding templates
