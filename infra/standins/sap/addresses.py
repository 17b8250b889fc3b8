"""Addresses inside a service: a set, an entity by key, what a navigation property leads to, a function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from infra.standins.sap.books import Key
from infra.standins.sap.edm import LITERAL, Value, from_literal, literal
from infra.standins.sap.errors import Refusing, malformed, not_found
from infra.standins.sap.filters import Row
from infra.standins.sap.schema import EntitySet, Function, Listed, Navigation, Service

_SEGMENT = re.compile(r"([A-Za-z_]\w*)(?:\((.*)\))?")
_KEY_PART = re.compile(rf"\s*(?:([A-Za-z_]\w*)\s*=\s*)?({LITERAL.pattern})\s*(,|$)")


@dataclass(frozen=True)
class Address:
    """`key` None = the whole set. `navigation`: one step further from that entity. `function`: nothing else counts."""

    entity_set: EntitySet | None = None
    key: Key | None = None
    navigation: Navigation | None = None
    function: Function | None = None
    count: bool = False


def parse_address(service: Service, path: str) -> Address:
    """`A_SalesOrder('1')/to_Item`. Raises Refusal 404 for what the service does not have, 400 for a broken key."""
    first, *rest = [unquote(part) for part in path.strip("/").split("/")]
    found = _SEGMENT.fullmatch(first)
    if found is None:
        raise malformed(f"Invalid address '{first}'")
    name, inside = found[1], found[2]
    if name in service.functions and inside is None and not rest:
        return Address(function=service.functions[name])
    entity_set = service.sets.get(name)
    if entity_set is None:
        raise not_found(f"segment '{name}'")
    key = None if inside is None else parse_key(entity_set, inside)
    count = bool(rest) and rest[-1] == "$count"
    rest = rest[:-1] if count else rest
    return Address(entity_set, key, _navigation(entity_set, key, rest), count=count)


def _navigation(entity_set: EntitySet, key: Key | None, rest: list[str]) -> Navigation | None:
    if not rest:
        return None
    if len(rest) > 1 or key is None or rest[0] not in entity_set.navigation:
        raise not_found(f"segment '{rest[0]}'")
    return entity_set.navigation[rest[0]]


def parse_key(entity_set: EntitySet, text: str) -> Key:
    """`'1'` when the key is one property, else `A='1',B='2'`; every part named once."""
    given = key_parts(entity_set, text, _KEY_PART, malformed)
    return tuple(from_literal(given[name], entity_set.properties[name].type, name) for name in entity_set.key)


def key_parts(entity_set: Listed, text: str, one: re.Pattern[str], wrong: Refusing) -> dict[str, str]:
    """Key property -> its literal; `one` matches a part: its name, if it is told, and its literal. Raises Refusal."""
    given: dict[str, str] = {}
    at = 0
    while at < len(text) or not given:
        part = one.match(text, at)
        if part is None or (part[1] or "") in given:
            raise wrong(f"Invalid key predicate '({text})'")
        given[part[1] or ""] = part[2]
        at = part.end()
    if set(given) == {""} and len(entity_set.key) == 1:
        return {entity_set.key[0]: given[""]}
    if set(given) != set(entity_set.key):
        raise wrong(f"The key of {entity_set.name} is {', '.join(entity_set.key)}; found '({text})'")
    return given


def address_of(entity_set: EntitySet, row: Row) -> str:
    """`A_SalesOrder('1')`."""
    parts = {name: literal(entity_set.properties[name].type, row[name]) for name in entity_set.key}
    inside = next(iter(parts.values())) if len(parts) == 1 else ",".join(f"{k}={v}" for k, v in parts.items())
    return f"{entity_set.name}({inside})"


def arguments_of(function: Function, given: Mapping[str, str]) -> dict[str, Value]:
    """A function's arguments from the query, as URI literals. Raises Refusal."""
    unknown = [name for name in given if name not in function.parameters and not name.startswith(("$", "sap-"))]
    missing = [name for name in function.required if name not in given]
    if unknown:
        raise malformed(f"Function import {function.name} has no parameter '{unknown[0]}'", unknown[0])
    if missing:
        raise malformed(f"Function import {function.name} needs parameter '{missing[0]}'", missing[0])
    return {name: from_literal(given[name], kind, name) for name, kind in function.parameters.items() if name in given}
