"""Values that travel as JSON: the one alias, a canonical text and its hash, durations."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict with text keys."""

_DURATION = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?", re.ASCII)


def canonical(value: Json) -> str:
    """Sorted, compact JSON: the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(value: Json) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@lru_cache(maxsize=1024)
def duration(text: str) -> timedelta:
    """`90s`, `5m`, `1h30m`, `2d` as a timedelta. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"'{text}' is no duration: write 90s, 5m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_time(text: str) -> datetime:
    """An ISO 8601 text with zone as aware UTC. Raises ValueError when the zone is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no time zone: end it with Z or +00:00")
    return moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Aware time as ISO 8601 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"


_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
}
_NUMERIC = {"de": "{0:%d.%m.} {0:%H:%M}", "pl": "{0:%d.%m} {0:%H:%M}"}


def local_text(moment: datetime, zone: ZoneInfo, language: str = "en") -> str:
    """`22 Nov 14:05` in that zone, as people at the site read it; German `22.11. 14:05`, Polish `22.11 14:05`, Spanish
    `22 nov 14:05` (CLDR's short forms, without the year)."""
    local, language = moment.astimezone(zone), language.partition("-")[0]
    if language in _NUMERIC:
        return _NUMERIC[language].format(local)
    months = _MONTHS.get(language, _MONTHS["en"])
    return f"{local.day} {months[local.month - 1]} {local:%H:%M}"
