"""What a change knows besides its body: the books, the plant's master data, the time, the user."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infra.standins.sap.books import Books, Row, key_of, set_named
from infra.standins.sap.edm import Value
from infra.standins.sap.errors import business
from infra.standins.sap.schema import EntitySet


@dataclass(frozen=True)
class Made:
    """A material that can be made or moved: its unit, inputs per piece, and routing as (step, text, work center)."""

    unit: str
    inputs: tuple[tuple[str, float], ...] = ()
    routing: tuple[tuple[int, str, str], ...] = ()


@dataclass
class Plant:
    """Master data that no service lists."""

    code: str
    materials: dict[str, Made] = field(default_factory=dict)
    work_centers: set[str] = field(default_factory=set)
    equipment: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    storage: str = "0001"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))  # whose days count


@dataclass(frozen=True)
class Context:
    """One change; `now` is aware UTC."""

    books: Books
    plant: Plant
    now: datetime
    user: str

    @property
    def today(self) -> datetime:
        """Edm.DateTime of the plant's day."""
        return self.now.astimezone(self.plant.zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)

    @property
    def time_of_day(self) -> timedelta:
        """Edm.Time, whole seconds."""
        return timedelta(hours=self.now.hour, minutes=self.now.minute, seconds=self.now.second)

    def row(self, part: str, *key: Value) -> Row:
        """A row that a function names. Raises Refusal."""
        found = self.books.get(part, key)
        if found is None:
            raise business("STANDIN/404", f"{part} {'/'.join(map(str, key))} does not exist")
        return found

    def need(self, row: Mapping[str, Value], names: Iterable[str]) -> None:
        """These fields are filled. Raises Refusal."""
        for name in names:
            if row.get(name) in (None, ""):
                raise business("STANDIN/001", f"Enter a value for {name}")

    def material(self, row: Mapping[str, Value]) -> Made:
        """The material of a row. Raises Refusal."""
        name = str(row.get("Material") or "")
        if name not in self.plant.materials:
            raise business("M3/305", f"Material {name} does not exist or is not activated")
        return self.plant.materials[name]

    def in_plant(self, row: Mapping[str, Value], *names: str) -> None:
        """The row's plants exist. Raises Refusal."""
        for name in names:
            if row.get(name) not in (None, "", self.plant.code):
                raise business("STANDIN/002", f"Plant {row.get(name)} is not defined")

    def touch(self, entity_set: EntitySet, row: Row) -> Row:
        """The row with a new version where the metadata declares one: always later than the last, though the text of
        14 digits has whole seconds only."""
        name = entity_set.etag
        stamps: dict[str, Value] = {}
        if name:
            stamps[name] = _later(entity_set.properties[name].type, row.get(name), self.now)
        for other in ("LastChangeDateTime", "ChangedDateTime"):
            if other in entity_set.properties and other != name:
                kind = entity_set.properties[other].type
                stamps[other] = _later(kind, row.get(other), self.now)
        if "LastChangeDate" in entity_set.properties:
            stamps["LastChangeDate"] = self.today
        return row | stamps

    def set(self, part: str, row: Row, **changes: Any) -> Row:
        """Change fields of a row, with a new version."""
        entity_set = set_named(part)
        return self.books.change(part, key_of(entity_set, row), self.touch(entity_set, row | changes))


def _later(kind: str, last: Value, now: datetime) -> Value:
    if kind == "String":
        stamp = now.strftime("%Y%m%d%H%M%S")
        if isinstance(last, str) and last >= stamp:
            stamp = (datetime.strptime(last, "%Y%m%d%H%M%S") + timedelta(seconds=1)).strftime("%Y%m%d%H%M%S")  # noqa: DTZ007
        return stamp
    moment = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if isinstance(last, datetime) and last >= moment:
        moment = last + timedelta(milliseconds=1)
    return moment
