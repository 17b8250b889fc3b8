"""The types of what conditions and texts may read: a small tree, written as JSON beside a signal or a query. Pure.

Notation: `text`, `number` (JSON: whole or fractional), `integer`, `bool`, `time` (ISO 8601 text with zone), `duration`
(text such as 5m), `any`; `'held'|'released'` lists the texts that occur; `|null` may be null; `[x]` is a list,
`{"*": x}` a map, any other object a record, in which a name that ends in `?` may be missing.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.errors import ConfigError
from domain.values import Json, duration, parse_time


class Kind(StrEnum):
    """Kinds of single values. Those from DOUBLE on are nobody's to declare: CEL's own values, which are no JSON, null,
    and the element of an empty list."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOL = "bool"
    TIME = "time"
    DURATION = "duration"
    ANY = "any"
    DOUBLE = "double"
    MOMENT = "timestamp"
    SPAN = "CEL duration"
    NULL = "null"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Scalar:
    """A single value. `values`: the only texts that occur; empty = any."""

    kind: Kind
    nullable: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListOf:
    item: "Type"
    nullable: bool = False


@dataclass(frozen=True)
class MapOf:
    value: "Type"
    nullable: bool = False


@dataclass(frozen=True)
class Field:
    """A part of a record. `given`: an optional one is there when that sibling has one of those values."""

    type: "Type"
    optional: bool = False
    given: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Record:
    """Named parts. `fields` is never changed after it was made."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    nullable: bool = False

    def plus(self, **more: "Type") -> "Record":
        """The same record with more parts, or other types for those that it has."""
        return replace(self, fields={**self.fields, **{name: Field(type) for name, type in more.items()}})


Type = Scalar | ListOf | MapOf | Record

TEXT, NUMBER, INTEGER, BOOL = (Scalar(kind) for kind in (Kind.TEXT, Kind.NUMBER, Kind.INTEGER, Kind.BOOL))
TIME, DURATION, ANY = (Scalar(kind) for kind in (Kind.TIME, Kind.DURATION, Kind.ANY))
DOUBLE, MOMENT, SPAN = (Scalar(kind) for kind in (Kind.DOUBLE, Kind.MOMENT, Kind.SPAN))
NULL, NOTHING = Scalar(Kind.NULL, nullable=True), Scalar(Kind.NOTHING)

TEXTUAL = frozenset({Kind.TEXT, Kind.TIME, Kind.DURATION})
UNKNOWN = frozenset({Kind.ANY, Kind.NOTHING})
NUMERIC = frozenset({Kind.NUMBER, Kind.INTEGER, Kind.DOUBLE})
_WRITABLE = ("text", "number", "integer", "bool", "time", "duration", "any")


@dataclass(frozen=True)
class Fault:
    """One thing wrong in an expression or text: 1-based line and column in it, a stable code, error or warning."""

    line: int
    column: int
    message: str
    code: str
    severity: str = "error"


def read_type(notation: Json) -> Type:
    """The type that this notation describes. Raises ConfigError for what is none."""
    if isinstance(notation, dict):
        if set(notation) == {"*"}:
            return MapOf(read_type(notation["*"]))
        return read_record(notation)
    if isinstance(notation, list) and len(notation) == 1:
        return ListOf(read_type(notation[0]))
    if isinstance(notation, str) and notation:
        return _read_scalar(notation)
    raise ConfigError(f"{notation!r} describes no type: write text, [text] or {{name: text}}", code="mos.type.notation")


def read_record(notation: Mapping[str, Json]) -> Record:
    """A record from `{name: type}`. Raises ConfigError."""
    return Record(
        {name.removesuffix("?"): Field(read_type(type), optional=name.endswith("?")) for name, type in notation.items()}
    )


def _read_scalar(notation: str) -> Type:
    parts = [part.strip() for part in notation.split("|")]
    nullable = "null" in parts
    parts = [part for part in parts if part != "null"]
    quoted = tuple(part[1:-1] for part in parts if len(part) > 1 and part[0] == part[-1] == "'")
    if quoted and len(quoted) == len(parts):
        return Scalar(Kind.TEXT, nullable, quoted)
    if len(parts) == 1 and parts[0] in _WRITABLE:
        return Scalar(Kind(parts[0]), nullable)
    unknown = next((part for part in parts if part not in _WRITABLE), notation)
    raise ConfigError(f"'{unknown}' is no type{hint(unknown, _WRITABLE)}", code="mos.type.notation")


def type_of(value: Json) -> Type:
    """The type of a literal: durations and times are told from other texts by how they are written."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INTEGER
    if isinstance(value, float):
        return NUMBER
    if isinstance(value, str):
        return _type_of_text(value)
    if isinstance(value, list):
        return ListOf(join(type_of(item) for item in value))
    if isinstance(value, dict):
        return Record({str(name): Field(type_of(item)) for name, item in value.items()})
    return NULL


def _type_of_text(value: str) -> Type:
    for read, type in ((duration, DURATION), (parse_time, TIME)):
        try:
            read(value)
        except ValueError:
            continue
        return type
    return TEXT


def join(types: Iterable[Type]) -> Type:
    """What a value may be that is of one of these types."""
    found: Type = NOTHING
    for type in types:
        found = _join(found, type)
    return found


def _join(one: Type, other: Type) -> Type:
    if NOTHING in (one, other):
        return other if one == NOTHING else one
    nullable = one.nullable or other.nullable
    if one == NULL or other == NULL:
        return replace(other if one == NULL else one, nullable=True)
    if isinstance(one, Record) and isinstance(other, Record):
        return replace(_join_records(one, other), nullable=nullable)
    if isinstance(one, ListOf) and isinstance(other, ListOf):
        return ListOf(_join(one.item, other.item), nullable)
    if isinstance(one, MapOf) and isinstance(other, MapOf):
        return MapOf(_join(one.value, other.value), nullable)
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return _join_scalars(one, other, nullable)
    return replace(ANY, nullable=nullable)


def _join_records(one: Record, other: Record) -> Record:
    fields: dict[str, Field] = {}
    for name in [*one.fields, *(name for name in other.fields if name not in one.fields)]:
        mine, theirs = one.fields.get(name), other.fields.get(name)
        if mine and theirs:
            given = mine.given if mine.given == theirs.given else None
            fields[name] = Field(_join(mine.type, theirs.type), mine.optional or theirs.optional, given)
        elif single := mine or theirs:
            fields[name] = replace(single, optional=True, given=None)
    return Record(fields)


def _join_scalars(one: Scalar, other: Scalar, nullable: bool) -> Scalar:
    if one.kind == other.kind:
        values = tuple(dict.fromkeys((*one.values, *other.values))) if one.values and other.values else ()
        return Scalar(one.kind, nullable, values)
    kinds = {one.kind, other.kind}
    if kinds <= TEXTUAL:
        return Scalar(Kind.TEXT, nullable)
    return Scalar(Kind.NUMBER if kinds <= NUMERIC else Kind.ANY, nullable)


def fits(found: Type, wanted: Type) -> bool:
    """May a value of the first type stand where the second is wanted? What is not known fits everywhere."""
    if {getattr(found, "kind", None), getattr(wanted, "kind", None)} & UNKNOWN:
        return True
    if isinstance(found, Scalar) and isinstance(wanted, Scalar):
        if wanted.values and found.values and not set(found.values) <= set(wanted.values):
            return False
        same = found.kind == wanted.kind or (wanted.kind is Kind.TEXT and found.kind in TEXTUAL)
        return same or (wanted.kind is Kind.NUMBER and found.kind in NUMERIC) or found == NULL
    if isinstance(found, ListOf) and isinstance(wanted, ListOf):
        return fits(found.item, wanted.item)
    if isinstance(found, Record) and isinstance(wanted, Record):
        return all(
            one.optional or (name in found.fields and fits(found.fields[name].type, one.type))
            for name, one in wanted.fields.items()
        )
    return isinstance(found, Record | MapOf) and isinstance(wanted, Record | MapOf)


def misfit(value: Json, type: Type, path: str = "it") -> str:
    """What keeps a JSON value from being of this type (`it.lines[0].quantity is text, not number`); empty = nothing."""
    if value is None:
        return "" if type.nullable or type == ANY else f"{path} is null"
    if isinstance(type, ListOf) and isinstance(value, list):
        return next((bad for i, item in enumerate(value) if (bad := misfit(item, type.item, f"{path}[{i}]"))), "")
    if isinstance(type, MapOf) and isinstance(value, dict):
        return next((bad for key, item in value.items() if (bad := misfit(item, type.value, f"{path}.{key}"))), "")
    if isinstance(type, Record) and isinstance(value, dict):
        return _misfit_in_record(value, type, path)
    literal = type_of(value)
    if isinstance(type, Scalar) and type.values and value not in type.values:
        return f"{path} is {value!r}, not {show(type)}"
    return "" if fits(literal, type) else f"{path} is {show(literal)}, not {show(type)}"


def _misfit_in_record(value: dict[str, Json], type: Record, path: str) -> str:
    undeclared = sorted(set(value) - set(type.fields))
    if undeclared:
        return f"{path}.{undeclared[0]} is not declared"
    for name, part in type.fields.items():
        if name not in value and not part.optional:
            return f"{path}.{name} is missing"
        bad = misfit(value[name], part.type, f"{path}.{name}") if name in value else ""
        if bad:
            return bad
    return ""


_SAMPLES: Mapping[Kind, Json] = {
    **{Kind.TEXT: "text", Kind.TIME: "2026-01-05T08:00:00Z", Kind.DURATION: "5m"},
    **{Kind.NUMBER: 1.5, Kind.INTEGER: 1, Kind.BOOL: True, Kind.DOUBLE: 1.5},
}


def sample(type: Type) -> Json:
    """A value of this type with everything in it that may be there."""
    if isinstance(type, ListOf):
        return [sample(type.item)] * 2
    if isinstance(type, MapOf):
        return {"key": sample(type.value)}
    if isinstance(type, Record):
        return {name: sample(part.type) for name, part in type.fields.items()}
    return type.values[0] if type.values else _SAMPLES.get(type.kind, {})


def show(type: Type) -> str:
    """A type in words, for messages."""
    if isinstance(type, ListOf):
        return f"list of {show(type.item)}" if type.item != ANY else "list"
    if isinstance(type, Record | MapOf):
        return "record"
    return type.kind.value


def hint(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'state'?` with the nearest of the names, or nothing when none is near."""
    near = difflib.get_close_matches(name, sorted(names), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
