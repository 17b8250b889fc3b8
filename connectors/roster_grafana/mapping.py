"""Grafana OnCall's public API objects as schedules here. Pure.

A shift is `single_event`, `recurrent_event` or `rolling_users`; times are the wall's in the shift's zone, else the
schedule's; the highest `level` that is on counts. What recurs by months, and other programs' calendars, come as the
schedule's `final_shifts`. https://grafana.com/docs/oncall/latest/oncall-api-reference/
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.roster_files import fits, reason, rotated, rows, turn, window
from domain.rosters.imported import Directory, Imported, slug
from domain.rosters.model import Entry, Layer, Schedule
from domain.values import Json

_DAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_HOURS = {"hourly": 1, "daily": 24, "weekly": 168}
_DAY = timedelta(days=1)


@dataclass
class Source:
    """Grafana's users and shifts by id."""

    people: dict[str, str | None]
    shifts: dict[str, Json]
    final: Json
    imported: Imported = field(default_factory=Imported)

    def group(self, users: Json, where: str) -> list[str]:
        found = [(user, self.people.get(str(user))) for user in users or []]
        for user, person in found:
            if person is None:
                self.imported.problems.append(f"{where}: nobody here is Grafana's user {user}")
        return [person for _, person in found if person]


def read(found: Json, directory: Directory) -> Imported:
    """Every schedule of the document."""
    users = {one["id"]: directory.find(one.get("email"), one.get("username")) for one in _results(found, "users")}
    shifts = {one["id"]: one for one in _results(found, "on_call_shifts")}
    source = Source(users, shifts, found.get("final_shifts") or {})
    for one in _results(found, "schedules"):
        try:
            _schedule(one, source, directory)
        except (ValueError, KeyError, TypeError, OSError) as error:
            source.imported.problems.append(f"{one.get('name')}: can't be read: {reason(error)}")
    if not source.imported.schedules and not source.imported.problems:
        source.imported.problems.append("no schedule in the file: the README has the calls to make")
    return source.imported


def _results(found: Json, name: str) -> Iterator[Json]:
    yield from rows(found.get(name) or [], "results")


def _schedule(one: Json, source: Source, directory: Directory) -> None:
    title, zone = str(one["name"]), str(one.get("time_zone") or "UTC")
    layers: list[Layer] = []
    final = source.final.get(one["id"])
    entries = list(_final(final, title, source, directory)) if final else []
    for name in [] if final else one.get("shifts") or []:
        if name not in source.shifts:
            source.imported.problems.append(f"{title}: shift {name} is not in the file")
            continue
        layer = _layer(source.shifts[name], zone, f"{title}: {source.shifts[name]['name']}", source)
        layers += [layer] if layer else []
    if not layers and not entries:
        source.imported.problems.append(f"{title}: nothing to take over: put its final_shifts into the file")
        return
    schedule = Schedule(id=slug(title), title=title[:120], timezone=zone, layers=layers, entries=entries)
    source.imported.schedules.append(schedule)


def _final(answer: Json, title: str, source: Source, directory: Directory) -> Iterator[Entry]:
    for one in rows(answer, "results"):
        person = directory.find(one.get("user_email"), one.get("user_username"))
        if person is None:
            source.imported.problems.append(f"{title}: nobody here is Grafana's {one.get('user_username')}")
        else:
            yield Entry(
                begins=datetime.fromisoformat(one["shift_start"]),
                ends=datetime.fromisoformat(one["shift_end"]),
                people=[person],
            )


def _layer(shift: Json, zone: str, where: str, source: Source) -> Layer | None:
    zone = shift.get("time_zone") or zone
    start, seconds = datetime.fromisoformat(shift["start"]), int(shift["duration"])
    common = {"name": shift["name"][:120], "timezone": ZoneInfo(zone).key, "level": int(shift.get("level") or 0)}
    common |= {"since": start, "until": shift.get("until")}
    if shift["type"] == "single_event":
        group = source.group(shift.get("users"), where)
        end = start + timedelta(seconds=seconds)
        return fits(common | {"turns": [group], "starts": start, "until": end}) if group else None
    unsupported = [name for name in ("by_month", "by_monthday") if shift.get(name)]
    if unsupported or shift.get("frequency") not in _HOURS:
        what = ", ".join(unsupported) or str(shift.get("frequency"))
        source.imported.problems.append(f"{where}: recurs by {what}: put the schedule's final_shifts into the file")
        return None
    groups = _groups(shift, where, source)
    return fits(common | groups | _hours(shift, start, seconds)) if any(groups["turns"]) else None


def _groups(shift: Json, where: str, source: Source) -> Json:
    """`recurrent_event`: its users every so many days or weeks, nobody in between; `rolling_users`: one after the
    other."""
    every = int(shift.get("interval") or 1)
    hours = _HOURS[shift["frequency"]]
    if shift["type"] == "recurrent_event":
        return {
            "turns": [source.group(shift.get("users"), where)] + [[] for _ in range(every - 1)],
            "turn": turn(hours),
        }
    groups = [source.group(users, where) for users in shift["rolling_users"]]
    groups = rotated(groups, int(shift.get("start_rotation_from_user_index") or 0))
    return {"turns": groups, "turn": turn(hours * every)}


def _hours(shift: Json, start: datetime, seconds: int) -> Json:
    """When turns begin, and the hours in which it is on within them."""
    weekly, hourly = shift["frequency"] == "weekly", shift["frequency"] == "hourly"
    named = sorted(_DAYS[day] for day in shift.get("by_day") or [])
    period = _HOURS[shift["frequency"]] * (1 if shift["type"] == "recurrent_event" else int(shift.get("interval") or 1))
    if seconds >= period * 3600 and not named:
        return {"starts": start}
    if hourly:
        raise ValueError("hourly turns that do not fill their hours: put the schedule's final_shifts into the file")
    first = datetime.combine(start.date(), time())
    if weekly:
        week_start = _DAYS[shift.get("week_start") or "SU"]
        first -= ((first.weekday() - week_start) % 7) * _DAY
    days = named or ([start.weekday()] if weekly else list(range(7)))
    return {"starts": first, "windows": [window(start, seconds, days)]}
