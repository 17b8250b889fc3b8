"""What a task or approval offers to press, and what a press asks for, the same on every channel. Pure.

Few choices are of the first rank: accept and decline, then what the step is about. All else is `more`.
"""

from functools import lru_cache

from domain.asking.messages import Choice, Fact, Input
from domain.asking.tasks import LiveTask, asks, buttons, has_done
from domain.language.definition import ApproveStep, Ask
from domain.language.texts import pick

QUICK_DURATIONS = ("30m", "1h", "2h", "4h")
SNOOZES = ("15m", "1h", "4h")
_REASON = Input(name="reason")
_FOR = Input(name="for", kind="choice", choices=[Fact(label=span, value=span) for span in SNOOZES])
_ASIDE = [
    Choice(verb="ask", asks=[Input(name="text", required=True)], more=True),
    Choice(verb="inform", asks=[Input(name="text", required=True)], more=True),
    Choice(verb="snooze", asks=[_FOR], more=True),
]
_REJECT = Choice(verb="reject", style="danger", asks=[Input(name="comment")])
_ARRIVED, _ACCEPT = Choice(verb="arrived"), Choice(verb="accept", style="primary")
_DECLINE, _DECLINE_TOO = (Choice(verb="decline", asks=[_REASON], more=more) for more in (False, True))


def choices(task: LiveTask, *, mine: bool) -> list[Choice]:
    """What a reader may press: everybody asked while it is open (`mine` False), the one who accepted afterwards."""
    if isinstance(task.step, ApproveStep):
        return [*_options(task), *_ASIDE, _DECLINE_TOO]
    return [*(_of_holder(task) if mine else _of_asked(task)), *_ASIDE]


def _options(task: LiveTask) -> list[Choice]:
    offered = [Choice(verb=f"approve:{option.id}", label=option.title, style="primary") for option in task.options]
    return [*offered, _REJECT]


def _of_asked(task: LiveTask) -> list[Choice]:
    picks = _picks(task)
    return [*picks, _DECLINE_TOO] if picks else [_ACCEPT, _DECLINE]


def _of_holder(task: LiveTask) -> list[Choice]:
    durations = [name for name, ask in asks(task).items() if ask.kind == "duration" and name not in task.values]
    estimates = [choice for name in durations for choice in _estimates(name)]
    arrived = "arrived" in buttons(task) and "arrived_at" not in task.values
    return [
        *([_ARRIVED] if arrived else []),
        *estimates,
        *_picks(task),
        *([Choice(verb="done", style="primary", asks=inputs(task, mine=True))] if has_done(task) else []),
        *_other_estimates(task),
        Choice(verb="hand_over", asks=[*_to(task), _REASON], more=True),
        _DECLINE_TOO,
    ]


@lru_cache(maxsize=256)
def _estimates(name: str) -> tuple[Choice, ...]:
    return tuple(Choice(verb=f"answer:{name}:{span}", label=span) for span in QUICK_DURATIONS)


def _picks(task: LiveTask) -> list[Choice]:
    return [
        Choice(verb=f"answer:{name}:{value}", label=pick(ask.words.get(value, value)))
        for name, ask in asks(task).items()
        if ask.kind == "choice"
        for value in ask.choices
    ]


def _other_estimates(task: LiveTask) -> list[Choice]:
    """Any duration, also in place of an earlier one."""
    spans = [_input(name, ask) for name, ask in asks(task).items() if ask.kind == "duration"]
    one = [span.model_copy(update={"required": True}) for span in spans[:1]]
    return [Choice(verb="answer", asks=one, more=True)] if one else []


def _to(task: LiveTask) -> list[Input]:
    """Those who were asked for it; any other who fits may be named by id. Without one it goes back to all of them."""
    others = [Fact(label=name, value=person) for person, name in sorted(task.ever_asked.items())]
    others = [one for one in others if one.value != task.person]
    return [Input(name="to", kind="choice" if others else "text", choices=others)]


def inputs(task: LiveTask, *, mine: bool) -> list[Input]:
    """The free texts that may be written beside the buttons once the task is one's own."""
    return [_input(name, ask) for name, ask in asks(task).items() if ask.kind == "text"] if mine else []


def _input(name: str, ask: Ask) -> Input:
    return Input(name=name, label=pick(ask.label) or name, kind=ask.kind, required=ask.required)
