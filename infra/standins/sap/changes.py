"""Changes: create, update, delete, functions. The metadata's flags and versions first, then the books' own rules."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.standins.sap import maintenance, movements, production, quality_sales
from infra.standins.sap.addresses import Address
from infra.standins.sap.books import Row, key_of, set_named
from infra.standins.sap.context import Context
from infra.standins.sap.errors import Refusal, business, malformed, not_found
from infra.standins.sap.payloads import Children, for_create, for_update
from infra.standins.sap.reads import Reader
from infra.standins.sap.schema import EntitySet, Function

_CREATE: Mapping[str, Callable[[Context, Row, Children], Row]] = {
    "A_ProductionOrder_2": production.create,
    "A_MaterialDocumentHeader": movements.create,
    "MaintenanceNotification": maintenance.create_notification,
    "MaintenanceOrder": maintenance.create_order,
    "A_InspectionLot": quality_sales.create_lot,
    "A_InspLotUsageDecision": quality_sales.create_decision,
    "A_SalesOrder": quality_sales.create_sale,
    "A_SalesOrderItem": quality_sales.create_item,
}
_CHECK: Mapping[str, Callable[[Context, Row, Mapping[str, Any]], None]] = {
    "A_ProductionOrder_2": production.check_update,
    "A_ProductionOrderOperation_2": production.check_operation,
    "MaintenanceNotification": maintenance.check_notification,
    "A_SalesOrder": quality_sales.check_sale,
}
_AFTER: Mapping[str, Callable[[Context, Row], None]] = {
    "A_ProductionOrder_2": production.updated,
    "A_SalesOrder": quality_sales.sale_updated,
}
_DELETED: Mapping[str, Callable[[Context, Row], None]] = {"A_SalesOrder": quality_sales.sale_deleted}
_CALL: Mapping[str, Callable[[Context, Row], tuple[str, Row]]] = {
    **production.FUNCTIONS,
    **movements.FUNCTIONS,
    **maintenance.FUNCTIONS,
}


def create(context: Context, address: Address, body: Any) -> tuple[EntitySet, Row]:
    """POST to a set, or to what a navigation property of an entity leads to. Raises Refusal."""
    entity_set = address.entity_set
    assert entity_set is not None
    if address.navigation is not None:
        return _create_below(context, address, body)
    if address.key is not None:
        raise Refusal(405, "/IWFND/CM_MGW/096", "POST is not allowed on an entity")
    _allowed(entity_set.creatable, "created", entity_set)
    row, below = for_create(entity_set, body)
    make = _CREATE.get(entity_set.name)
    made = make(context, row, below) if make else _plain(context, entity_set, row)
    saved = context.books.get(entity_set.name, key_of(entity_set, made))
    assert saved is not None
    return entity_set, saved


def _create_below(context: Context, address: Address, body: Any) -> tuple[EntitySet, Row]:
    assert address.entity_set is not None
    assert address.key is not None
    assert address.navigation is not None
    parent = context.books.get(address.entity_set.name, address.key)
    if parent is None:
        raise not_found(address.entity_set.name)
    target = set_named(address.navigation.target)
    _allowed(address.navigation.many, "created", target)
    row, _ = for_create(target, body)
    if target.name == "A_SalesOrderItem":
        items = context.books.where(target.name, "SalesOrder", parent["SalesOrder"])
        return target, quality_sales.add_item(context, parent, row, len(items) * 10 + 10)
    _allowed(target.creatable, "created", target)
    return target, _plain(context, target, row | {name: parent.get(name) for name in address.navigation.join})


def _plain(context: Context, entity_set: EntitySet, row: Row) -> Row:
    missing = [name for name in entity_set.key if row.get(name) in (None, "")]
    if missing:
        raise malformed(f"Property '{missing[0]}' of {entity_set.name} is required", missing[0])
    if context.books.get(entity_set.name, key_of(entity_set, row)):
        raise business("STANDIN/026", f"{entity_set.name} exists already")
    made = context.touch(entity_set, row)
    context.books.save(entity_set, made)
    return made


def update(context: Context, address: Address, body: Any, if_match: str | None) -> None:
    """PATCH or MERGE of an entity. Raises Refusal."""
    entity_set, row = _entity(context, address)
    _allowed(entity_set.updatable, "updated", entity_set)
    _same_version(entity_set, row, if_match)
    store(context, entity_set, row, for_update(entity_set, body))


def store(context: Context, entity_set: EntitySet, row: Row, changes: Mapping[str, Any]) -> Row:
    """Fields of a row that are allowed to change, with all that follows in the books. Raises Refusal."""
    if check := _CHECK.get(entity_set.name):
        check(context, row, changes)
    after = context.set(entity_set.name, row, **changes)
    if follow := _AFTER.get(entity_set.name):
        follow(context, after)
    return after


def delete(context: Context, address: Address, if_match: str | None) -> None:
    """DELETE of an entity. Raises Refusal."""
    entity_set, row = _entity(context, address)
    _allowed(entity_set.deletable, "deleted", entity_set)
    _same_version(entity_set, row, if_match)
    context.books.put(entity_set.name, key_of(entity_set, row), None)
    if follow := _DELETED.get(entity_set.name):
        follow(context, row)


def call(context: Context, function: Function, arguments: Row, if_match: str | None) -> tuple[EntitySet, Row]:
    """A function import; gives the entity that it made or changed. Raises Refusal."""
    act = _CALL.get(function.name)
    if act is None:
        raise Refusal(501, "STANDIN/501", f"The stand-in does not play function import {function.name}")
    name = next((part for part in function.parameters if part in ("ManufacturingOrder",)), "")
    if if_match and name:  # only ever checked when it is sent
        row = context.row("A_ProductionOrder_2", arguments[name])
        _same_version(set_named("A_ProductionOrder_2"), row, if_match)
    part, row = act(context, arguments)
    entity_set = set_named(part)
    return entity_set, context.books.get(part, key_of(entity_set, row)) or row


def _entity(context: Context, address: Address) -> tuple[EntitySet, Row]:
    entity_set = address.entity_set
    assert entity_set is not None
    if address.key is None or address.navigation is not None:
        raise Refusal(405, "/IWFND/CM_MGW/096", "Only an entity addressed by its key can be changed")
    row = context.books.get(entity_set.name, address.key)
    if row is None:
        raise not_found(f"{entity_set.name}({', '.join(map(str, address.key))})")
    return entity_set, row


def _allowed(flag: bool, word: str, entity_set: EntitySet) -> None:
    if not flag:
        raise Refusal(405, "/IWFND/CM_MGW/096", f"Entities of {entity_set.name} cannot be {word}")


def _same_version(entity_set: EntitySet, row: Row, if_match: str | None) -> None:
    """RFC 7232 with an ETag for every entity whose type has a concurrency property."""
    current = Reader.etag(entity_set, row)
    if not current:
        return
    if not if_match:
        raise Refusal(428, "/IWFND/CM_MGW/098", "Precondition required: send If-Match")
    if if_match.strip() != "*" and current not in [item.strip() for item in if_match.split(",")]:
        raise Refusal(412, "/IWBEP/CM_MGW_RT/021", "Precondition failed: the entity was changed", kind="state")
