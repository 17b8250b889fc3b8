"""As much of Frappe's REST interface as the connector uses, strict about fields, links, rights and `modified`."""

import json
from itertools import count
from threading import Lock
from typing import Any

from tests.support.json_server import Asked, Told

KEY, SECRET = "mos-key", "s3cret-of-erpnext"
_OURS = "custom_mos_key"
_ORDER = {"production_item", "qty", "status", "planned_start_date", "planned_end_date", "sales_order", _OURS}
_DOWNTIME = {"workstation", "operator", "from_time", "to_time", "stop_reason", "remarks", _OURS}
FIELDS = {
    "Work Order": _ORDER,
    "Downtime Entry": _DOWNTIME,
    "Asset Repair": {"asset", "failure_date", "description", "repair_status", _OURS},
    "Batch": {"disabled", _OURS},
    "Non Conformance": {"subject", "procedure", "status", "details", _OURS},
    "Workstation": set[str](),
    "Asset": {"asset_name"},
    "Sales Order": {"customer", "customer_name", "status", "delivery_date"},
}
_ALWAYS = {"name", "modified", "docstatus"}
_STATUS = {
    **{"DuplicateEntryError": 409, "DoesNotExistError": 404, "PermissionError": 403},
    **{"AuthenticationError": 401, "DataError": 417},
}


class Refused(Exception):
    """An exception of Frappe's, by its name."""


class SmallErpNext:
    """`may_not`: (type of document, right) that the user lacks."""

    def __init__(self) -> None:
        self._lock, self._ticks = Lock(), count()
        self.rows: dict[str, dict[str, dict[str, Any]]] = {model: {} for model in FIELDS}
        self.may_not: set[tuple[str, str]] = set()
        self.writes: list[str] = []
        for name in ("JO-1001", "JO-1002", "JO-1003"):
            times = {"planned_start_date": "2026-11-22 09:00:00", "planned_end_date": "2026-11-22 12:00:00"}
            order = {"production_item": "SHAFT", "qty": 4.0, "status": "Not Started", "sales_order": "SO-2001"}
            self.add("Work Order", name, docstatus=1, **times, **order)
        self.add("Workstation", "mill-1")
        self.add("Asset", "AST-1", asset_name="mill-1")
        self.add("Batch", "L-1", disabled=0)
        sale = {"customer": "C-7", "customer_name": "A Customer", "status": "To Deliver", "delivery_date": "2026-12-01"}
        self.add("Sales Order", "SO-2001", docstatus=1, **sale)

    def add(self, model: str, name: str = "", **values: Any) -> dict[str, Any]:
        name = name or f"{model[:2].upper()}-{len(self.rows[model]) + 1:05}"
        self.rows[model][name] = {"name": name, "docstatus": 0, **dict.fromkeys(FIELDS[model]), **values}
        self.touch(model, name)
        return self.rows[model][name]

    def touch(self, model: str, name: str, **values: Any) -> None:
        self.rows[model][name] |= values
        second = next(self._ticks)
        self.rows[model][name]["modified"] = f"2026-11-22 08:{second // 60:02}:{second % 60:02}.000001"

    def __call__(self, asked: Asked) -> Told:
        with self._lock:
            try:
                return self._route(asked)
            except Refused as error:
                name = str(error.args[0])
                body = {"exc_type": name, "exception": f"frappe.exceptions.{name}: {error.args[1]}"}
                return Told(_STATUS.get(name, 417), body)

    def _route(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"token {KEY}:{SECRET}":
            raise Refused("AuthenticationError", "Invalid token")
        if asked.parts[1] == "method":
            right = (asked.params["doctype"][0], asked.params["perm_type"][0])
            return Told(200, {"message": {"has_permission": right not in self.may_not}})
        model = asked.parts[2]
        if model not in FIELDS:
            raise Refused("DoesNotExistError", f"DocType {model} not found")
        if len(asked.parts) == 3:
            return Told(200, {"data": self._made(model, asked.body) if asked.body else self._list(model, asked)})
        return self._document(model, asked)

    def _document(self, model: str, asked: Asked) -> Told:
        name = asked.parts[3]
        if name not in self.rows[model]:
            raise Refused("DoesNotExistError", f"{model} {name} not found")
        if asked.method == "GET":
            return Told(200, {"data": self.rows[model][name]})
        self.writes.append(f"{asked.method} {model} {name}")
        if asked.method == "DELETE":
            del self.rows[model][name]
            return Told(202, {"message": "ok"})
        values = dict(asked.body)
        if values.pop("modified", self.rows[model][name]["modified"]) != self.rows[model][name]["modified"]:
            raise Refused("TimestampMismatchError", "Document has been modified after you have opened it")
        self._check(model, values, name)
        self.rows[model][name] |= values
        self.touch(model, name)
        return Told(200, {"data": self.rows[model][name]})

    def _made(self, model: str, values: dict[str, Any]) -> dict[str, Any]:
        self._check(model, values, "")
        needed = {"Downtime Entry": "to_time", "Asset Repair": "failure_date"}.get(model)
        if needed and not values.get(needed):
            raise Refused("MandatoryError", needed)
        self.writes.append(f"POST {model}")
        return self.add(model, **values)

    def _check(self, model: str, values: dict[str, Any], name: str) -> None:
        if (model, "write") in self.may_not:
            raise Refused("PermissionError", f"No permission for {model}")
        if strange := set(values) - FIELDS[model] - _ALWAYS:
            raise Refused("DataError", f"Unknown column {strange}")
        key = values.get(_OURS)
        if key and any(row[_OURS] == key and row["name"] != name for row in self.rows[model].values()):
            raise Refused("DuplicateEntryError", "must be unique")

    def _list(self, model: str, asked: Asked) -> list[dict[str, Any]]:
        filters, fields = (json.loads(asked.params[name][0]) for name in ("filters", "fields"))
        assert asked.params["limit_page_length"] == ["0"]
        for name in (*fields, *(one[0] for one in filters)):
            if name not in FIELDS[model] | _ALWAYS:
                raise Refused("DataError", f"Unknown column '{name}'")
        rows = [row for row in self.rows[model].values() if all(_fits(row, *one) for one in filters)]
        return [{name: row[name] for name in fields} for row in rows]


def _fits(row: dict[str, Any], name: str, operator: str, value: Any) -> bool:
    stands = row[name]
    match operator:
        case "=":
            return bool(stands == value)
        case "!=":
            return bool(stands != value)
        case "in":
            return stands in value
        case ">=":
            return bool(stands >= value)
        case "like":
            return bool(stands) and value.strip("%") in stands
    raise Refused("DataError", f"operator {operator}")
