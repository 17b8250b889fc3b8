"""What a posting's operations would change, field by field, from Tryton's own records; and what stands of it now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from connectors.tryton.answers import document
from connectors.tryton.client import Record, TrytonClient
from domain.books.booking import FieldChange, FieldStanding, Preview
from domain.values import Json, iso

LABELS = {
    "production": "reference",
    "production.work.center": "code",
    "maintenance.order": "title",
    "stock.lot": "number",
    "stock.shipment.internal": "number",
    "quality.alert": "title",
    "sale.sale": "reference",
}
_STATES = {"wait": "waiting", "draft": "draft", "cancel": "cancelled", "do": "done", "run": "running"}
_WORK = ("production", "sequence", "work_center", "planned_start", "planned_end")
_TIMES = ("planned_start", "planned_end")
_MAKERS = ("create", "plan")
_NAMES = {
    "work_center": ("production.work.center", "code"),
    "product": ("product.product", "code"),
    "from_location": ("stock.location", "rec_name"),
    "to_location": ("stock.location", "rec_name"),
}
"""Fields that hold the number of a record: which, and what people call it by."""
Key = tuple[str, int]


async def preview(operations: Sequence[Record], client: TrytonClient) -> Preview:
    """Reads what the operations write. Records that they make are told with the values that they would get."""
    found = await _read(_wanted(operations), client)
    works = await _works(operations, client)
    changes: list[FieldChange] = []
    for number, operation in enumerate(operations):
        changes += _changes(operation, found, works, number)
    versions = {f"{model},{number}": record["_timestamp"] for (model, number), record in found.items()}
    return Preview(changes=await _named(changes, client), versions=versions)


async def _named(changes: Sequence[FieldChange], client: TrytonClient) -> list[FieldChange]:
    """With what people call the records whose numbers stand in them. The numbers stay: a way back sets them again."""
    wanted: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for change in changes:
        if change.field in _NAMES:
            wanted[_NAMES[change.field]] |= {one for one in (change.before, change.after) if isinstance(one, int)}
    names: dict[tuple[str, Json], str] = {}
    for (model, called), ids in wanted.items():
        for record in await client.search_read(model, [["id", "in", sorted(ids)]], [called]):
            names[model, record["id"]] = str(record[called] or "")
    return [_called(change, names) if change.field in _NAMES else change for change in changes]


def _called(change: FieldChange, names: Mapping[tuple[str, Json], str]) -> FieldChange:
    model = _NAMES[change.field][0]
    told = {f"{name}_name": names.get((model, getattr(change, name)), "") for name in ("before", "after")}
    return change.model_copy(update=told)


def with_versions(operations: Sequence[Record], versions: Mapping[str, str]) -> list[Record]:
    """The operations, each first write of a record expecting the version that was last seen of it. Our module compares
    them all before the first operation runs."""
    expecting, seen = [], set[str]()
    for operation in operations:
        names = {number: f"{operation['model']},{number}" for number in _plain(operation)}
        fresh = {str(number): versions[name] for number, name in names.items() if name in versions and name not in seen}
        seen |= set(names.values())
        if fresh and operation["method"] == "write":
            operation = operation | {"expect": fresh}
        expecting.append(operation)
    return expecting


async def standing(
    operations: Sequence[Record], results: Sequence[Sequence[int]], client: TrytonClient
) -> list[FieldStanding]:
    """Each plain field that the posting set, as set and as it stands; a record that is gone stands as nothing. What a
    later operation of the same posting set again counts once, as it was left."""
    posted: dict[tuple[Key, str], Json] = {}
    for operation, ids in zip(operations, results, strict=True):
        several = operation["method"] in _MAKERS
        values = operation.get("values")
        if operation["method"] not in ("write", *_MAKERS) or not values:
            continue
        for number, one in zip(ids, values if several else [values] * len(ids), strict=True):
            posted |= {((operation["model"], number), name): value for name, value in _simple(one).items()}
    wanted: defaultdict[str, tuple[set[int], set[str]]] = defaultdict(lambda: (set(), set()))
    for (model, number), name in posted:
        wanted[model][0].add(number)
        wanted[model][1].add(name)
    for made in (planned := _planned(operations, results)):
        wanted["production"][0].add(made)
        wanted["production"][1].add("state")
    found = await _read(wanted, client)
    fields = [
        FieldStanding(record=_name(key, found.get(key)), field=name, posted=value, stands=_stands(found.get(key), name))
        for (key, name), value in posted.items()
    ]
    orders = [("production", made) for made in planned]
    fields += [
        FieldStanding(
            record=_name(key, found.get(key)), field="cancelled", posted=False, stands=_is_over(found.get(key))
        )
        for key in orders
    ]
    return fields + await _scheduled(operations, results, client)


def _planned(operations: Sequence[Record], results: Sequence[Sequence[int]]) -> list[int]:
    """The orders that the posting made."""
    made = (ids for operation, ids in zip(operations, results, strict=True) if operation["method"] == "plan")
    return [number for ids in made for number in ids]


def _is_over(order: Record | None) -> bool:
    return order is None or order["state"] == "cancelled"


async def _scheduled(
    operations: Sequence[Record], results: Sequence[Sequence[int]], client: TrytonClient
) -> list[FieldStanding]:
    """The machine and times of each operation that the posting planned."""
    plans = [
        (number, values)
        for operation, ids in zip(operations, results, strict=True)
        if operation["method"] == "schedule"
        for number in ids
        for values in operation["values"]
    ]
    if not plans:
        return []
    orders = sorted({number for number, _ in plans})
    found = await client.search_read("production.work", [["production", "in", orders]], _WORK)
    works = {(record["production"], record["sequence"]): record for record in found}
    names = await _read({"production": (set(orders), set())}, client)
    left: dict[tuple[str, str], tuple[Json, Json]] = {}
    for number, values in plans:
        stands = works.get((number, values["sequence"]), {})
        record = _operation(names.get(("production", number), {}), number, values["sequence"])
        left |= {
            (record, name): (_json(value), _json(stands.get(name)))
            for name, value in values.items()
            if name != "sequence"
        }
    return [
        FieldStanding(record=record, field=name, posted=value, stands=stands)
        for (record, name), (value, stands) in left.items()
    ]


def _wanted(operations: Sequence[Record]) -> Mapping[str, tuple[set[int], set[str]]]:
    wanted: defaultdict[str, tuple[set[int], set[str]]] = defaultdict(lambda: (set(), set()))
    for operation in operations:
        ids, fields = wanted[operation["model"]]
        ids |= set(_plain(operation))
        if operation["method"] == "write":
            fields |= set(_simple(operation["values"]))
        elif operation["method"] in _STATES:
            fields.add("state")
    return wanted


async def _read(wanted: Mapping[str, tuple[set[int], set[str]]], client: TrytonClient) -> dict[Key, Record]:
    found: dict[Key, Record] = {}
    for model, (ids, fields) in wanted.items():
        if not ids:
            continue
        label = [LABELS[model]] if model in LABELS else []
        names = list(dict.fromkeys([*sorted(fields), *label, "_timestamp"]))
        for record in await client.search_read(model, [["id", "in", sorted(ids)]], names):
            found[(model, record["id"])] = record
    return found


async def _works(operations: Sequence[Record], client: TrytonClient) -> dict[tuple[int, int], Record]:
    """The operations of the orders that are scheduled anew, by production and number."""
    orders = sorted({number for op in operations if op["method"] == "schedule" for number in _plain(op)})
    if not orders:
        return {}
    found = await client.search_read("production.work", [["production", "in", orders]], _WORK)
    return {(record["production"], record["sequence"]): record for record in found}


def _changes(
    operation: Record, found: Mapping[Key, Record], works: Mapping[tuple[int, int], Record], number: int
) -> list[FieldChange]:
    model, method = operation["model"], operation["method"]
    if method in _MAKERS:
        made = [_simple(values) for values in operation["values"]]
        return [
            FieldChange(record=f"new {model}", field=name, after=value, created=True, outcome=number)
            for values in made
            for name, value in values.items()
            if value not in (None, "")
        ]
    if method == "schedule":
        return [change for key in _plain(operation) for change in _moved(operation, key, found, works, number)]
    after = _simple(operation["values"]) if method == "write" else {"state": _STATES.get(method, method)}
    return [
        FieldChange(
            record=_name((model, key), found.get((model, key))),
            field=name,
            before=_stands(found.get((model, key)), name),
            after=value,
            outcome=number,
        )
        for key in _plain(operation)
        for name, value in after.items()
    ]


def _moved(
    operation: Record,
    production: int,
    found: Mapping[Key, Record],
    works: Mapping[tuple[int, int], Record],
    number: int,
) -> list[FieldChange]:
    """Each operation of the order: its machine and times."""
    changes: list[FieldChange] = []
    for values in operation["values"]:
        before = works.get((production, values["sequence"]), {})
        record = _operation(found.get(("production", production), {}), production, values["sequence"])
        unit = {"before": before.get("work_center"), "after": values["work_center"]}
        changes.append(FieldChange(record=record, field="work_center", outcome=number, **unit))
        changes += [
            FieldChange(record=record, field=name, before=_json(before.get(name)), after=_json(values[name]))
            for name in _TIMES
        ]
    return changes


def _operation(order: Record, number: int, sequence: int) -> str:
    return f"operation {order.get('reference') or number}/{sequence}"


def _plain(operation: Record) -> list[int]:
    ids = operation.get("ids")
    return [number for number in ids if isinstance(number, int)] if isinstance(ids, list) else []


def _simple(values: Mapping[str, Any]) -> dict[str, Json]:
    """The fields that hold a value of their own: neither inner records nor references to what is yet to be made."""
    return {name: _json(value) for name, value in values.items() if not isinstance(value, list | dict)}


def _stands(record: Record | None, name: str) -> Json:
    value = _json(record.get(name)) if record else None
    return bool(value) if name == "hold" else value  # SQLite answers 1 and 0


def _name(key: Key, record: Record | None) -> str:
    model, number = key
    label = record.get(LABELS[model]) if record and model in LABELS else None
    return document(model, number, label)


def _json(value: Any) -> Json:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value
