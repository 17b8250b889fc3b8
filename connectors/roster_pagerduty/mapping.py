"""PagerDuty's REST API v2 objects as schedules here. Pure.

Layers come with the strongest first (the console shows them the other way round); a turn is counted from
`rotation_virtual_start`; the layer is on from `start`. Days of the week count from Monday = 1.
https://developer.pagerduty.com/api-reference/3f03afb2c84a4-get-a-schedule
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.roster_files import fits, reason, rows, turn, wall, window
from domain.rosters.imported import Directory, Imported, slug
from domain.rosters.model import Layer, Override, Schedule
from domain.values import Json

_HOUR = 3600


class Users:
    """PagerDuty's user ids as people here; a reference has the name only, `GET /users` the address too."""

    def __init__(self, answer: Json, directory: Directory) -> None:
        self._directory = directory
        self._mails = {one.get("id"): one.get("email") for one in rows(answer, "users")}
        self._names = {one.get("id"): one.get("name") for one in rows(answer, "users")}

    def find(self, user: Json) -> str | None:
        id_ = user.get("id")
        return self._directory.find(self._mails.get(id_), user.get("email"), user.get("summary"), self._names.get(id_))


def read(found: Json, directory: Directory) -> Imported:
    """Every schedule of the document; what can't be taken over is a problem."""
    imported, users = Imported(), Users(found, directory)
    listed = [found["schedule"]] if isinstance(found.get("schedule"), dict) else found
    for one in rows(listed, "schedules"):
        _schedule(one, users, imported)
    if not imported.schedules and not imported.problems:
        imported.problems.append("no schedule in the file: it needs 'schedule' or 'schedules' with their layers")
    return imported


def _schedule(one: Json, users: Users, imported: Imported) -> None:
    title = str(one.get("name") or one.get("summary") or one.get("id"))
    layers: list[Layer] = []
    told = list(rows(one, "schedule_layers"))
    try:
        zone = ZoneInfo(str(one["time_zone"]))
        for index, layer in enumerate(told):
            made = _layer(layer, zone, len(told) - 1 - index, users, f"{title}: {layer.get('name')}", imported)
            layers += [made] if made else []
        overrides = list(_overrides(one, users, title, imported))
        imported.schedules.append(
            Schedule(id=slug(title), title=title[:120], timezone=zone.key, layers=layers, overrides=overrides)
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        imported.problems.append(f"{title}: can't be read: {reason(error)}")
    if not told:
        imported.problems.append(f"{title}: has no layers: ask with include[]=schedule_layers, or for one schedule")


def _layer(layer: Json, zone: ZoneInfo, level: int, users: Users, where: str, imported: Imported) -> Layer | None:
    seconds = int(layer["rotation_turn_length_seconds"])
    if seconds % _HOUR:
        imported.problems.append(f"{where}: turns of {seconds} s are no whole hours")
        return None
    groups = [_group(user["user"], users, where, imported) for user in layer["users"]]
    if not groups:
        return None
    begins = wall(layer["start"], zone)
    return fits(
        {
            "name": str(layer.get("name") or "")[:120],
            "turns": groups,
            "starts": wall(layer.get("rotation_virtual_start") or layer["start"], zone),
            "since": begins,
            "until": wall(layer["end"], zone) if layer.get("end") else None,
            "turn": turn(seconds // _HOUR),
            "windows": [_window(one) for one in layer.get("restrictions") or []],
            "level": level,
        }
    )


def _group(user: Json, users: Users, where: str, imported: Imported) -> list[str]:
    """The turn stays where nobody here is meant: the others keep theirs."""
    person = users.find(user)
    if person is None:
        imported.problems.append(f"{where}: nobody here is PagerDuty's {user.get('summary') or user.get('id')}")
    return [person] if person else []


def _window(one: Json) -> Json:
    weekly = one["type"] == "weekly_restriction"
    days = [(int(one["start_day_of_week"]) - 1) % 7] if weekly else list(range(7))
    start = datetime.fromisoformat(f"2026-01-01T{one['start_time_of_day']}").replace(tzinfo=None)
    return window(start, int(one["duration_seconds"]), days)


def _overrides(one: Json, users: Users, title: str, imported: Imported) -> list[Override]:
    """There when the schedule was asked for with `since` and `until`."""
    found = []
    sub = one.get("overrides_subschedule") or one.get("override_subschedule") or {}
    for number, entry in enumerate(rows(sub, "rendered_schedule_entries")):
        person = _group(entry["user"], users, f"{title}: override", imported)
        begins, ends = datetime.fromisoformat(entry["start"]), datetime.fromisoformat(entry["end"])
        id_ = str(entry.get("id") or f"{begins:%Y%m%d%H%M}.{number}")
        if person:
            found.append(Override(id=f"pd.{slug(title)}.{id_}"[:80], begins=begins, ends=ends, people=person))
    return found
