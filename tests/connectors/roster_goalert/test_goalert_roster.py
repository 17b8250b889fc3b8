"""GoAlert's GraphQL answer, with the fields of its schema, read as schedules here. Written by hand; no recording."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.roster_goalert.manifest import build
from domain.rosters.people import Person
from domain.rosters.when import on_call

PRAGUE = ZoneInfo("Europe/Prague")
PEOPLE = [
    Person.model_validate(
        {
            "id": name,
            "name": name.title(),
            "roles": [],
            "contacts": [{"channel": "email", "address": f"{name}@example.com"}],
        }
    )
    for name in ("ada", "bo", "cy")
]
WEEKDAYS = [False, True, True, True, True, True, False]  # begins with Sunday


def rule(start: str, end: str, days: list[bool] | None = None) -> dict[str, Any]:
    return {"start": start, "end": end, "weekdayFilter": days or [True] * 7}


DATA: dict[str, Any] = {
    "users": {"nodes": [{"id": f"u-{p.id}", "name": "?", "email": f"{p.id}@example.com"} for p in PEOPLE]},
    "rotations": {
        "nodes": [
            {
                "id": "r1",
                "name": "Week",
                "start": "2025-01-06T05:00:00Z",
                "timeZone": "Europe/Prague",
                "type": "weekly",
                "shiftLength": 1,
                "activeUserIndex": 1,
                "userIDs": ["u-ada", "u-bo"],
                "nextHandoffTimes": ["2026-11-23T05:00:00Z"],
            },
        ]
    },
    "schedules": {
        "nodes": [
            {
                "id": "s1",
                "name": "Hall 1",
                "timeZone": "Europe/Prague",
                "temporarySchedules": [
                    {
                        "start": "2026-12-24T00:00:00Z",
                        "end": "2026-12-26T00:00:00Z",
                        "shifts": [{"userID": "u-cy", "start": "2026-12-24T00:00:00Z", "end": "2026-12-25T00:00:00Z"}],
                    }
                ],
                "targets": [
                    {"target": {"id": "r1", "type": "rotation", "name": "Week"}, "rules": [rule("00:00", "00:00")]},
                    {
                        "target": {"id": "u-cy", "type": "user", "name": "Cy"},
                        "rules": [rule("08:00", "16:00", WEEKDAYS)],
                    },
                ],
            },
        ]
    },
    "userOverrides": {
        "nodes": [
            {
                "id": "o1",
                "start": "2026-11-22T10:00:00Z",
                "end": "2026-11-22T12:00:00Z",
                "addUserID": "u-cy",
                "removeUserID": "u-bo",
                "target": {"id": "s1"},
            },
            {
                "id": "o2",
                "start": "2026-11-25T10:00:00Z",
                "end": "2026-11-25T12:00:00Z",
                "addUserID": None,
                "removeUserID": "u-cy",
                "target": {"id": "s1"},
            },
        ]
    },
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PRAGUE).astimezone(UTC)


def test_rotations_go_on_where_goalert_is_and_targets_add_up() -> None:
    found = build({}).read(json.dumps({"data": DATA}).encode(), PEOPLE)
    assert found.problems == []
    (one,) = found.schedules
    assert on_call(one, at("2026-11-20T07:00")) == ("bo",)  # a Friday; bo is the active one until the 23rd
    assert on_call(one, at("2026-11-20T08:00")) == ("bo", "cy")
    assert on_call(one, at("2026-11-23T05:59")) == ("bo",)
    assert on_call(one, at("2026-11-23T06:00")) == ("ada",)
    assert on_call(one, at("2026-11-22T12:00")) == ("cy",)  # a Sunday: cy replaces bo
    assert on_call(one, at("2026-11-25T11:30")) == ("ada",)  # cy is taken off
    assert on_call(one, at("2026-12-24T12:00")) == ("cy",)  # a temporary schedule: nobody but its shifts
    assert on_call(one, at("2026-12-25T12:00")) == ()


def test_what_it_can_not_say_here_is_told() -> None:
    monthly = json.loads(json.dumps(DATA))
    monthly["rotations"]["nodes"][0]["type"] = "monthly"
    monthly["schedules"]["nodes"][0]["targets"][1]["target"]["id"] = "u-nobody"
    problems = build({}).read(json.dumps({"data": monthly}).encode(), PEOPLE).problems
    assert problems == ["Hall 1: rotation Week is monthly", "Hall 1: nobody here is GoAlert's user u-nobody"]
