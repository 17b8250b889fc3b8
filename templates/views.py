"""What Slack shows besides messages: forms, a menu, the home tab and notices. Pure, as `render`.

Each is a view of docs.slack.dev, Views: at most 100 blocks, titles of 24 characters. `private_metadata` holds the
opaque task reference and nothing else.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from jinja2 import FileSystemLoader

from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, Standing
from domain.values import Json
from templates import blocks
from templates.render import FOLDER, scope_of
from templates.sandbox import Sandbox, run
from templates.words import has, say

BLOCKS, MESSAGE_BLOCKS = 100, 50
_OPTIONS, _GROUPS, _VALUE = 100, 100, 150
_TASKS = 20
QUICK = ("15m", "30m", "1h", "2h", "4h", "8h")
_BLANK: Mapping[str, str] = {"by": "", "at": "", "deadline": "", "title": "", "code": "", "n": "", "label": ""}


def form(message: Message, choice: Choice) -> dict[str, Json]:
    """What this choice asks for. A submission names the verb (callback_id) and the task (private_metadata)."""
    scope = scope_of(message)
    label = next((item["label"] for item in scope["answers"] if item["verb"] == choice.verb), choice.label)
    asks = [_input(message.language, item) for item in choice.asks]
    return _view("form", {**scope, "verb": choice.verb, "label": label, "asks": asks, "quick": QUICK})


def more(message: Message) -> dict[str, Json]:
    """The choices of the second rank as buttons."""
    return _view("more", scope_of(message))


def report(language: str, areas: Sequence[tuple[str, Sequence[Fact]]], text: str = "") -> dict[str, Json]:
    """Where and what, of the equipment by area (label, id): the first 100 areas with 100 units each."""
    kept = [
        {"label": title, "units": [unit.model_dump() for unit in _short_enough(units)]}
        for title, units in areas[:_GROUPS]
    ]
    return _view("report", _scope(language) | {"groups": [group for group in kept if group["units"]], "text": text})


def home(language: str, tasks: Sequence[Message], others: Sequence[Fact], note: str = "") -> dict[str, Json]:
    """My tasks, each as I was shown it last; then who else is asked what."""
    items = [_item(message) for message in tasks[:_TASKS]]
    rows = [fact.model_dump() for fact in others]
    return _view("home", _scope(language) | {"tasks": items, "others": rows, "note": note})


def listing(language: str, tasks: Sequence[Message]) -> dict[str, Json]:
    """My tasks as an answer that only I see."""
    found = home(language, tasks, [])["blocks"]
    return {"response_type": "ephemeral", "text": say(language, "slack.mine", _BLANK), "blocks": found[:MESSAGE_BLOCKS]}


def notice(language: str, key: str, **values: Json) -> dict[str, Json]:
    """A modal with one sentence of the words, such as `slack.loading` or `standing.taken`."""
    return _view("notice", _scope(language) | {"sentence": sentence(language, key, **values)})


def sentence(language: str, key: str, **values: Json) -> str:
    """One sentence of the words."""
    return say(language, key, {**_BLANK, **values})


def over(message: Message, standing: Standing) -> dict[str, Json]:
    """Why this task takes no answer any more."""
    return notice(message.language, f"standing.{standing}", by=message.by, at=message.at)


def _item(message: Message) -> dict[str, Any]:
    scope = scope_of(message)
    return {**scope, "due": scope["say"]("limits.deadline") if message.deadline else ""}


def _input(language: str, item: Input) -> dict[str, Any]:
    """As the form shows it; a label that is empty is the language's word for the name."""
    known = next((key for key in (f"inputs.{item.name}", f"labels.{item.name}") if has(language, key)), "")
    label = item.label or (say(language, known, _BLANK) if known else item.name)
    return {**item.model_dump(), "label": label, "choices": [c.model_dump() for c in _short_enough(item.choices)]}


def _short_enough(choices: Sequence[Fact]) -> list[Fact]:
    """A cut value would name something else, so a longer one is left out."""
    return [choice for choice in choices if 0 < len(choice.value) <= _VALUE][:_OPTIONS]


def _scope(language: str) -> dict[str, Any]:
    blank = Message(kind=MessageKind.NOTIFY, definition="", exception_id="", title="", language=language)
    return {"say": partial(_say, language), "language": blank.language}


def _say(language: str, key: str, **values: Any) -> str:
    return say(language, key, {**_BLANK, **values})


def _view(name: str, scope: Mapping[str, Any]) -> dict[str, Json]:
    template = _environment().get_template(f"views/{name}.j2")
    values = blocks.objects(run(lambda given: template.render(given), scope, name), name)
    return {**values[0], "blocks": values[1 : BLOCKS + 1]}


@lru_cache(maxsize=1)
def _environment() -> Sandbox:
    return blocks.sandbox(FileSystemLoader(FOLDER / "slack"))
