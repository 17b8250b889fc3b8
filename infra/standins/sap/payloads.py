"""What a body may say: only properties of the type, of the right type and length, that may be created or updated."""

from collections.abc import Mapping
from typing import Any

from infra.standins.sap.books import Row, set_named
from infra.standins.sap.edm import from_json
from infra.standins.sap.errors import Refusal, malformed
from infra.standins.sap.schema import EntitySet

Children = dict[str, list[tuple[Row, "Children"]]]
"""Deep-inserted rows by navigation property."""


def for_create(entity_set: EntitySet, body: Any) -> tuple[Row, Children]:
    """The row and the rows below it. Raises Refusal."""
    plain, below = _parted(entity_set, body)
    for name in plain:
        if not entity_set.properties[name].creatable:
            raise malformed(f"Property '{name}' of {entity_set.name} is not creatable", name)
    row = {name: from_json(entity_set.properties[name], value) for name, value in plain.items()}
    for name, item in entity_set.properties.items():
        if not item.nullable and name not in entity_set.key and row.get(name) in (None, ""):
            raise malformed(f"Property '{name}' of {entity_set.name} is required", name)
    return row, {name: _rows(entity_set, name, value) for name, value in below.items()}


def for_update(entity_set: EntitySet, body: Any) -> Row:
    """The fields to change. Raises Refusal."""
    plain, below = _parted(entity_set, body)
    if below:
        raise malformed(f"'{next(iter(below))}': an update does not reach into other entities")
    if not plain:
        raise malformed("The update names no property")
    for name in plain:
        if name in entity_set.key:
            raise malformed(f"Property '{name}' is a key and cannot be changed", name)
        if not entity_set.properties[name].updatable:
            raise malformed(f"Property '{name}' of {entity_set.name} is not updatable", name)
    return {name: from_json(entity_set.properties[name], value) for name, value in plain.items()}


def _parted(entity_set: EntitySet, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(body, Mapping):
        raise malformed("The body must be one JSON object")
    given = {name: value for name, value in body.items() if name != "__metadata"}
    if isinstance(given.get("d"), Mapping) and len(given) == 1:
        given = dict(given["d"])
    unknown = [name for name in given if name not in entity_set.properties and name not in entity_set.navigation]
    if unknown:
        raise Refusal(
            400,
            "/IWBEP/CM_MGW_RT/016",
            f"Property '{unknown[0]}' is invalid in {entity_set.type_name}",
            target=unknown[0],
        )
    below = {name: value for name, value in given.items() if name in entity_set.navigation}
    return {name: value for name, value in given.items() if name not in below}, below


def _rows(entity_set: EntitySet, name: str, given: Any) -> list[tuple[Row, Children]]:
    navigation = entity_set.navigation[name]
    if isinstance(given, Mapping) and set(given) == {"results"}:
        given = given["results"]
    if not navigation.many or not isinstance(given, list):
        raise malformed(f"'{name}' takes a list of entities")
    return [for_create(_item_set(navigation.target), item) for item in given]


def _item_set(name: str) -> EntitySet:
    return set_named(name)
