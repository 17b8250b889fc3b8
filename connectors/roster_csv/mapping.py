"""Columns with SCIM's names (RFC 7643 section 4.1) as people, and back. Pure.

Several values in a cell are separated by `|`. A cell that a spreadsheet would take for a formula gets an apostrophe in
front when written, also after separators and quotes (ASVS 1.2.10); when read, that one is taken off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from domain.rosters.imported import Imported, PersonFields
from domain.rosters.people import ChannelName, Person
from domain.values import Json

LISTS = ("roles", "skills", "areas", "shifts", "authorities", "accounts", "languages")
TEXTS = {"displayName": "name", "preferredLanguage": "language", "timezone": "timezone"}
CONTACTS = {"emails": ChannelName.EMAIL, "phoneNumbers": ChannelName.SMS, "slack": ChannelName.SLACK,
            "whatsapp": ChannelName.WHATSAPP, "voice": ChannelName.VOICE}  # fmt: skip
COLUMNS = ("userName", *TEXTS, "active", *LISTS, "certificates", *CONTACTS)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,79}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MAIL = re.compile(r"[^\s@|]+@[^\s@|]+\.[^\s@|]+")
_TRUE, _FALSE = ("true", "1", "yes", "active"), ("false", "0", "no", "inactive")
_AT_RISK = re.compile(r"(^|[\s;,|\"'])(?=[=+\-@\t\r])")
_MADE_SAFE = re.compile(r"(^|[\s;,|\"'])'(?=[=+\-@\t\r])")


def safe(cell: str) -> str:
    """What no spreadsheet takes for a formula."""
    return _AT_RISK.sub(r"\1'", cell)


def plain(cell: str) -> str:
    """The cell as it was before `safe`."""
    return _MADE_SAFE.sub(r"\1", cell).strip()


def read(columns: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> Imported:
    """What each row says of a person: empty cells empty the field, absent columns leave it alone."""
    imported = Imported(problems=list(_wrong_columns(columns)))
    seen: dict[str, int] = {}
    for line, row in [] if imported.problems else rows:
        cells = dict(zip(columns, map(plain, row), strict=False))
        problems = [] if len(row) == len(columns) else [f"has {len(row)} cells, the first row {len(columns)}"]
        fields, name = _fields(cells, problems), cells.get("userName", "")
        if name in seen:
            problems.append(f"userName '{name}' is in line {seen[name]} too")
        seen.setdefault(name, line)
        imported.problems += [f"line {line}: {problem}" for problem in problems]
        if not problems:
            imported.people.append(PersonFields(name, fields, f"line {line}"))
    return imported


def _wrong_columns(columns: Sequence[str]) -> Iterable[str]:
    yield from (f"line 1: column '{name}' is not known" for name in columns if name not in COLUMNS)
    yield from (f"line 1: column '{name}' is there twice" for name in sorted(set(columns)) if columns.count(name) > 1)
    if "userName" not in columns:
        yield "line 1: there is no column userName"


def _fields(cells: Mapping[str, str], problems: list[str]) -> dict[str, Json]:
    if not _KEY.fullmatch(cells.get("userName", "")):
        problems.append(f"userName '{cells.get('userName', '')}' is no id: letters, digits and _ . @ - only")
    found: dict[str, Json] = {to: cells[name] for name, to in TEXTS.items() if name in cells}
    if not found.get("name", "?"):
        problems.append("displayName is empty")
    if not found.get("language", "?"):
        del found["language"]
    found |= {name: _several(cells[name]) for name in LISTS if name in cells}
    if "active" in cells:
        found["active"] = _flag(cells["active"], problems)
    if "certificates" in cells:
        found["certificates"] = [_certificate(one, problems) for one in _several(cells["certificates"])]
    told = [name for name in CONTACTS if name in cells]
    if told:
        found["contacts"] = [one for name in told for one in _contacts(name, cells[name], problems)]
        found["told_channels"] = [CONTACTS[name].value for name in told]
    return found


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _flag(cell: str, problems: list[str]) -> bool:
    if cell.casefold() not in (*_TRUE, *_FALSE):
        problems.append(f"active is '{cell}': write true or false")
    return cell.casefold() in _TRUE


def _certificate(text: str, problems: list[str]) -> Json:
    """`forklift:2027-01-31`, or without a day."""
    name, _, until = text.partition(":")
    try:
        return {"name": name.strip(), "until": date.fromisoformat(until.strip()).isoformat() if until else None}
    except ValueError:
        problems.append(f"certificate '{text}': write name:2027-01-31")
        return {"name": name, "until": None}


def _contacts(column: str, cell: str, problems: list[str]) -> list[Json]:
    channel, found = CONTACTS[column], []
    shape = {ChannelName.EMAIL: _MAIL, ChannelName.SLACK: _KEY}.get(channel, _PHONE)
    for one in _several(cell):
        address = re.sub(r"[\s()/-]", "", one) if shape is _PHONE else one
        if not shape.fullmatch(address):
            problems.append(
                f"{column} '{one}': " + ("write +420777123456" if shape is _PHONE else "this is no address")
            )
        found.append({"channel": channel.value, "address": address})
    return found


def written(people: Iterable[Person]) -> str:
    """CSV of everybody, with every column; no cell is a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for person in people:
        writer.writerow([safe(_cell(person, column)) for column in COLUMNS])
    return out.getvalue()


def _cell(person: Person, column: str) -> str:
    if column == "userName":
        return person.id
    if column == "active":
        return str(person.active).lower()
    if column == "certificates":
        return "|".join(one.name + (f":{one.until}" if one.until else "") for one in person.certificates)
    if column in CONTACTS:
        return "|".join(one.address for one in person.contacts if one.channel is CONTACTS[column])
    if column in LISTS:
        return "|".join(getattr(person, column))
    return str(getattr(person, TEXTS[column]))
