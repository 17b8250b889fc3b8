"""The sentences of a scenario: `accepts repair after 2m, estimate 2h after 10m, done after 1h cause "worn belt"`.

Each deed is a verb or the name of something asked for, then in any order: the task (once is enough), `after` a span
since the deed before (the first: since being asked), `at` a moment, `via` a channel, and `name value` for what is
filled in beside it.
"""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.values import Json, duration, iso

VERBS = {
    "accepts": "accept",
    "declines": "decline",
    "arrives": "arrived",
    "arrived": "arrived",
    "done": "done",
    "approves": "approve",
    "rejects": "reject",
    "answers": "answer",
    "hands_over": "hand_over",
    "asks": "ask",
    "informs": "inform",
    "snoozes": "snooze",
}
CHANNELS = ("slack", "sms", "console")
_SPAN = re.compile(r"(\d+[dhms])+")
SLACK = timedelta(seconds=1)  # a window named by one time


@dataclass(frozen=True)
class Said:
    """One deed as written. `words`: verb first (or the name of an ask), then what is not named otherwise."""

    verb: str
    words: tuple[str, ...] = ()
    after: timedelta = timedelta()
    at: str = ""
    via: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def deeds(text: str, is_field: Callable[[str], bool]) -> list[Said]:
    """The deeds of a sentence. `is_field`: is this word the name of something that can be filled in? Raises
    ValueError with what is wrong."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=",")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) == {","}:
            found.append([])
        else:
            found[-1].append(word)
    if not all(found):
        raise ValueError("say what this person does: accepts repair after 2m, done after 1h")
    return [_deed(words, is_field) for words in found]


def _deed(words: Sequence[str], is_field: Callable[[str], bool]) -> Said:
    verb, rest = words[0], list(words[1:])
    said: dict[str, str] = {}
    fields: dict[str, str] = {}
    others: list[str] = []
    if verb not in VERBS and not is_field(verb):
        raise ValueError(f"'{verb}' is nothing that people do here: {', '.join(VERBS)}, or the name of an answer")
    if verb not in VERBS:  # `estimate 2h`
        rest = [verb, *rest]
        verb = "answers"
    while rest:
        word = rest.pop(0)
        takes_value = word in ("after", "at", "via") or is_field(word)
        if takes_value and not rest:
            raise ValueError(f"'{word}' needs something behind it")
        if word in ("after", "at", "via"):
            said[word] = rest.pop(0)
        elif is_field(word):
            fields[word] = rest.pop(0)
        else:
            others.append(word)
    if said.get("via", "console") not in CHANNELS:
        raise ValueError(f"'{said['via']}' is no channel: {', '.join(CHANNELS)}")
    return Said(verb, tuple(others), duration(said.get("after", "0s")), said.get("at", ""), said.get("via", ""), fields)


@dataclass(frozen=True)
class Window:
    """From `begin` to `end`, both included; None = whenever."""

    begin: datetime | None = None
    end: datetime | None = None

    def has(self, moment: datetime) -> bool:
        return (self.begin is None or self.begin - SLACK < moment) and (self.end is None or moment < self.end + SLACK)


def window(words: Sequence[str], moment: Callable[[str], datetime]) -> Window:
    """`at 13m`, `13m to 15m`, `by 15m`, `after 5m`, or nothing. Raises ValueError."""
    text = [word for word in words if word != "at"]
    if not text:
        return Window()
    if text[0] in ("by", "after") and len(text) == 2:
        return Window(end=moment(text[1])) if text[0] == "by" else Window(begin=moment(text[1]))
    if len(text) >= 3 and "to" in text:
        middle = text.index("to")
        return Window(moment(" ".join(text[:middle])), moment(" ".join(text[middle + 1 :])))
    at = moment(" ".join(text))
    return Window(at, at)


def is_span(text: str) -> bool:
    return _SPAN.fullmatch(text) is not None


def shifted(value: Json, start: datetime) -> Json:
    """The same JSON with texts like `@90m` and `@-30m` as times after and before the start."""
    if isinstance(value, dict):
        return {key: shifted(item, start) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, start) for item in value]
    if isinstance(value, str) and value.startswith("@") and is_span(value.lstrip("@-")):
        span = duration(value.lstrip("@-"))
        return iso(start - span if value.startswith("@-") else start + span)
    return value
