"""A time zone as the settings of a connector name it."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{value!r} is no time zone such as Europe/Prague") from error
    return value


Zone = Annotated[str, AfterValidator(_known)]
"""A name such as Europe/Prague; another one is refused."""
