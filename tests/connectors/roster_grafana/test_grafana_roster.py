"""Grafana OnCall's answers, with the fields of its API reference, read as schedules here. By hand; no recording."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.roster_grafana.manifest import build
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


def shift(id_: str, kind: str, **more: Any) -> dict[str, Any]:
    start = {"start": "2026-11-02T06:00:00", "duration": 86400, "level": 0, "time_zone": None, "team_id": None}
    return {"id": id_, "name": id_, "type": kind, **start, **more}


def document(*shifts: dict[str, Any], **more: Any) -> bytes:
    schedule = {
        "id": "S1",
        "name": "Hall 1",
        "type": "calendar",
        "time_zone": "Europe/Prague",
        "shifts": [one["id"] for one in shifts],
        "on_call_now": [],
    }
    users = [{"id": f"U{p.id}", "email": f"{p.id}@example.com", "username": p.id, "slack": []} for p in PEOPLE]
    page = {"count": 1, "next": None, "previous": None, "current_page_number": 1, "page_size": 50, "total_pages": 1}
    told = {"users": page | {"results": users}, "schedules": page | {"results": [schedule]}}
    return json.dumps(told | {"on_call_shifts": page | {"results": list(shifts)}} | more).encode()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PRAGUE).astimezone(UTC)


ROLLING = shift(
    "OR",
    "rolling_users",
    frequency="daily",
    interval=1,
    rolling_users=[["Uada"], ["Ubo"]],
    start_rotation_from_user_index=1,
)
WORK = shift(
    "OW",
    "recurrent_event",
    frequency="weekly",
    interval=2,
    week_start="MO",
    by_day=["MO", "WE"],
    duration=8 * 3600,
    users=["Ucy"],
    level=1,
)
ONCE = shift("O1", "single_event", start="2026-11-10T12:00:00", duration=3600, users=["Ucy", "Uada"], level=2)


def test_rolling_recurrent_and_single_shifts() -> None:
    found = build({}).read(document(ROLLING, WORK, ONCE), PEOPLE)
    assert found.problems == []
    (one,) = found.schedules
    assert on_call(one, at("2026-11-02T05:59")) == ()
    assert on_call(one, at("2026-11-02T07:00")) == ("cy",)  # level 1 beats level 0
    assert on_call(one, at("2026-11-02T15:00")) == ("bo",)  # begins with index 1
    assert on_call(one, at("2026-11-03T15:00")) == ("ada",)
    assert on_call(one, at("2026-11-04T07:00")) == ("cy",)  # Wednesday
    assert on_call(one, at("2026-11-09T07:00")) == ("ada",)  # every other week only
    assert on_call(one, at("2026-11-16T07:00")) == ("cy",)
    assert on_call(one, at("2026-11-10T12:30")) == ("cy", "ada")


def test_weekly_turns_change_with_the_week_and_only_on_working_days() -> None:
    weekly = shift(
        "OV",
        "rolling_users",
        frequency="weekly",
        interval=1,
        week_start="MO",
        start="2026-11-04T09:00:00",
        by_day=["MO", "TU", "WE", "TH", "FR"],
        duration=28800,
        rolling_users=[["Uada"], ["Ubo"]],
    )
    (one,) = build({}).read(document(weekly), PEOPLE).schedules
    moments = ("11-03T10:00", "11-05T10:00", "11-07T10:00", "11-09T10:00", "11-09T18:00")
    assert [on_call(one, at(f"2026-{moment}")) for moment in moments] == [(), ("ada",), (), ("bo",), ()]


def test_what_recurs_by_months_is_told_and_comes_as_final_shifts() -> None:
    monthly = shift("OM", "recurrent_event", frequency="monthly", by_monthday=[1], users=["Uada"])
    problems = build({}).read(document(monthly), PEOPLE).problems
    assert "Hall 1: OM: recurs by by_monthday: put the schedule's final_shifts into the file" in problems
    final = {
        "user_pk": "X",
        "user_email": "ada@example.com",
        "user_username": "ada",
        "shift_start": "2026-12-01T00:00:00Z",
        "shift_end": "2026-12-02T00:00:00Z",
    }
    found = build({}).read(document(monthly, final_shifts={"S1": {"count": 1, "results": [final]}}), PEOPLE)
    assert found.problems == []
    assert on_call(found.schedules[0], datetime(2026, 12, 1, 12, tzinfo=UTC)) == ("ada",)
