"""The site: ISA-95 equipment hierarchy and the parameters that definitions may name."""

from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.calendar import SiteCalendar
from domain.rosters.people import Shift
from domain.values import Json


class Level(StrEnum):
    """Levels of the ISA-95 (IEC 62264-1) equipment hierarchy that the product names."""

    AREA = "area"
    WORK_CENTER = "work_center"
    WORK_UNIT = "work_unit"


class Equipment(BaseModel):
    """One node of the hierarchy. `skill` is the qualification that a technician needs for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    level: Level
    parent: str | None = None
    skill: str = ""


class Site(BaseModel):
    """A site document: who and where we are, the equipment, and the site's parameters (durations as text)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enterprise: str
    site: str
    title: str
    timezone: str = "UTC"
    language: str = "en"
    equipment: list[Equipment] = Field(min_length=1)
    parameters: dict[str, Json] = {}
    erp_links: dict[str, str] = {}
    business_hours: list[Shift] = []
    holidays: list[date] = []
    shifts: list[Shift] = []  # from the roster; a site document has none

    @property
    def calendar(self) -> SiteCalendar:
        """When the site works: what definitions call business time and shifts."""
        return SiteCalendar(
            timezone=self.timezone, shifts=self.shifts, business_hours=self.business_hours, holidays=self.holidays
        )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    def find(self, equipment_id: str) -> Equipment | None:
        """The node with this id, or None."""
        return next((node for node in self.equipment if node.id == equipment_id), None)

    def describe(self, equipment_id: str) -> dict[str, str]:
        """What conditions and texts read as `equipment`: id, title, skill, work_center, area (empty when unknown)."""
        node = self.find(equipment_id)
        described = {
            "id": equipment_id,
            "title": node.title if node else equipment_id,
            "skill": node.skill if node else "",
        }
        described |= {"work_center": "", "area": ""}
        while node:
            if node.level in (Level.WORK_CENTER, Level.AREA):
                described[node.level.value] = node.id
            node = self.find(node.parent) if node.parent else None
        return described
