"""What the connectors of role RosterSource share: reading an exported file, and wall clocks."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from domain.errors import InvalidPayloadError
from domain.language import misfits
from domain.rosters.model import Layer, Window
from domain.values import Json

LIMIT = 5_000_000  # bytes


def text_of(data: bytes) -> str:
    """UTF-8, with or without a byte order mark. Raises InvalidPayloadError."""
    if len(data) > LIMIT:
        raise InvalidPayloadError(f"The file is larger than {LIMIT // 1_000_000} MB: split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidPayloadError("The file is no UTF-8 text: save it as UTF-8") from None


def document(data: bytes) -> dict[str, Json]:
    """A JSON object. Raises InvalidPayloadError."""
    try:
        found = json.loads(text_of(data))
    except (ValueError, RecursionError):
        raise InvalidPayloadError("The file is no JSON: the connector's README says which call gives it") from None
    if not isinstance(found, dict):
        raise InvalidPayloadError("The file is no JSON object: the connector's README says which call gives it")
    return found


def rows(answer: Json, inner: str) -> Iterator[dict[str, Json]]:
    """The objects of a list, or of an answer that has it under `inner`."""
    listed = answer.get(inner, []) if isinstance(answer, dict) else answer
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield one


def wall(text: str, zone: ZoneInfo) -> datetime:
    """An ISO time as the wall's clock there; without an offset it is that already. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def window(start: datetime, seconds: int, weekdays: list[int]) -> Window:
    """From this clock time on, so many seconds by the clock. Raises ValueError beyond a week."""
    end = start + timedelta(seconds=seconds)
    return Window(start=start.time(), end=end.time(), weekdays=weekdays, days=(end.date() - start.date()).days)


def turn(hours: int) -> str:
    return f"{hours}h" if hours % 24 else f"{hours // 24}d"


def rotated(groups: list[list[str]], by: int) -> list[list[str]]:
    """Beginning with the group at this place."""
    place = by % len(groups) if groups else 0
    return groups[place:] + groups[:place]


def fits(layer: dict[str, Json]) -> Layer:
    """A layer, checked. Raises ValueError."""
    return Layer.model_validate(layer)


def reason(error: Exception) -> str:
    """Why something of an export can't be read, in a line."""
    if isinstance(error, ValidationError):
        return misfits.first(error)
    return f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error).splitlines()[0][:200]
