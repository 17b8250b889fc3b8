"""PagerDuty's schedules as they are documented, read as schedules here. Written by hand after the documentation of the
REST API v2; no recording."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.roster_pagerduty.manifest import build
from domain.rosters.people import Person
from domain.rosters.when import on_call, spans

NEW_YORK = ZoneInfo("America/New_York")
PEOPLE = [
    Person.model_validate({"id": name, "name": title, "roles": [], "contacts": [{"channel": "email", "address": mail}]})
    for name, title, mail in (("ada", "Ada Novak", "ada@example.com"), ("bo", "Bo Li", "bo@example.com"))
]


def user(id_: str, name: str) -> dict[str, Any]:
    return {"user": {"id": id_, "type": "user_reference", "summary": name, "self": "", "html_url": ""}}


def layer(name: str, *users: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"P{name}",
        "name": name,
        "start": "2026-01-05T09:00:00-05:00",
        "end": None,
        "rotation_virtual_start": "2025-12-29T09:00:00-05:00",
        "rotation_turn_length_seconds": 604800,
        "users": list(users),
        "restrictions": [],
        **more,
    }


ADA, BO = user("P1", "Ada Novak"), user("P2", "Robert")
WEEKEND = {
    "type": "weekly_restriction",
    "start_day_of_week": 5,
    "start_time_of_day": "17:00:00",
    "duration_seconds": 223200,
}
DOCUMENT = {
    "schedule": {
        "id": "PI7DH85",
        "type": "schedule",
        "name": "Press line",
        "time_zone": "America/New_York",
        "schedule_layers": [layer("Top", ADA, restrictions=[WEEKEND]), layer("Base", ADA, BO)],
        "overrides_subschedule": {
            "name": "Overrides",
            "rendered_schedule_entries": [
                {
                    "start": "2026-03-04T12:00:00-05:00",
                    "end": "2026-03-04T18:00:00-05:00",
                    "user": BO["user"],
                    "id": "Q1",
                }
            ],
        },
    },
    "users": [
        {"id": "P1", "name": "Ada", "email": "ADA@example.com"},
        {"id": "P2", "name": "R", "email": "bo@example.com"},
    ],
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def test_layers_the_strongest_first_and_turns_counted_from_the_virtual_start() -> None:
    found = build({}).read(json.dumps(DOCUMENT).encode(), PEOPLE)
    assert found.problems == []
    (schedule,) = found.schedules
    assert (schedule.id, schedule.timezone, [one.level for one in schedule.layers]) == (
        "press_line",
        NEW_YORK.key,
        [1, 0],
    )
    assert on_call(schedule, at("2026-01-05T08:59")) == ()  # the layers begin later than their rotation
    assert on_call(schedule, at("2026-01-06T12:00")) == ("bo",)  # the second turn
    assert on_call(schedule, at("2026-01-13T12:00")) == ("ada",)
    assert on_call(schedule, at("2026-03-04T12:00")) == ("bo",)  # the override, instead of the layers


def test_a_weekend_of_62_hours_by_the_clock_over_the_change_of_clocks() -> None:
    (schedule,) = build({}).read(json.dumps(DOCUMENT).encode(), PEOPLE).schedules
    weekend = [one for one in spans(schedule, at("2026-03-06T12:00"), at("2026-03-09T08:00")) if one.people == ("ada",)]
    edges = (weekend[0].begins, weekend[-1].ends)
    assert [f"{edge.astimezone(NEW_YORK):%a %H:%M}" for edge in edges] == ["Fri 17:00", "Mon 07:00"]


def test_whoever_is_unknown_leaves_the_turn_empty_and_is_told() -> None:
    stranger = {**DOCUMENT["schedule"], "schedule_layers": [layer("Base", ADA, user("P9", "Zoe"))]}  # type: ignore[dict-item]
    found = build({}).read(json.dumps({"schedule": stranger, "users": DOCUMENT["users"]}).encode(), PEOPLE)
    assert found.problems == ["Press line: Base: nobody here is PagerDuty's Zoe"]
    assert found.schedules[0].layers[0].turns == [["ada"], []]


def test_a_list_without_layers_says_what_to_ask() -> None:
    listed = {"schedules": [{"id": "P", "name": "Press line", "time_zone": "UTC"}]}
    assert "include[]=schedule_layers" in build({}).read(json.dumps(listed).encode(), PEOPLE).problems[0]
