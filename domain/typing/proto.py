"""The checking environment: declared types as protobuf messages, for CEL's own type checker. Pure.

Only the checker sees messages; evaluation gets plain JSON. What JSON can't promise is `dyn` there: a number may arrive
whole or fractional, so `domain.typing.rules` looks after numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, struct_pb2, wrappers_pb2

from domain.typing.tree import (
    ANY,
    BOOL,
    DOUBLE,
    INTEGER,
    MOMENT,
    NULL,
    SPAN,
    TEXT,
    TEXTUAL,
    Kind,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Type,
)

_PACKAGE = "record"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_STRING, _INT64, _BOOL, _MESSAGE = 9, 3, 8, 11
_OPTIONAL, _REPEATED = 1, 3
_PLAIN = {Kind.INTEGER: _INT64, Kind.BOOL: _BOOL} | dict.fromkeys(TEXTUAL, _STRING)
_WRAPPER = {_INT64: "Int64Value", _BOOL: "BoolValue", _STRING: "StringValue"}
_VARIABLE = {_INT64: cel.Type.INT, _BOOL: cel.Type.BOOL, _STRING: cel.Type.STRING}
_PRIMITIVE: Mapping[int, Type] = {1: BOOL, 2: INTEGER, 3: INTEGER, 4: DOUBLE, 5: TEXT}
_WELL_KNOWN: Mapping[int, Type] = {2: MOMENT, 3: SPAN}


class Checker:
    """CEL's checker for one scope. `compile` raises RuntimeError with its findings."""

    def __init__(self, scope: Record) -> None:
        self._records: dict[str, Record] = {}
        self._file = descriptor_pb2.FileDescriptorProto(name="scope.proto", package=_PACKAGE, syntax="proto2")
        variables = {name: self._variable(name, part.type) for name, part in scope.fields.items()}
        pool = descriptor_pool.DescriptorPool()
        for module in (wrappers_pb2, struct_pb2):
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            self._file.dependency.append(module.DESCRIPTOR.name)
        pool.AddSerializedFile(self._file.SerializeToString())
        self._env = cel.NewEnv(descriptor_pool=pool, variables=variables)

    def compile(self, source: str) -> bytes:
        """The checked expression, serialised."""
        return self._env.compile(source).serialize()

    def parse(self, source: str) -> bytes:
        """The expression with nothing checked but its syntax, serialised."""
        return self._env.compile(source, disable_check=True).serialize()

    def type_of(self, found: Any) -> Type:
        """The checker's type of a node as ours."""
        kind = found.WhichOneof("one")
        if kind == "message":
            return self._records.get(found.message, ANY)
        if kind == "list":
            return ListOf(self.type_of(found.list.item))
        if kind == "map":
            return MapOf(self.type_of(found.map.value))
        if kind == "primitive":
            return _PRIMITIVE.get(found.primitive, ANY)
        if kind == "wrapper":
            return replace(_PRIMITIVE.get(found.wrapper, ANY), nullable=True)
        return _WELL_KNOWN.get(found.well_known, ANY) if kind == "well_known" else ANY

    def _variable(self, name: str, type: Type) -> cel.Type:
        if isinstance(type, Record):
            return cel.Type(self._message(name, type))
        if isinstance(type, ListOf | MapOf) and not type.nullable:
            if isinstance(type, ListOf):
                return cel.Type.List(self._variable(name, type.item))
            return cel.Type.Map(cel.Type.STRING, self._variable(name, type.value))
        if isinstance(type, Scalar) and type.kind in _PLAIN and not type.nullable:
            return _VARIABLE[_PLAIN[type.kind]]
        return cel.Type.NULL if type == NULL else cel.Type.DYN

    def _message(self, name: str, record: Record) -> str:
        """Declares the record; its full name, which people may read in a message of the checker."""
        number = sum(known.rstrip("0123456789") == f"{_PACKAGE}.{name}" for known in self._records)
        name = f"{name}{number + 1 if number else ''}"
        self._records[f"{_PACKAGE}.{name}"] = record
        message = self._file.message_type.add(name=name)
        message.options.deprecated_legacy_json_field_conflicts = True
        readable = [item for item in record.fields.items() if _NAME.fullmatch(item[0])]
        for index, (field, part) in enumerate(readable, 1):
            added = message.field.add(name=field, number=index, label=_OPTIONAL, json_name=field)
            self._describe(message, added, f"{name}_{field}", part.type)
        return f"{_PACKAGE}.{name}"

    def _describe(self, message: Any, added: Any, name: str, type: Type) -> None:
        if isinstance(type, ListOf) and not type.nullable:
            added.label, type = _REPEATED, type.item
        if isinstance(type, Record):
            added.type, added.type_name = _MESSAGE, f".{self._message(name, type)}"
        elif isinstance(type, MapOf) and not type.nullable and added.label == _OPTIONAL:
            added.label, added.type, added.type_name = _REPEATED, _MESSAGE, self._map(message, added.name, name, type)
        elif isinstance(type, Scalar) and type.kind in _PLAIN and not type.nullable:
            added.type = _PLAIN[type.kind]
        else:
            wrapper = _WRAPPER[_PLAIN[type.kind]] if isinstance(type, Scalar) and type.kind in _PLAIN else "Value"
            added.type, added.type_name = _MESSAGE, f".google.protobuf.{wrapper}"

    def _map(self, message: Any, field: str, name: str, type: MapOf) -> str:
        """A map is a repeated message with key and value, named after its field (protobuf's language guide, maps)."""
        entry = message.nested_type.add(name="".join(part.capitalize() for part in field.split("_")) + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_OPTIONAL, type=_STRING)
        self._describe(entry, entry.field.add(name="value", number=2, label=_OPTIONAL), name, _single(type.value))
        return f".{_PACKAGE}.{message.name}.{entry.name}"


def _single(type: Type) -> Type:
    """What a map's value may be in protobuf: lists and maps are `dyn` there."""
    return ANY if isinstance(type, ListOf | MapOf) else type
