"""The one state machine of a task or approval, the same on every channel: pure, no clock, no I/O.

A task goes open -> yours (accepted) -> done; an approval open -> decided; both may be withdrawn or expire. Accepted, it
may be open again: its holder declines it, gives it back, or is silent for too long. What is offered to whom is
`domain.asking.task_choices`'.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.asking.messages import OptionCard, Standing
from domain.language.definition import ApproveStep, Ask, TaskStep
from domain.values import Json, duration, iso

_VERBS = ("accept", "answer", "")  # every task takes these, and those of `ASIDE`
FINISHED = (Standing.DONE, Standing.DECIDED, Standing.WITHDRAWN, Standing.EXPIRED)
TALK = ("ask", "inform")
SNOOZE, LONGEST_SNOOZE = "15m", timedelta(hours=24)
_TEXT = 2000


@dataclass(frozen=True)
class Reply:
    """What the presser is told: `code` names a sentence of the reply table, `by` and `at` who was first and when."""

    accepted: bool
    code: str
    by: str = ""
    at: datetime | None = None


@dataclass
class LiveTask:
    """A task or approval while it runs. `asked`: person id -> name; `values`: the answers so far by name."""

    id: str
    name: str
    path: str
    step: TaskStep | ApproveStep
    options: list[OptionCard] = field(default_factory=list)
    offered: dict[str, Json] = field(default_factory=dict)  # option id -> the whole option, as proposed
    asked: dict[str, str] = field(default_factory=dict)
    ever_asked: dict[str, str] = field(default_factory=dict)
    version: int = 1
    standing: Standing = Standing.OPEN
    person: str | None = None
    values: dict[str, Json] = field(default_factory=dict)
    votes: dict[str, Json] = field(default_factory=dict)  # person -> option id, while a quorum gathers
    shown_hash: str = ""
    channel: str = ""
    change: int = 0
    silent_from: str = ""  # the holder's last sign of life, or the end of the time that the holder estimated
    reminded: bool = False  # in this silence
    snoozed: dict[str, str] = field(default_factory=dict)  # person -> when to ask again
    handing: str = ""  # who is asked to take it over; until that person accepts, it stays the holder's
    calls: dict[str, str] = field(default_factory=dict)  # person -> why this person is to be written to now
    stirs: int = 0  # changes that concern no other reader: whoever waits for this task looks again

    @property
    def kind(self) -> str:
        return "task" if isinstance(self.step, TaskStep) else "approve"

    @property
    def person_name(self) -> str:
        return self.ever_asked.get(self.person or "", self.person or "")

    @property
    def finished(self) -> bool:
        return self.standing in FINISHED

    def end(self, standing: Standing) -> None:
        """The task ends for a reason of its own: withdrawn or expired."""
        if not self.finished:
            self._over(standing)
            self.change += 1

    def _over(self, standing: Standing) -> None:
        """Nobody is asked for it any more."""
        self.standing, self.handing = standing, ""
        self.calls.clear()
        self.snoozed.clear()

    def closed_reply(self) -> Reply:
        """What somebody reads who answers too late."""
        at = self.values.get("done_at") or self.values.get("at")
        when = datetime.fromisoformat(str(at)) if at else None
        return Reply(False, self.standing.value, self.person_name, when)

    def taken_reply(self) -> Reply:
        return Reply(False, "taken", self.person_name, _moment(self.values.get("accepted_at")))

    def heard(self, person: str, at: datetime) -> None:
        """The holder gave a sign of life; an estimate that is not over yet holds longer."""
        if person == self.person:
            self.silent_from, self.reminded = max(self.silent_from, iso(at)), False

    def reopen(self, *, without: str = "") -> None:
        """Nobody has it any more; everybody who was asked is asked again, but for this person."""
        self.person, self.standing, self.handing, self.silent_from = None, Standing.OPEN, "", ""
        self.values = {name: value for name, value in self.values.items() if name not in ("accepted_at", "by")}
        self.calls = {person: "again" for person in self.asked if person != without}
        self.change += 1


def answer(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """Apply an answer to a task step. Losers of a race read who was first; a repeat changes nothing."""
    if task.finished:
        return task.closed_reply()
    if verb in ASIDE:
        return ASIDE[verb](task, person, verb, fields, at)
    if task.person not in (None, person) and task.handing != person:
        return task.taken_reply()
    values, problem = _read_fields(task, verb, fields)
    problem = problem or _unfit(task, verb, values)
    if problem:
        return Reply(False, problem)
    if verb == "accept" and task.person == person:
        return Reply(True, "yours")
    _accept(task, person, at)
    _record(task, person, verb, values, at)
    task.change += 1
    return Reply(True, "done" if task.standing is Standing.DONE else "yours" if verb == "accept" else "recorded")


def _record(task: LiveTask, person: str, verb: str, values: dict[str, Json], at: datetime) -> None:
    task.values |= values
    task.heard(person, at + max((_span(task, name, text) for name, text in values.items()), default=timedelta()))
    if verb == "arrived":
        task.values.setdefault("arrived_at", iso(at))
    if verb == "done" or (not has_done(task) and not missing(task)):
        task.values |= {"done_at": iso(at), "done_by": person}
        task._over(Standing.DONE)


def _span(task: LiveTask, name: str, text: Json) -> timedelta:
    """How long this answer says that it will take."""
    return duration(str(text)) if asks(task)[name].kind == "duration" else timedelta()


def decide(task: LiveTask, person: str, channel: str, verb: str, comment: str, at: datetime) -> Reply:
    """Apply an authorised answer to an approval: the first rejection decides, or the vote that makes the quorum."""
    if task.finished:
        return task.closed_reply()
    if verb in ASIDE and verb != "hand_over":
        return ASIDE[verb](task, person, verb, {"text": comment, "for": comment}, at)
    option = verb.removeprefix("approve:") if verb.startswith("approve:") else ""
    if verb != "reject" and option not in task.offered:
        return Reply(False, "ask_again")
    if option and not _enough(task, person, option):
        task.values["votes"] = dict(task.votes)
        task.change += 1
        return Reply(True, "recorded")
    task.person, task.channel = person, channel
    task._over(Standing.DECIDED)
    verdict = "rejected" if verb == "reject" else "approved"
    task.values |= {"verdict": verdict, "by": person, "at": iso(at), "comment": comment}
    if option:
        task.values["option"] = task.offered[option]
    task.change += 1
    return Reply(True, verdict)


def _enough(task: LiveTask, person: str, option: str) -> bool:
    """Everybody has one vote and may change it; a quorum is that many votes for the same option."""
    task.votes[person] = option
    quorum = task.step.quorum if isinstance(task.step, ApproveStep) else 1
    return sum(1 for vote in task.votes.values() if vote == option) >= quorum


def _unfit(task: LiveTask, verb: str, values: dict[str, Json]) -> str:
    """Why this verb does nothing here: the step has no such button, or answers that must be given are not there."""
    pressed = (*_VERBS, *(name for name in buttons(task) if name != "done"), *(["done"] if has_done(task) else []))
    known = verb in pressed or verb.startswith("answer:")
    lacking = verb == "done" and set(missing(task)) - set(values)
    return "" if known and not lacking else "ask_again"


def _decline(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """Who has it gives it back to the others; who was asked, or was to take it over, is not asked any more."""
    task.asked.pop(person, None)
    task.votes.pop(person, None)
    _leave(task, person)
    return Reply(True, "declined")


def _leave(task: LiveTask, person: str) -> None:
    task.snoozed.pop(person, None)
    task.calls.pop(person, None)
    if task.person == person:
        task.reopen(without=person)
        return
    if task.handing == person:
        task.handing = ""
        if task.person:
            task.calls[task.person] = "refused"
    task.change += 1


def _hand_over(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """To the person `to` (called `to_name`), who was found to fit, or back to the others. Who has it keeps it until the
    named one accepts; who only was asked is not asked any more."""
    if task.person not in (None, person):
        return task.taken_reply()
    to = str(fields.get("to") or "")
    if not to:
        return _decline(task, person, verb, fields, at)
    if to == person:
        return Reply(False, "ask_again")
    if task.person == person:
        task.calls.pop(task.handing, None)
        task.handing = to
        task.heard(person, at)
    else:
        task.asked.pop(person, None)
        _leave(task, person)
    task.asked[to] = task.ever_asked[to] = str(fields.get("to_name") or to)
    task.calls[to] = "hand_over"
    task.change += 1
    return Reply(True, "handed_over", task.asked[to])


def _talk(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """A question or a note: it goes into the exception's story and decides nothing."""
    if not str(fields.get("text") or "").strip():
        return Reply(False, "ask_again")
    task.heard(person, at)
    task.stirs += 1
    return Reply(True, "recorded" if verb == "inform" else "asked")


def _snooze(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """Remind this person later. It accepts nothing, and the ladder goes on."""
    if task.person not in (None, person) and task.handing != person:
        return task.taken_reply()
    try:
        span = duration(str(fields.get("for") or SNOOZE).strip())
    except ValueError:
        return Reply(False, "ask_again")
    if not timedelta() < span <= LONGEST_SNOOZE:
        return Reply(False, "ask_again")
    task.snoozed[person] = iso(at + span)
    task.heard(person, at)
    task.stirs += 1
    return Reply(True, "snoozed", at=at + span)


ASIDE = {"decline": _decline, "hand_over": _hand_over, "ask": _talk, "inform": _talk, "snooze": _snooze}
"""What anybody who was asked may do; nothing of it is an answer."""


def silent(task: LiveTask) -> None:
    """The holder was silent for too long: it is open again, and the others are asked again."""
    holder = task.person or ""
    task.reopen(without=holder)
    task.calls |= {holder: "released"} if holder in task.asked else {}


def _accept(task: LiveTask, person: str, at: datetime) -> None:
    """The first has it; later only the one whom the holder wants to have it."""
    if task.person is None or task.handing == person:
        task.person, task.standing, task.handing, task.silent_from = person, Standing.YOURS, "", ""
        task.values |= {"accepted_at": iso(at), "by": person}
        task.calls.clear()
        task.snoozed.pop(person, None)


def asks(task: LiveTask) -> dict[str, Ask]:
    """What the step asks for, by name."""
    return dict(task.step.ask) if isinstance(task.step, TaskStep) else {}


def buttons(task: LiveTask) -> list[str]:
    """The buttons that the author wants beside the answers."""
    return list(task.step.buttons) if isinstance(task.step, TaskStep) else []


def has_done(task: LiveTask) -> bool:
    """Is it ended by saying so? Else by the last required answer."""
    return isinstance(task.step, TaskStep) and ("done" in task.step.buttons or not task.step.ask)


def missing(task: LiveTask) -> list[str]:
    """The required answers that are not there yet."""
    return [name for name, ask in asks(task).items() if ask.required and name not in task.values]


def _read_fields(task: LiveTask, verb: str, fields: dict[str, Json]) -> tuple[dict[str, Json], str]:
    """The named, checked answers in a press or text; the second part is a reply code when something is wrong."""
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    if verb.startswith("answer:"):
        name, _, value = verb.removeprefix("answer:").partition(":")
        given = {name: value}
    read: dict[str, Json] = {}
    for name, value in given.items():
        ask_name = _ask_name(task, name, str(value))
        if ask_name is None:
            return {}, "ask_again"
        ask, text = asks(task)[ask_name], str(value).strip()[:_TEXT]
        if not _fits(ask, text):
            return {}, "ask_again"
        read[ask_name] = text
    if verb in ("answer", "") and not read:
        return {}, "ask_again"
    return read, ""


def _ask_name(task: LiveTask, name: str, value: str) -> str | None:
    """The ask that this value is for: by its name, else (short messages carry none) by its kind."""
    asked = asks(task)
    if name in asked:
        return name
    wanted = {"duration": "duration", "estimate": "duration", "text": "text", "cause": "text"}.get(name, "choice")
    return next((ask for ask, spec in asked.items() if spec.kind == wanted and _fits(spec, value.strip())), None)


def _fits(ask: Ask, text: str) -> bool:
    if ask.kind == "choice":
        return text in ask.choices
    if ask.kind == "duration":
        try:
            duration(text)
        except ValueError:
            return False
    return bool(text)


def _moment(text: Json) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
