"""What an agent may answer, and whether it did: names, types, ranges and choices, all known before it is asked. Pure.

An answer is data of these types or it is nothing: what stands in a text cannot do anything.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.values import Json, canonical, duration

Kind = Literal["text", "number", "integer", "bool", "duration"]
MOST_GIVEN = 20_000  # characters of everything that an agent is given, as JSON
MOST_CHOICES = 200
_SHOWN = 60  # characters of a wrong value that people are shown


class Wanted(BaseModel):
    """One value of the answer, its choices worked out. `choices` None: any text of at most `longest` characters."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Kind = "text"
    choices: list[str] | None = None
    least: float | None = None
    most: float | None = None
    longest: int = 200


@dataclass(frozen=True)
class Question:
    """What an agent is asked. `given` is all that it may know; `tokens` is left for question and answer together;
    `definition` and `step` say for whom."""

    goal: str
    given: Mapping[str, Json]
    returns: Mapping[str, Wanted]
    tokens: int
    definition: str = ""
    step: str = ""


@dataclass(frozen=True)
class Proposal:
    """What it answered. `confidence` (0 to 1) and `cases` (on how many it rests) where it knows them; `model`: name and
    version of what answered; `tokens`: what it used."""

    values: Mapping[str, Json]
    model: str
    confidence: float | None = None
    cases: int | None = None
    tokens: int = 0
    details: Mapping[str, Json] = field(default_factory=dict)


def tokens_of(value: Json) -> int:
    """A rough count where nobody counts: four characters each."""
    return -(-len(canonical(value)) // 4)


def misfit(values: Json, returns: Mapping[str, Wanted]) -> str:
    """What keeps an answer from being what was asked for; empty = nothing."""
    if not isinstance(values, dict):
        return "the answer is no record"
    strange = [name for name in values if name not in returns]
    if strange:
        return f"'{_short(strange[0])}' was not asked for"
    for name, wanted in returns.items():
        if name not in values:
            return f"'{name}' is missing"
        wrong = _wrong(values[name], wanted)
        if wrong:
            return f"'{name}' is {_short(values[name])!r}: {wrong}"
    return ""


def _wrong(value: Json, wanted: Wanted) -> str:
    if wanted.kind == "bool":
        return "" if isinstance(value, bool) else "true or false is wanted"
    if wanted.kind in ("number", "integer"):
        return _wrong_number(value, wanted)
    if not isinstance(value, str):
        return "a text is wanted"
    if wanted.kind == "duration":
        return _wrong_duration(value)
    if wanted.choices is not None:
        return "" if value in wanted.choices else "it is none of those to choose from"
    if len(value) > wanted.longest:
        return f"at most {wanted.longest} characters are wanted"
    return "" if all(sign.isprintable() or sign == "\n" for sign in value) else "it has signs that are no text"


def _wrong_number(value: Json, wanted: Wanted) -> str:
    whole = wanted.kind == "integer"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not _finite(value):
        return f"a {'whole ' if whole else ''}number is wanted"
    if wanted.least is not None and value < wanted.least:
        return f"at least {wanted.least:g} is wanted"
    return f"at most {wanted.most:g} is wanted" if wanted.most is not None and value > wanted.most else ""


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _wrong_duration(value: str) -> str:
    try:
        duration(value)
    except ValueError:
        return "a duration such as 90m is wanted"
    return ""


def _short(value: Json) -> Json:
    text = value if isinstance(value, str) else canonical(value)
    if len(text) <= _SHOWN:
        return printable(value) if isinstance(value, str) else value
    return f"{printable(text[:_SHOWN])}..."


def printable(text: str) -> str:
    """What an agent or its server said, as it may be kept: no signs that a database or a page refuses."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def json_schema(returns: Mapping[str, Wanted]) -> dict[str, Json]:
    """The same as a JSON Schema, as strict as common servers understand: every name required, nothing beside."""
    return {
        "type": "object",
        "properties": {name: _schema(wanted) for name, wanted in returns.items()},
        "required": list(returns),
        "additionalProperties": False,
    }


def _schema(wanted: Wanted) -> dict[str, Json]:
    if wanted.kind == "bool":
        return {"type": "boolean"}
    if wanted.kind in ("number", "integer"):
        bounds = {"minimum": wanted.least, "maximum": wanted.most}
        return {"type": wanted.kind, **{name: bound for name, bound in bounds.items() if bound is not None}}
    if wanted.kind == "duration":
        return {"type": "string", "description": "a duration: 45m, 2h, 1d12h"}
    if wanted.choices is not None:
        return {"type": "string", "enum": wanted.choices}
    return {"type": "string", "maxLength": wanted.longest}
