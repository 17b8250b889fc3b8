"""What we say to one person: facts and choices, before a template of the channel puts them into words and blocks."""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.language.texts import nearest, pick
from domain.values import Json, local_text


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
    choices: list[Fact] = Field(
        default_factory=list
    )  # of kind choice: what is shown (label) and what is answered (value)


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
    asks: list[Input] = Field(default_factory=list)
    more: bool = False


class OptionText(BaseModel):
    """What an option says in one language; what is empty stays as it is."""

    model_config = ConfigDict(frozen=True)

    title: str = ""
    summary: str = ""
    figures: list[Fact] = []


class Change(BaseModel):
    """One field of one record, as people read it; an empty text is nothing."""

    model_config = ConfigDict(frozen=True)

    record: str
    field: str
    before: str = ""
    after: str = ""


class OptionPreview(BaseModel):
    """What an option would change, said by the systems themselves: the first `changes` of `total`. `away`: systems that
    did not answer; it is looked at again before anything is posted."""

    model_config = ConfigDict(frozen=True)

    changes: list[Change] = []
    total: int = 0
    away: list[str] = []


class OptionCard(BaseModel):
    """A proposed plan with its trade-offs, as shown. `languages`: the same in others; a title or summary given as
    `{en: .., de: ..}` is taken apart."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    summary: str = ""
    figures: list[Fact] = Field(default_factory=list)
    preview: OptionPreview | None = None
    languages: dict[str, OptionText] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _taken_apart(cls, given: Json) -> Json:
        said = (
            {name: given[name] for name in ("title", "summary") if isinstance(given.get(name), dict)}
            if (isinstance(given, dict))
            else {}
        )
        if not said:
            return given
        known = sorted({language for text in said.values() for language in text})
        texts = {one: {name: text[one] for name, text in said.items() if one in text} for one in known}
        return given | {name: pick(text) for name, text in said.items()} | {"languages": texts}

    def read_in(self, *wanted: str) -> "OptionCard":
        """The option in the first of these languages that it has."""
        found = self.languages.get(nearest(self.languages, *wanted))
        said = {name: value for name, value in found if value} if found else {}
        return self.model_copy(update={**said, "languages": {}})


class Version(BaseModel):
    """A message's own words in one language. `labels`: what a choice (by verb) or an input (by name) is called."""

    model_config = ConfigDict(frozen=True)

    title: str
    body: list[str] = []
    facts: list[Fact] = []
    options: list[OptionCard] = []
    labels: dict[str, str] = {}


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
    versions: dict[str, Version] = {}  # the same in other languages, while it is nobody's in particular
    times: dict[str, str] = {}  # deadline, at, next as ISO times, with `zone`: shown in the reader's way

    def read_by(self, language: str) -> "Message":
        """As somebody who reads this language gets it: in that language as far as its author wrote it."""
        times = {name: self.time(name, language) for name in ("deadline", "at") if self.times.get(name)}
        found = self.versions.get(nearest(self.versions, language))
        said = {name: value for name, value in found if name != "labels"} if found else {}
        labels = found.labels if found else {}
        legends = {name: label for name, label in labels.items() if ":" not in name}
        verbs = {"verbs": _verbs(self.values["verbs"], labels)} if "verbs" in self.values else {}
        named = {
            "choices": [_choice(choice, labels) for choice in self.choices],
            "inputs": [_input(one, labels) for one in self.inputs],
            "values": self.values | verbs | ({"legends": legends} if legends else {}),
        }
        return self.model_copy(update={**times, **said, **named, "language": language, "versions": {}})

    def time(self, name: str, language: str) -> str:
        """One of `times` as local text; empty when it is not set."""
        at = self.times.get(name)
        zone = ZoneInfo(self.times.get("zone", "UTC"))
        return local_text(datetime.fromisoformat(at), zone, language) if at else ""


def _choice(choice: Choice, labels: dict[str, str]) -> Choice:
    asks = [_input(one, labels) for one in choice.asks]
    return choice.model_copy(update={"label": labels.get(choice.verb, choice.label), "asks": asks})


def _input(one: Input, labels: dict[str, str]) -> Input:
    return one.model_copy(update={"label": labels.get(one.name, one.label)})


def _verbs(verbs: list[Json], labels: dict[str, str]) -> list[Json]:
    return [_choice(Choice.model_validate(one), labels).model_dump() for one in verbs]
