"""The answer of GoAlert's GraphQL API as schedules here. Pure.

All rules of a schedule that are active put their targets on call together. `weekdayFilter` begins with Sunday; a rule
whose end is its start lasts the whole day. A rotation's turn passes on at `nextHandoffTimes`.
https://github.com/target/goalert graphql2/schema.graphql
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.roster_files import fits, reason, rotated, rows, turn, wall
from domain.rosters.imported import Directory, Imported, slug
from domain.rosters.model import Layer, Override, Schedule
from domain.values import Json, duration

_HOURS = {"hourly": 1, "daily": 24, "weekly": 168}
_EPOCH = "2020-01-06T00:00:00"  # a Monday; for people who are on without a rotation


@dataclass
class Source:
    """What the whole answer says: GoAlert's users and rotations by id."""

    people: dict[str, str | None]
    rotations: dict[str, Json]
    overrides: list[Json]
    imported: Imported = field(default_factory=Imported)

    def person(self, user: Json, where: str) -> list[str]:
        found = self.people.get(str(user))
        if found is None:
            self.imported.problems.append(f"{where}: nobody here is GoAlert's user {user}")
        return [found] if found else []


def read(found: Json, directory: Directory) -> Imported:
    """Every schedule of the answer."""
    data = found.get("data", found)
    users = {one["id"]: directory.find(one.get("email"), one.get("name")) for one in _nodes(data, "users")}
    rotations = {one["id"]: one for one in _nodes(data, "rotations")}
    source = Source(users, rotations, list(_nodes(data, "userOverrides")))
    for one in _nodes(data, "schedules"):
        try:
            source.imported.schedules.append(_schedule(one, source))
        except (ValueError, KeyError, TypeError, OSError) as error:
            source.imported.problems.append(f"{one.get('name')}: can't be read: {reason(error)}")
    if not source.imported.schedules and not source.imported.problems:
        source.imported.problems.append("no schedule in the file: the README has the query to ask")
    return source.imported


def _nodes(data: Json, name: str) -> Iterator[Json]:
    yield from rows(data.get(name) or {}, "nodes")


def _schedule(one: Json, source: Source) -> Schedule:
    zone = ZoneInfo(str(one["timeZone"]))
    layers = [layer for target in one["targets"] for layer in _target(target, zone, one["name"], source)]
    overrides = [
        made for told in source.overrides if told["target"]["id"] == one["id"] for made in _override(told, source)
    ]
    for temporary in one.get("temporarySchedules") or []:
        overrides += _temporary(temporary, one["name"], source)
    title = str(one["name"])
    return Schedule(id=slug(title), title=title[:120], timezone=zone.key, layers=layers, overrides=overrides)


def _target(target: Json, zone: ZoneInfo, where: str, source: Source) -> Iterator[Layer]:
    kind, id_ = target["target"]["type"], target["target"]["id"]
    windows = [_window(rule) for rule in target["rules"]]
    if kind == "rotation" and id_ in source.rotations:
        rotation = source.rotations[id_]
        if rotation["type"] not in _HOURS:
            source.imported.problems.append(f"{where}: rotation {rotation['name']} is {rotation['type']}")
        elif rotation["userIDs"]:
            yield fits(_rotation(rotation, source) | _windows(windows, zone, rotation))
    elif kind == "user":
        group = source.person(id_, where)
        if group:
            yield fits(
                {"name": target["target"].get("name") or "", "turns": [group], "starts": _EPOCH, "windows": windows}
            )
    else:
        source.imported.problems.append(f"{where}: its {kind} {id_} is not in the file")


def _windows(windows: list[Json], zone: ZoneInfo, rotation: Json) -> Json:
    """Rules run by the schedule's clock, and a layer has one clock only: the schedule's where rules limit it."""
    all_day = all(one["start"] == one["end"] and len(one["weekdays"]) == 7 for one in windows)
    return {"windows": [], "timezone": rotation["timeZone"]} if all_day else {"windows": windows, "timezone": zone.key}


def _rotation(one: Json, source: Source) -> Json:
    zone, length = ZoneInfo(one["timeZone"]), turn(_HOURS[one["type"]] * int(one["shiftLength"]))
    groups = [source.person(user, f"rotation {one['name']}") for user in one["userIDs"]]
    following = one.get("nextHandoffTimes") or []
    starts = wall(following[0], zone) - duration(length) if following else wall(one["start"], zone)
    groups = rotated(groups, int(one.get("activeUserIndex") or 0)) if following else groups
    return {"name": one["name"][:120], "turns": groups, "starts": starts, "turn": length}


def _window(rule: Json) -> Json:
    """Sunday first becomes Monday first."""
    active = [(number - 1) % 7 for number, on in enumerate(rule["weekdayFilter"]) if on]
    return {"start": rule["start"], "end": rule["end"], "weekdays": sorted(active)}


def _override(told: Json, source: Source) -> Iterator[Override]:
    """GoAlert knows adding, taking off and replacing."""
    new = source.person(told["addUserID"], "override") if told.get("addUserID") else []
    off = source.person(told["removeUserID"], "override") if told.get("removeUserID") else []
    if new or off:
        begins, ends = datetime.fromisoformat(told["start"]), datetime.fromisoformat(told["end"])
        yield Override(id=f"ga.{told['id']}"[:80], begins=begins, ends=ends, people=new, instead_of=off)


def _temporary(one: Json, where: str, source: Source) -> Iterator[Override]:
    """Everybody is off from its start to its end, and those of its shifts are on."""
    name = f"ga.{slug(where)}.{one['start']}".replace(":", "")[:70]
    begins, ends = datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])
    yield Override(id=name, begins=begins, ends=ends)
    for number, shift in enumerate(one["shifts"]):
        group = source.person(shift["userID"], where)
        if group:
            begins, ends = datetime.fromisoformat(shift["start"]), datetime.fromisoformat(shift["end"])
            yield Override(id=f"{name}.{number}", begins=begins, ends=ends, people=group, instead_of=[])
