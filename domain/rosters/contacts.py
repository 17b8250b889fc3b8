"""How somebody is reached: addresses, and in which order, how fast and at which hours a message goes to which."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from domain.values import duration

Priority = Literal["low", "medium", "high", "critical"]
_RANK = {"low": 0, "medium": 1, "high": 2, "critical": 3}
_A_DAY = timedelta(days=1)


def _read(value: Any) -> Any:
    return duration(value) if isinstance(value, str) and not value.startswith("P") else value


Delay = Annotated[
    timedelta,
    BeforeValidator(_read, json_schema_input_type=str),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s", return_type=str),
    Field(ge=timedelta(0), le=_A_DAY),
]
"""`90s`, `5m`: at most a day."""


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else ""
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"'{name}' is no time zone: write one like Europe/Prague") from error


ZoneName = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone; empty = the site's."""


class ChannelName(StrEnum):
    SLACK = "slack"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"
    EMAIL = "email"
    CONSOLE = "console"


class ContactMethod(BaseModel):
    """One address of a person: a Slack user id, a phone number in E.164 (sms, whatsapp, voice), an e-mail address. An
    unverified one is never written to, and whoever writes from it is a stranger."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: ChannelName
    address: str
    verified: bool = True  # by an enrolment code, or by whoever may push the roster


class ReachStep(BaseModel):
    """Try this channel so long after the message arose, unless somebody has answered by then. Steps with the same
    `after` go out side by side; later ones are a ladder. `address` names one of several addresses on the channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: ChannelName
    after: Delay = timedelta(0)
    address: str = ""


class QuietHours(BaseModel):
    """Hours in the person's own zone at which these channels (none named: all) stay silent; an end before the start
    runs over midnight and belongs to the weekday on which it began (0 = Monday). `broken_from`: the priority from
    which it rings all the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: time
    end: time
    weekdays: list[int] = [0, 1, 2, 3, 4, 5, 6]
    channels: list[ChannelName] = []
    broken_from: Priority = "high"

    def until(self, channel: ChannelName, priority: str, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet that this message meets at `moment` ends, in UTC; None where it may ring."""
        if rank(priority) >= rank(self.broken_from) or (self.channels and channel not in self.channels):
            return None
        today = moment.astimezone(zone).date()
        for day in (today - _A_DAY, today):
            begins, ends = self._on(day, zone)
            if day.weekday() in self.weekdays and begins <= moment < ends:
                return ends
        return None

    def _on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The hours that begin on this day. Where the clock is changed they begin early and end late: the shorter
        night is not cut, and an hour that comes twice is quiet twice."""
        last = day if self.end > self.start else day + _A_DAY
        return min(_moments(day, self.start, zone)), max(_moments(last, self.end, zone))


class NotificationPolicy(BaseModel):
    """A person's own wishes. A priority without steps: the house's default (see `reach`); critical without
    steps takes those of high. `fallback` is tried first, for high and critical, where a channel fails or was stopped
    (STOP): whoever may be needed for safety names one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: dict[Priority, list[ReachStep]] = {}
    quiet: list[QuietHours] = []
    fallback: ChannelName | None = None


def _moments(day: date, clock: time, zone: ZoneInfo) -> list[datetime]:
    """Both readings of a local time, in UTC: they differ only where the clock is changed."""
    return [datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]


def rank(priority: str) -> int:
    """0 low .. 3 critical; what is unknown counts as medium."""
    return _RANK.get(priority, _RANK["medium"])


def is_urgent(priority: str) -> bool:
    """High and critical: never bundled, never delayed."""
    return rank(priority) >= _RANK["high"]
