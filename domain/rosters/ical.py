"""Times on call as iCalendar (RFC 5545). Pure: the moment of writing is handed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_WIDTH = 75  # octets a line, RFC 5545 3.1
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


@dataclass(frozen=True)
class Event:
    """`uid` stays the same for the same event, so that a calendar program updates and does not double it."""

    uid: str
    begins: datetime
    ends: datetime
    summary: str


def calendar(title: str, events: Iterable[Event], now: datetime) -> str:
    """A whole calendar; times in UTC."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mos//roster//EN", "CALSCALE:GREGORIAN"]
    lines += [f"X-WR-CALNAME:{_text(title)}", "REFRESH-INTERVAL;VALUE=DURATION:PT15M", "X-PUBLISHED-TTL:PT15M"]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(event.uid)}",
            f"DTSTAMP:{_stamp(now)}",
            f"DTSTART:{_stamp(event.begins)}",
            f"DTEND:{_stamp(event.ends)}",
            f"SUMMARY:{_text(event.summary)}",
            "END:VEVENT",
        ]
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    return "".join(one for one in text if one == "\n" or one.isprintable()).translate(_ESCAPED)


def _folded(line: str) -> Iterable[str]:
    """Continued lines begin with a space; no character is cut in two."""
    kept, size = "", 0
    for one in line:
        width = len(one.encode())
        if size + width > _WIDTH:
            yield kept
            kept, size = " ", 1
        kept, size = kept + one, size + width
    yield kept
