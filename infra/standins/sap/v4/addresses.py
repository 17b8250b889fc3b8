"""Addresses and filters: a set, an entity by its key, and rows whose keys are told."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from infra.standins.sap.addresses import key_parts
from infra.standins.sap.edm import Value
from infra.standins.sap.v4.errors import malformed, not_found, not_played
from infra.standins.sap.v4.schema import EntitySet, Service

_SEGMENT = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
_TEXT = r"'(?:[^']|'')*'"
_KEY_PART = re.compile(rf"(?:(\w+)=)?({_TEXT})(?:,|$)")
_TEST = re.compile(rf"(\w+) (\w+) ({_TEXT})")
_JOINT = re.compile(r" (and|or) ")
_COMPARISONS = ("ne", "gt", "ge", "lt", "le")
Key = tuple[str, ...]
Test = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True)
class Address:
    """`key` None = the whole set."""

    entity_set: EntitySet
    key: Key | None


def parse_address(service: Service, path: str) -> Address:
    """`SalesOrder('1')`. Raises Refusal: 404 for what the service does not have, 501 for what is beyond an entity."""
    first, _, rest = path.strip("/").partition("/")
    found = _SEGMENT.fullmatch(unquote(first))
    entity_set = service.sets.get(found[1]) if found else None
    if found is None or entity_set is None:
        raise not_found(f"segment '{first}'")
    key = None if found[2] is None else _key(entity_set, found[2])
    if rest:
        known = key is not None and rest in entity_set.navigation
        raise not_played(f"'{rest}'") if known or "." in rest else not_found(f"segment '{rest}'")
    return Address(entity_set, key)


def _key(entity_set: EntitySet, text: str) -> Key:
    given = key_parts(entity_set, text, _KEY_PART, malformed)
    return tuple(_plain(given[name]) for name in entity_set.key)


def parse_filter(text: str, entity_set: EntitySet) -> Test:
    """Keys by `eq`, `and`, `or`, without brackets: what is more is not played. Raises Refusal."""
    ways: list[list[tuple[str, str]]] = [[]]
    at, joint = 0, "and"
    while True:
        test = _TEST.match(text, at)
        if test is None:
            raise malformed(f"Invalid $filter at position {at}")
        _filterable(entity_set, test[1], test[2])
        if joint == "or":
            ways.append([])
        ways[-1].append((test[1], _plain(test[3])))
        if test.end() == len(text):
            return lambda row: any(all(row[name] == value for name, value in way) for way in ways)
        more = _JOINT.match(text, test.end())
        if more is None:
            raise malformed(f"Invalid $filter at position {test.end()}")
        at, joint = more.end(), more[1]


def _filterable(entity_set: EntitySet, name: str, operator: str) -> None:
    if name not in entity_set.properties:
        raise malformed(f"Property '{name}' not found in type {entity_set.type_name}", name)
    if name not in entity_set.key or operator in _COMPARISONS:
        raise not_played(f"a $filter on '{name}' with '{operator}'")
    if operator != "eq":
        raise malformed(f"Operator '{operator}' is unknown in $filter")


def _plain(text: str) -> str:
    return text[1:-1].replace("''", "'")
