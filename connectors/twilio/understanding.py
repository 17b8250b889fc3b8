"""What a person's text means: a task's code, a verb, and what belongs to the verb. Pure.

The words are those of `domain.asking.answer_words`, of all languages at once, in any case, with or without diacritics.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from domain.asking.answer_words import HELP, KEYWORDS, NUMBER_WORDS, OUR_HELP, START, STOP, UNITS, VERBS
from domain.values import Json

OUTSIDE = frozenset({"opt_out", "opt_in", "help", "mine", "report"})
"""Verbs of no task: they never need a code."""

_CODE = re.compile(r"[A-HJ-NP-Z2-9]{4}")  # domain.ids.task_code
_NUMBER = re.compile(r"#?([0-9]{1,2})")
_DURATION = re.compile(r"\s*(\d{1,4})(?:[.,](\d{1,2}))?\s*([A-Z]+)")
_TIMED = ("answer", "snooze")
_REST = {"decline": "reason", "reject": "comment", "done": "cause", "ask": "text", "inform": "text"}
_FOLDED = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"})


@dataclass(frozen=True)
class Answer:
    """`verb` empty = free text: whoever reads it asks back. `code` empty = none was written."""

    verb: str
    code: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)


def fold(text: str) -> str:
    """Capitals without diacritics: `Zakończone` and `zakonczone` are both `ZAKONCZONE`."""
    parts = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    return "".join(char for char in parts if not unicodedata.combining(char)).upper()


def understand(text: str, opt_out: str = "") -> Answer:
    """`<CODE> <word> <rest>` in any case and with any punctuation between, or `<word> <CODE> <rest>`; without a code
    only when the word stands alone (or with its duration): `No idea` and `Here is a photo` are free text.

    A four-letter word is taken for a code only when an answer follows, or when it looks like one (all capitals or with
    a digit): `need help` is free text, not task NEED; an answer word such as HERE never is one. Opt-out words count
    only alone, as at Twilio: verbs `opt_out`, `opt_in`, `help`.
    """
    keyword = _keyword(text, opt_out)
    if keyword:
        return Answer(keyword)
    first, rest = _split(text)
    code = _code(first)
    answer = _answer(rest) if code else None
    if answer:
        return Answer(answer.verb, code, answer.fields)
    return _coded_later(text) or _bare(text) or Answer("", code if code and _looks_like_code(first, rest) else "")


def _code(word: str) -> str:
    upper = word.upper()
    return upper if _CODE.fullmatch(upper) and upper not in KEYWORDS else ""


def _looks_like_code(first: str, rest: str) -> bool:
    return not rest or first.isupper() or any(char.isdigit() for char in first)


def _keyword(text: str, opt_out: str) -> str:
    word = fold(opt_out) or fold(text).strip(" .!")
    for verb, words in (("opt_out", STOP), ("opt_in", START), ("help", HELP | OUR_HELP)):
        if word in words:
            return verb
    return ""


def _coded_later(text: str) -> Answer | None:
    """`ok K7QP`, `done K7QP belt`: the code right after the word, when it looks like one."""
    verb, rest = _verb(text)
    first, more = _split(rest)
    if verb in _TIMED and duration(rest):  # `est 245m`
        return None
    if not verb or not _code(first) or not _looks_like_code(first, "x"):
        return None
    return Answer(verb, _code(first), _fields(verb, more))


def _bare(text: str) -> Answer | None:
    """An answer without a code: nothing may follow but what the verb itself asks for."""
    answer = _answer(text)
    if answer is None or answer.verb in OUTSIDE or answer.verb == "choose":
        return answer
    _, rest = _verb(text)
    fits = not rest or bool(duration(rest) and answer.verb in _TIMED)
    return answer if fits or duration(text) else None


def _answer(text: str) -> Answer | None:
    """The verb and fields of what follows the code: a word with its rest, a number, or a duration alone."""
    verb, rest = _verb(text)
    if verb == "mine" and rest:
        return None
    if verb:
        return Answer(verb, "", _fields(verb, rest))
    word, more = _split(text)
    number = _NUMBER.fullmatch(more.strip(" .!") if fold(word) in NUMBER_WORDS else text.strip(" .!)"))
    if number:
        return Answer("choose", "", {"number": int(number[1])})
    span = duration(text)
    return Answer("answer", "", {"estimate": span}) if span else None


def _verb(text: str) -> tuple[str, str]:
    """The verb that the text begins with, of two words or one, and the rest; empty when there is none."""
    first, rest = _split(text)
    second, more = _split(rest)
    both = VERBS.get(f"{fold(first)} {fold(second)}", "") if second else ""
    return (both, more) if both else (VERBS.get(fold(first), ""), rest)


def _fields(verb: str, rest: str) -> dict[str, Json]:
    """What the rest of the text is for this verb."""
    if not rest:
        return {}
    if verb == "answer":
        return {"estimate": duration(rest) or rest}
    if verb == "snooze":
        return {"for": duration(rest) or duration(f"{rest.strip(' .!')}m") or rest}
    if verb == "hand_over":
        return _two("to", "reason", rest)
    if verb == "report":
        return _two("equipment", "text", rest)
    return {_REST.get(verb, "reason"): rest}


def _two(name: str, more: str, rest: str) -> dict[str, Json]:
    """A name without spaces (it may hold dots and dashes), and what is said beside it."""
    word, _, said = rest.partition(" ")
    fields: dict[str, Json] = {name: word.strip(".,:;!")}
    return fields | ({more: said.strip()} if said.strip() else {})


def duration(text: str) -> str:
    """`2 hours`, `1,5h`, `1h 30min`, `90 Min.`, `2 godz` as `2h`, `1h30m`, `1h30m`, `1h30m`, `2h`; empty when none."""
    minutes = 0
    rest = fold(text).strip(" .!")
    while rest:
        match = _DURATION.match(rest)
        unit = UNITS.get(match[3], "") if match else ""
        if not match or not unit:
            return ""
        minutes += round(float(f"{match[1]}.{match[2] or 0}") * {"m": 1, "h": 60, "d": 1440}[unit])
        rest = rest[match.end() :].strip(" .,")
    return "".join(_parts(minutes))


def _parts(minutes: int) -> Iterator[str]:
    for unit, size in (("d", 1440), ("h", 60), ("m", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            yield f"{count}{unit}"


def _split(text: str) -> tuple[str, str]:
    """The first word without punctuation around it, and the rest."""
    match = re.match(r"[\W_]*([^\W_]+)[^\w]*(.*)", text, re.DOTALL)
    return (match[1], match[2].strip()) if match else ("", "")
