"""The service as its published metadata describes it: entity sets, types, and who sets which property."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.standins.sap.schema import Listed, Typed

ENTITIES = Path(__file__).parents[1] / "entities4.json"


@dataclass(frozen=True, kw_only=True)
class Property(Typed):
    """One property. `computed`: the service sets it; `fixed`: it is set once, when made."""

    precision: int | None = None
    scale: int | str | None = None
    computed: bool = False
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class EntitySet(Listed):
    """An entity set with its type. `version`: the path of the property that its ETag is made of."""

    properties: Mapping[str, Property]
    navigation: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Service:
    """`path` below the root of OData v4."""

    path: str
    namespace: str
    sets: Mapping[str, EntitySet]


@cache
def service() -> Service:
    """The one that is published among the facts."""
    (given,) = json.loads(ENTITIES.read_text()).values()
    sets = {
        name: _set(name, about, given["entity_types"][about["type"]]) for name, about in given["entity_sets"].items()
    }
    return Service(given["path"], given["namespace"], sets)


def _set(name: str, about: Mapping[str, Any], kind: Mapping[str, Any]) -> EntitySet:
    fixed = {*kind["key"], *about.get("not_updatable", ())}
    return EntitySet(
        name=name,
        type_name=about["type"],
        key=tuple(kind["key"]),
        properties={item: _property(item, facts, item in fixed) for item, facts in kind["properties"].items()},
        navigation=tuple(kind["navigation"]),
        version=about["concurrency"],
        creatable=about.get("creatable", True),
        updatable=about.get("updatable", True),
        deletable=about.get("deletable", True),
    )


def _property(name: str, facts: Mapping[str, Any], fixed: bool) -> Property:
    return Property(
        name=name,
        type=facts["type"],
        max_length=facts.get("max_length"),
        precision=facts.get("precision"),
        scale=facts.get("scale"),
        nullable=facts.get("nullable", True),
        computed=facts.get("computed", False),
        fixed=fixed or facts.get("immutable", False),
    )
