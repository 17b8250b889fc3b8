"""The services as their published metadata describes them: entity sets, types, properties with flags, functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from infra.standins.sap.navigation import target_of

ENTITIES = Path(__file__).with_name("entities.json")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What both versions of OData tell of a property; `max_length` in characters, None = unlimited."""

    name: str
    type: str
    max_length: int | None = None
    nullable: bool = True


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What both tell of an entity set."""

    name: str
    type_name: str
    key: tuple[str, ...]
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True


@dataclass(frozen=True, kw_only=True)
class Property(Typed):
    """One property. `concurrency`: the entity's ETag is made of it."""

    creatable: bool = True
    updatable: bool = True
    filterable: bool = True
    concurrency: bool = False


@dataclass(frozen=True)
class Navigation:
    """A navigation property: from an entity to one (`many` False) or several of `target`, joined by equal names."""

    name: str
    target: str
    many: bool
    join: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EntitySet(Listed):
    """An entity set with its type."""

    properties: Mapping[str, Property]
    navigation: Mapping[str, Navigation] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The property with ConcurrencyMode Fixed, or an empty text."""
        return next((item.name for item in self.properties.values() if item.concurrency), "")


@dataclass(frozen=True)
class Function:
    """A function import: POST, its parameters with their types; those that are no key may be left out."""

    name: str
    parameters: Mapping[str, str]
    required: frozenset[str]


@dataclass(frozen=True)
class Service:
    """One service by its technical name."""

    name: str
    sets: Mapping[str, EntitySet]
    functions: Mapping[str, Function]


@cache
def services() -> Mapping[str, Service]:
    """All services by technical name."""
    return {name: _service(name, given) for name, given in json.loads(ENTITIES.read_text()).items()}


def _service(name: str, given: Mapping[str, Any]) -> Service:
    types = {key: _properties(item["properties"]) for key, item in given["entity_types"].items()}
    keys = {key: tuple(item["key"]) for key, item in given["entity_types"].items()}
    type_of = {key: str(item["type"]) for key, item in given["entity_sets"].items()}
    sets = {}
    for set_name, flags in given["entity_sets"].items():
        kind = type_of[set_name]
        navigation = [
            _navigation(set_name, nav, types, keys, type_of) for nav in given["entity_types"][kind]["navigation"]
        ]
        sets[set_name] = EntitySet(
            name=set_name,
            type_name=kind,
            key=keys[kind],
            properties=types[kind],
            creatable=flags.get("creatable", True),
            updatable=flags.get("updatable", True),
            deletable=flags.get("deletable", True),
            navigation={item.name: item for item in navigation if item},
        )
    return Service(name, sets, {item["name"]: _function(item, types, keys) for item in given["function_imports"]})


def _properties(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Property]:
    return {name: _property(name, dict(facts)) for name, facts in given.items()}


def _property(name: str, facts: dict[str, Any]) -> Property:
    fixed = facts.pop("concurrency", None) == "Fixed"
    return Property(name=name, concurrency=fixed, **facts)


def _navigation(
    source: str,
    name: str,
    types: Mapping[str, Mapping[str, Property]],
    keys: Mapping[str, tuple[str, ...]],
    type_of: Mapping[str, str],
) -> Navigation | None:
    target = target_of(source, name, type_of)
    if target is None:
        return None
    here, there, there_key = types[type_of[source]], types[type_of[target]], keys[type_of[target]]
    many = not all(key in here for key in there_key)
    join = [key for key in keys[type_of[source]] if key in there] if many else list(there_key)
    return Navigation(name, target, many, tuple(join))


def _function(
    given: Mapping[str, Any], types: Mapping[str, Mapping[str, Property]], keys: Mapping[str, tuple[str, ...]]
) -> Function:
    known = {name: item.type for properties in types.values() for name, item in properties.items()}
    every_key = {name for names in keys.values() for name in names}
    parameters = {name: known.get(name, _guess(name)) for name in given["parameters"]}
    return Function(given["name"], parameters, frozenset(name for name in parameters if name in every_key))


def _guess(name: str) -> str:
    """Parameters that are no property: the published facts give only their names."""
    for ending, kind in {"DateTime": "DateTimeOffset", "Date": "DateTime", "Time": "Time"}.items():
        if name.endswith(ending):
            return kind
    return "Boolean" if "Is" in name else "String"
