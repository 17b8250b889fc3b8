"""Material documents: goods movements between stock types and places, and their cancellation by a new document."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from infra.standins.sap.books import Row, set_named
from infra.standins.sap.context import Context
from infra.standins.sap.edm import Value
from infra.standins.sap.errors import business
from infra.standins.sap.payloads import Children

HEADER, ITEM = "A_MaterialDocumentHeader", "A_MaterialDocumentItem"
_FREE, _QUALITY, _BLOCKED = "01", "02", "07"
_FIELDS = ("Material", "Plant", "StorageLocation", "GoodsMovementType", "QuantityInEntryUnit", "EntryUnit")


@dataclass(frozen=True)
class Movement:
    """From one stock type to another (None = outside), posted under goods movement code `code`."""

    source: str | None
    target: str | None
    code: str
    reversal: str
    other_place: bool = False
    order: bool = False


_PAIRS = {
    ("343", "344"): Movement(_BLOCKED, _FREE, "04", "344"),
    ("321", "322"): Movement(_QUALITY, _FREE, "04", "322"),
    ("349", "350"): Movement(_BLOCKED, _QUALITY, "04", "350"),
    ("311", "312"): Movement(_FREE, _FREE, "04", "312", other_place=True),
    ("325", "326"): Movement(_BLOCKED, _BLOCKED, "04", "326", other_place=True),
    ("551", "552"): Movement(_FREE, None, "03", "552"),
    ("553", "554"): Movement(_QUALITY, None, "03", "554"),
    ("555", "556"): Movement(_BLOCKED, None, "03", "556"),
    ("261", "262"): Movement(_FREE, None, "03", "262", order=True),
    ("101", "102"): Movement(None, _FREE, "02", "102", order=True),
    ("561", "562"): Movement(None, _FREE, "05", "562"),
}


def _all() -> dict[str, Movement]:
    found = {}
    for (kind, back), move in _PAIRS.items():
        found[kind] = move
        found[back] = Movement(move.target, move.source, move.code, kind, move.other_place, move.order)
    return found


MOVEMENTS = _all()


def create(context: Context, row: Row, below: Children) -> Row:
    """A header with its items, all or none. The number is the system's, and nothing keeps two alike apart."""
    given = [item for item, _ in below.get("to_MaterialDocumentItem", [])]
    if row.get("MaterialDocument") or row.get("MaterialDocumentYear"):
        raise business("STANDIN/010", "Material documents are numbered by the system")
    context.need(row, ("GoodsMovementCode", "PostingDate", "DocumentDate"))
    if not given:
        raise business("STANDIN/011", "The document contains no items")
    header = _header(context, row)
    for position, item in enumerate(given, start=1):
        _post(context, header, item, position)
    return header


def _header(context: Context, row: Row) -> Row:
    posting = row["PostingDate"]
    assert isinstance(posting, datetime)
    if posting > context.today:
        raise business("M7/053", f"Posting is not possible in the future ({posting:%d.%m.%Y})")
    texts: Row = {name: str(row[name]).upper() for name in ("ReferenceDocument",) if row.get(name)}
    header: Row = (
        row
        | texts
        | {
            "MaterialDocumentYear": str(posting.year),
            "MaterialDocument": str(context.books.next_number(HEADER)),
            "CreationDate": context.today,
            "CreationTime": context.time_of_day,
            "CreatedByUser": context.user,
        }
    )
    context.books.save(set_named(HEADER), header)
    return header


def _post(context: Context, header: Row, item: Row, position: int) -> Row:
    context.need(item, _FIELDS)
    made = context.material(item)
    context.in_plant(item, "Plant", "IssuingOrReceivingPlant")
    move = MOVEMENTS.get(str(item["GoodsMovementType"]))
    if move is None or move.code != header["GoodsMovementCode"]:
        message = f"Movement type {item['GoodsMovementType']} is not allowed with code {header['GoodsMovementCode']}"
        raise business("STANDIN/012", message)
    quantity = item["QuantityInEntryUnit"]
    if not isinstance(quantity, Decimal) or quantity <= 0:
        raise business("M7/018", "Enter QuantityInEntryUnit")
    if item["EntryUnit"] != made.unit:
        raise business("STANDIN/013", f"Unit {item['EntryUnit']} is not defined for material {item['Material']}")
    if move.other_place:
        context.need(item, ("IssuingOrReceivingStorageLoc",))
    if move.order:
        context.need(item, ("ManufacturingOrder",))
        _order(context, item)
    _move(context, item, move, quantity)
    return _line(context, header, item, position, move)


def _order(context: Context, item: Row) -> None:
    order = context.row("A_ProductionOrder_2", item["ManufacturingOrder"])
    if order.get("OrderIsReleased") != "X" or order.get("OrderIsLocked") == "X":
        raise business("STANDIN/014", f"Order {item['ManufacturingOrder']} is not released, or locked")


def _move(context: Context, item: Row, move: Movement, quantity: Decimal) -> None:
    here, there = item["StorageLocation"], item.get("IssuingOrReceivingStorageLoc") or item["StorageLocation"]
    for place, kind, change in ((here, move.source, -quantity), (there, move.target, quantity)):
        if kind is None:
            continue
        key: tuple[Value, ...] = (item["Material"], item["Plant"], place, item.get("Batch") or "", kind)
        if context.books.add_stock(key, change) < 0:
            short = -context.books.stock(key)
            raise business("M7/021", f"Deficit of stock type {kind} {short} {item['EntryUnit']} : {item['Material']}")


def _line(context: Context, header: Row, item: Row, position: int, move: Movement) -> Row:
    row: Row = {"InventoryStockType": move.source or move.target, "IssuingOrReceivingStockType": move.target}
    row |= {"GoodsMovementIsCancelled": False, "IsAutomaticallyCreated": "", **item}
    row |= {
        "MaterialDocumentYear": header["MaterialDocumentYear"],
        "MaterialDocument": header["MaterialDocument"],
        "MaterialDocumentItem": str(position),
        "MaterialBaseUnit": item["EntryUnit"],
        "QuantityInBaseUnit": item["QuantityInEntryUnit"],
    }
    context.books.save(set_named(ITEM), row)
    return row


def cancel(context: Context, arguments: Row) -> tuple[str, Row]:
    """Cancel: every item of the document is reversed by a new document; a second time is refused."""
    year, number = arguments["MaterialDocumentYear"], arguments["MaterialDocument"]
    context.row(HEADER, year, number)
    items = [
        row
        for row in context.books.all(ITEM)
        if (row["MaterialDocumentYear"], row["MaterialDocument"]) == (year, number)
    ]
    return HEADER, _reversed(context, arguments, items)


def cancel_item(context: Context, arguments: Row) -> tuple[str, Row]:
    """CancelItem: the same for one item; gives the new item."""
    key = (arguments["MaterialDocumentYear"], arguments["MaterialDocument"], arguments["MaterialDocumentItem"])
    header = _reversed(context, arguments, [context.row(ITEM, *key)])
    return ITEM, context.row(ITEM, header["MaterialDocumentYear"], header["MaterialDocument"], "1")


def _reversed(context: Context, arguments: Row, items: list[Row]) -> Row:
    first = items[0]
    original = context.row(HEADER, first["MaterialDocumentYear"], first["MaterialDocument"])
    posting = arguments.get("PostingDate") or context.today
    code = MOVEMENTS[str(first["GoodsMovementType"])].code
    header = _header(context, {"PostingDate": posting, "DocumentDate": posting, "GoodsMovementCode": code})
    for position, item in enumerate(items, start=1):
        _reverse(context, header, original, item, position)
    return header


def _reverse(context: Context, header: Row, original: Row, item: Row, position: int) -> None:
    if item.get("GoodsMovementIsCancelled") or item.get("ReversedMaterialDocument"):
        raise business("M7/062", f"Document {original['MaterialDocument']} is already cancelled, or a cancellation")
    kept: Row = {name: value for name, value in item.items() if not name.endswith("StockType") and value is not None}
    kept["GoodsMovementType"] = MOVEMENTS[str(item["GoodsMovementType"])].reversal
    kept["GoodsMovementIsCancelled"] = False
    if "IssuingOrReceivingStorageLoc" in kept:  # the way back
        places = kept["IssuingOrReceivingStorageLoc"], kept["StorageLocation"]
        kept["StorageLocation"], kept["IssuingOrReceivingStorageLoc"] = places
    kept["ReversedMaterialDocumentYear"] = item["MaterialDocumentYear"]
    kept["ReversedMaterialDocument"] = item["MaterialDocument"]
    kept["ReversedMaterialDocumentItem"] = item["MaterialDocumentItem"]
    _post(context, header, kept, position)
    context.set(ITEM, item, GoodsMovementIsCancelled=True)


FUNCTIONS = {"Cancel": cancel, "CancelItem": cancel_item}
