"""How one task looks to one person: may they answer, with which buttons and fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from admin.books.signing import meanings
from api.wording import Tongue
from domain.asking.messages import Choice, Input, Message
from domain.authority.matrix import NOTHING, SignatureClass, holds, risk_of, signature_of
from domain.rosters.people import Person
from domain.values import Json, local_text
from store.read.access.authority import Reader
from store.read.console import TaskRow
from templates.words import has, say

UNFINISHED = ("open", "yours", "taken")


@dataclass(frozen=True)
class Ask:
    """A task for one reader. `picks`: input -> choices that give it a value; `sign`: it has to be signed, with one of
    these `meanings`."""

    task: TaskRow
    shown: Message
    answerable: bool
    sign: bool
    reference: str
    buttons: Sequence[Choice] = ()
    picks: dict[str, list[Choice]] = field(default_factory=dict)
    inputs: Sequence[Input] = ()
    meanings: Sequence[str] = ()

    @property
    def finished(self) -> bool:
        return self.task.closed_at is not None or self.task.standing not in UNFINISHED

    def say(self, key: str, **scope: object) -> str:
        """Words around the form, in its reader's language."""
        return self.tongue.say(key, **scope)

    @property
    def tongue(self) -> Tongue:
        return Tongue(self.shown.language)

    def label(self, choice: Choice) -> str:
        """What is written on a choice's button."""
        root = choice.verb.partition(":")[0]
        known = has(self.shown.language, f"verbs.{root}")
        return choice.label or (self.say(f"verbs.{root}") if known else choice.verb.replace("_", " "))

    def legend(self, name: str) -> str:
        """What a group of choices is called."""
        return str(self.shown.values.get("legends", {}).get(name) or name.replace("_", " ").capitalize())

    @property
    def aside(self) -> list[Choice]:
        """What asks for something of its own and so has a form of its own: a question, a note, a person, a time. Of a
        decision that is signed nothing does: its page is for the decision."""
        if self.sign and self.task.kind == "approve":
            return []
        return [choice for choice in self.buttons if choice.more]

    def input(self, one: Input) -> str:
        """What an input is called; the language's word for its name where its author gave none."""
        language = self.shown.language
        known = next((key for key in (f"inputs.{one.name}", f"labels.{one.name}") if has(language, key)), "")
        named = self.say(known, by="", at="", deadline="", title="", code="", label="") if known else one.name
        return one.label or named

    @property
    def mine(self) -> bool:
        return self.task.standing == "yours" and self.answerable


def view(task: TaskRow, person: Person, reader: Reader, now: datetime) -> Ask:
    """The task as this person may see and answer it. The last word has the workflow."""
    shown = Message.model_validate(task.shown).read_by(person.language)
    choices = shown.choices or [Choice.model_validate(item) for item in shown.values.get("verbs", [])]
    picks: dict[str, list[Choice]] = {}
    for choice in choices:
        if choice.verb.startswith("answer:"):
            picks.setdefault(choice.verb.split(":")[1], []).append(choice)
    buttons = [choice for choice in choices if not choice.verb.startswith("answer:")]
    return Ask(
        task=task,
        shown=shown,
        answerable=may_answer(task, person, reader, now),
        sign=must_sign(task, reader),
        reference=shown.task or f"{task.id}:{task.version}",
        buttons=buttons,
        picks=picks,
        inputs=shown.inputs,
        meanings=meanings(reader.matrix, task.authority),
    )


def reply(language: str, zone: ZoneInfo, what: Mapping[str, Json]) -> str:
    """What became of an answer, in its giver's language: as on the other channels, but for what a page says better."""
    code, at = str(what.get("code", "")), what.get("at")
    known = (f"{part}.{code}" for part in ("outcome", "replies") if has(language, f"{part}.{code}"))
    key = next(known, "outcome.other")
    if code == "done" and not what.get("accepted"):
        key = "replies.done"  # by somebody else
    moment = local_text(datetime.fromisoformat(str(at)), zone, language) if at else ""
    return say(language, key, {"by": what.get("by") or "", "at": moment, "title": "", "code": ""}).strip()


def must_sign(task: TaskRow, reader: Reader) -> bool:
    """By the risk under which it was asked, or by the matrix as it is now."""
    risk = risk_of(reader.matrix, task.authority, task.risk, [NOTHING])
    return signature_of(reader.matrix, task.authority, risk) is SignatureClass.CONSOLE


def may_answer(task: TaskRow, person: Person, reader: Reader, now: datetime) -> bool:
    """Whether to offer the form: the one who has it, anybody asked while nobody has, or who holds the authority."""
    if task.closed_at is not None or task.standing not in UNFINISHED:
        return False
    if task.kind == "task" and task.person is not None:
        return task.person == person.id
    may = task.authority in reader.lent or holds(reader.matrix, person, task.authority, now)
    return person.id in task.asked or (task.kind == "approve" and may)
