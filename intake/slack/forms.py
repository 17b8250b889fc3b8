"""A submitted form: the values that it gives for a choice, and what is wrong with them. Pure."""

from collections.abc import Mapping

from domain.asking.messages import Choice, Input, Message
from domain.values import Json, duration

REPORT = Choice(
    verb="report",
    asks=[Input(name="equipment", kind="text", required=True), Input(name="text", kind="text", required=True)],
)
PICK = ".pick"  # of a duration: the quick one that was picked; what is written instead wins


def choice_of(message: Message, verb: str) -> Choice | None:
    """The choice that this verb names in what was shown."""
    return next((choice for choice in message.choices if choice.verb == verb), None)


def read(choice: Choice, given: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
    """(values by name, key of the sentence that says what is wrong by input)."""
    values: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for item in choice.asks:
        text = str(given.get(item.name) or given.get(item.name + PICK) or "").strip()
        if text and _fits(item, text):
            values[item.name] = text
        elif text or item.required:
            wrong[item.name] = f"slack.needs_{item.kind}" if item.kind in ("duration", "choice") else "slack.needs"
    return values, wrong


def _fits(item: Input, text: str) -> bool:
    if item.kind == "choice" and item.choices:
        return text in [choice.value for choice in item.choices]
    if item.kind != "duration":
        return True
    try:
        duration(text)
    except ValueError:
        return False
    return True
