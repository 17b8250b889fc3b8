"""The one state machine of a task or approval, the same on every channel: pure, no clock, no I/O.

A task goes open -> yours (accepted) -> done; an approval open -> decided; both may be withdrawn or expire.
"""

from dataclasses import dataclass, field
from datetime import datetime

from domain.definition import ApproveStep, Ask, TaskStep
from domain.messages import Choice, Input, OptionCard, Standing
from domain.values import Json, duration, iso

QUICK_DURATIONS = ("30m", "1h", "2h", "4h")
_VERBS = ("accept", "answer", "")  # every task takes these; `decline` too
FINISHED = (Standing.DONE, Standing.DECIDED, Standing.WITHDRAWN, Standing.EXPIRED)


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
            self.standing = standing
            self.change += 1

    def closed_reply(self) -> Reply:
        """What somebody reads who answers too late."""
        at = self.values.get("done_at") or self.values.get("at")
        when = datetime.fromisoformat(str(at)) if at else None
        return Reply(False, self.standing.value, self.person_name, when)


def answer(task: LiveTask, person: str, verb: str, fields: dict[str, Json], at: datetime) -> Reply:
    """Apply an answer to a task step. Losers of a race read who was first; a repeat changes nothing."""
    if task.finished:
        return task.closed_reply()
    if verb == "decline":
        return _decline(task, person)
    if task.person not in (None, person):
        return Reply(False, "taken", task.person_name, _moment(task.values.get("accepted_at")))
    values, problem = _read_fields(task, verb, fields)
    problem = problem or _unfit(task, verb, values)
    if problem:
        return Reply(False, problem)
    if verb == "accept" and task.person == person:
        return Reply(True, "yours")
    _accept(task, person, at)
    task.values |= values
    if verb == "arrived":
        task.values.setdefault("arrived_at", iso(at))
    if verb == "done" or (not _has_done(task) and not missing(task)):
        task.values |= {"done_at": iso(at), "done_by": person}
        task.standing = Standing.DONE
    task.change += 1
    return Reply(True, "done" if task.standing is Standing.DONE else "yours" if verb == "accept" else "recorded")


def decide(task: LiveTask, person: str, channel: str, verb: str, comment: str, at: datetime) -> Reply:
    """Apply an authorised answer to an approval: the first rejection decides, or the vote that makes the quorum."""
    if task.finished:
        return task.closed_reply()
    option = verb.removeprefix("approve:") if verb.startswith("approve:") else ""
    if verb != "reject" and option not in task.offered:
        return Reply(False, "ask_again")
    if option and not _enough(task, person, option):
        task.values["votes"] = dict(task.votes)
        task.change += 1
        return Reply(True, "recorded")
    task.person, task.channel, task.standing = person, channel, Standing.DECIDED
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
    buttons = (
        *_VERBS,
        *(button for button in _buttons(task) if button != "done"),
        *(["done"] if _has_done(task) else []),
    )
    known = verb in buttons or verb.startswith("answer:")
    lacking = verb == "done" and set(missing(task)) - set(values)
    return "" if known and not lacking else "ask_again"


def _decline(task: LiveTask, person: str) -> Reply:
    if task.person == person:
        task.person, task.standing = None, Standing.OPEN
        task.values.pop("accepted_at", None)
    task.asked.pop(person, None)
    task.change += 1
    return Reply(True, "declined")


def _accept(task: LiveTask, person: str, at: datetime) -> None:
    if task.person is None:
        task.person, task.standing = person, Standing.YOURS
        task.values |= {"accepted_at": iso(at), "by": person}


def _asks(task: LiveTask) -> dict[str, Ask]:
    return dict(task.step.ask) if isinstance(task.step, TaskStep) else {}


def _buttons(task: LiveTask) -> list[str]:
    return list(task.step.buttons) if isinstance(task.step, TaskStep) else []


def _has_done(task: LiveTask) -> bool:
    return isinstance(task.step, TaskStep) and ("done" in task.step.buttons or not task.step.ask)


def missing(task: LiveTask) -> list[str]:
    """The required answers that are not there yet."""
    return [name for name, ask in _asks(task).items() if ask.required and name not in task.values]


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
        ask, text = _asks(task)[ask_name], str(value).strip()[:2000]
        if not _fits(ask, text):
            return {}, "ask_again"
        read[ask_name] = text
    if verb in ("answer", "") and not read:
        return {}, "ask_again"
    return read, ""


def _ask_name(task: LiveTask, name: str, value: str) -> str | None:
    """The ask that this value is for: by its name, else (short messages carry none) by its kind."""
    asks = _asks(task)
    if name in asks:
        return name
    wanted = {"duration": "duration", "estimate": "duration", "text": "text", "cause": "text"}.get(name, "choice")
    return next((ask for ask, spec in asks.items() if spec.kind == wanted and _fits(spec, value.strip())), None)


def _fits(ask: Ask, text: str) -> bool:
    if ask.kind == "choice":
        return text in ask.choices
    if ask.kind == "duration":
        try:
            duration(text)
        except ValueError:
            return False
    return bool(text)


def choices(task: LiveTask, *, mine: bool) -> list[Choice]:
    """What a reader may press: everybody asked while it is open (`mine` False), the one who accepted afterwards."""
    if isinstance(task.step, ApproveStep):
        offered = [Choice(verb=f"approve:{option.id}", label=option.title, style="primary") for option in task.options]
        return [*offered, Choice(verb="reject", style="danger")]
    picks = [
        Choice(verb=f"answer:{name}:{value}", label=value)
        for name, ask in task.step.ask.items()
        if ask.kind == "choice"
        for value in ask.choices
    ]
    if not mine:
        return picks or [Choice(verb="accept", style="primary"), Choice(verb="decline")]
    estimates = [
        Choice(verb=f"answer:{name}:{value}", label=value)
        for name, ask in task.step.ask.items()
        if ask.kind == "duration" and name not in task.values
        for value in QUICK_DURATIONS
    ]
    arrived = ["arrived"] if "arrived" in task.step.buttons and "arrived_at" not in task.values else []
    done = ["done"] if _has_done(task) else []
    return [*(Choice(verb=v) for v in arrived), *estimates, *picks, *(Choice(verb=v, style="primary") for v in done)]


def inputs(task: LiveTask, *, mine: bool) -> list[Input]:
    """The free texts that may be written beside the buttons once the task is one's own."""
    if not mine:
        return []
    return [
        Input(name=name, label=ask.label or name, kind=ask.kind, required=ask.required)
        for name, ask in _asks(task).items()
        if ask.kind == "text"
    ]


def _moment(text: Json) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
