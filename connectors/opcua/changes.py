"""What a connection tells: plain values, without the library's types."""

from dataclasses import dataclass
from datetime import datetime

from domain.values import Json


@dataclass(frozen=True)
class ValueChange:
    """A monitored value. `status` is the StatusCode's name; anything but Good is signal quality. `at` as the server
    says it; `present`: the first good one since we subscribed or since a poor one; `replayed`: asked for again."""

    node: str
    value: Json
    at: datetime | None
    status: str
    good: bool
    present: bool
    replayed: bool


@dataclass(frozen=True)
class ConditionChange:
    """A condition event, its fields as plain JSON values."""

    source_node: str
    at: datetime | None
    fields: dict[str, Json]
    replayed: bool


@dataclass(frozen=True)
class RefreshMark:
    """ConditionRefresh began (`started`) or ended."""

    started: bool


Change = ValueChange | ConditionChange | RefreshMark
