"""The second menu of a call: what is not said at first because few want it, as far as keys can say it. Pure.

`more` leads to the others: how many minutes until a reminder, to whom it is handed over, and where to write what needs
words.
"""

from domain.asking.messages import Choice, Message, MessageKind, Standing
from domain.values import Json
from templates.words import say

MORE = "0"
_NAMED = 7  # people that one can keep in mind while they are read out
_BACK = "8"
_WORDY = ("ask", "inform")


def menus(message: Message, first: dict[str, str]) -> dict[str, Json]:
    """Name -> `{"say", "keys"}` (digit -> verb, `hand_over:<person>` or `menu:<name>`), or `{"say", "asks"}` where any
    digits are the answer. `first`: what has a key already. Empty when there is nothing more."""
    if message.kind is MessageKind.REPLY or message.standing not in (Standing.OPEN, Standing.YOURS):
        return {}
    offered = {choice.verb: choice for choice in message.choices}
    found: dict[str, Json] = {}
    items = list[tuple[str, str]]()
    if "snooze" in offered:
        found["snooze"] = {"say": _say(message, "voice.minutes"), "asks": "snooze"}
        items.append(("menu:snooze", "verbs.snooze"))
    if "hand_over" in offered:
        found["hand_over"] = _people(message, offered["hand_over"])
        items.append(("menu:hand_over", "verbs.hand_over"))
    if message.code and offered.keys() & set(_WORDY):
        found["words"] = {"say": _say(message, "voice.words", spelled=", ".join(message.code)), "keys": {}}
        items.append(("menu:words", "voice.wordy"))
    if "decline" in offered and "decline" not in first:
        items.append(("decline", "verbs.decline"))
    return ({"more": _menu(message, items)} | found) if items else {}


def _menu(message: Message, items: list[tuple[str, str]]) -> Json:
    numbered = [(str(n), verb, _say(message, key)) for n, (verb, key) in enumerate(items, 1)]
    return _read_out(message, numbered, "")


def _people(message: Message, choice: Choice) -> Json:
    """Those who were asked for it, by name; or back to all of them."""
    known = next((one.choices for one in choice.asks if one.name == "to"), [])
    people = [one for one in known if "," not in one.value][:_NAMED]
    numbered = [(str(n), f"hand_over:{one.value}", one.label) for n, one in enumerate(people, 1)]
    back = (_BACK, "hand_over", _say(message, "voice.back"))
    return _read_out(message, [*numbered, back], _say(message, "voice.to_whom"))


def _read_out(message: Message, numbered: list[tuple[str, str, str]], head: str) -> Json:
    lines = [_say(message, "voice.press", n=digit, label=label) for digit, _, label in numbered]
    said = " ".join([*([head] if head else []), *lines, _say(message, "voice.again")])
    return {"say": said, "keys": {digit: verb for digit, verb, _ in numbered}}


def _say(message: Message, key: str, **scope: Json) -> str:
    return say(message.language, key, scope)
