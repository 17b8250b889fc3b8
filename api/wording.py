"""Times, ages and values as people read them: the filters of the console's templates."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from domain.errors import InvalidPayloadError
from domain.language.texts import FALLBACK, pick
from domain.values import Json
from templates.words import has, say

_VALUE, _STATEMENT = re.compile(r"{{(.*?)}}", re.S), re.compile(r"{[%#].*?[%#]}", re.S)
_OR_ELSE = re.compile(r"{%-?\s*(else|elif)\b")  # what follows is another wording, not more of the same
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True)
class Tongue:
    """The words around a form, in its reader's language."""

    language: str

    def say(self, key: str, **scope: object) -> str:
        return say(self.language, key, {"n": ""} | scope).strip()

    def meaning(self, name: str) -> str:
        """What a signature may state; a site's own meaning as it is written."""
        known = has(self.language, f"signing.{name}")
        return self.say(f"signing.{name}") if known else name.replace("_", " ")


def moment(value: datetime | str | None) -> datetime | None:
    """A stored time (aware, or ISO 8601 text with zone) as aware; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def day_of(text: str, zone: ZoneInfo) -> datetime | None:
    """The beginning of a day, written YYYY-MM-DD, in this zone; None for no text. Raises InvalidPayloadError."""
    try:
        day = date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise InvalidPayloadError("Write a day as 2026-11-22.") from None
    return datetime(day.year, day.month, day.day, tzinfo=zone) if day else None


def clock(value: datetime | str | None, zone: ZoneInfo, now: datetime, *, seconds: bool = True) -> str:
    """`09:15:03 CET`, with the day before it when it is not today, and the year when it is not this one."""
    found = moment(value)
    if found is None:
        return ""
    local, today = found.astimezone(zone), now.astimezone(zone)
    day = "" if local.date() == today.date() else f"{local.day} {local:%b} "
    if local.year != today.year:
        day = f"{local.day} {local:%b %Y} "
    return f"{day}{local:%H:%M:%S}{_tail(local)}" if seconds else f"{day}{local:%H:%M}{_tail(local)}"


def _tail(local: datetime) -> str:
    return f" {local:%Z}"


def full(value: datetime | str | None, zone: ZoneInfo) -> str:
    """Everything about a moment, for the tooltip."""
    found = moment(value)
    if found is None:
        return ""
    return f"{found.astimezone(zone):%A %d %B %Y, %H:%M:%S.%f %Z} / {found.astimezone(UTC):%H:%M:%S} UTC"


def span(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`; a negative one has a minus."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 10:
        return f"{sign}{seconds:.1f} s"
    whole = round(seconds)
    parts = []
    for size, unit in _UNITS:
        if whole >= size:
            parts.append(f"{whole // size} {unit}")
            whole %= size
    if whole and len(parts) < 2:
        parts.append(f"{whole} s")
    return sign + " ".join(parts[:2])


def age(value: datetime | str | None, now: datetime) -> str:
    """How long ago, as a span; empty for no time."""
    found = moment(value)
    return span(max(0.0, (now - found).total_seconds())) if found else ""


def between(start: datetime | str | None, end: datetime | str | None) -> str:
    """The span between two stored times; empty when one is missing."""
    first, last = moment(start), moment(end)
    return span((last - first).total_seconds()) if first and last else ""


def authored(text: str | dict[str, str]) -> str:
    """A text of a definition as one reads it in a drawing: `{{ equipment.title }}` as `‹equipment title›`."""
    told = _VALUE.sub(lambda found: f"‹{words(found[1].split('|')[0].strip())}›", pick(text, FALLBACK))
    told = _STATEMENT.sub(lambda found: " / " if _OR_ELSE.match(found[0]) else "", told)
    return " ".join(told.split())


def words(value: Json) -> str:
    """`plan_decision` as `plan decision`."""
    return str(value).replace("_", " ").replace(".", " ")


def many(value: int) -> str:
    """A count with its thousands apart: `13 200`, on one line."""
    return f"{value:,}".replace(",", "\u202f")


def number(value: Json) -> str:
    """Numbers without a needless `.0`."""
    return f"{value:g}" if isinstance(value, float) else str(value)
