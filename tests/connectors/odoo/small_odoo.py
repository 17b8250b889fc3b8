"""As much of Odoo's interfaces as the connector uses, strict about fields and access; one call is one transaction."""

import copy
from itertools import count
from threading import Lock
from typing import Any

from tests.support.json_server import Asked, Told

KEY = "s3cret-api-key-of-odoo"
_ORDER = {
    "name",
    "state",
    "priority",
    "product_id",
    "product_qty",
    "date_start",
    "date_finished",
    "origin",
    "x_mos_key",
}
FIELDS = {
    "mrp.production": _ORDER,
    "mrp.workorder": {"production_id", "workcenter_id", "date_start", "date_finished", "state"},
    "mrp.workcenter": {"name", "code"},
    "mrp.workcenter.productivity": {
        *("workcenter_id", "loss_id", "date_start", "date_end", "description", "x_mos_key"),
    },
    "mrp.workcenter.productivity.loss": {"name"},
    "maintenance.request": {"name", "description", "priority", "equipment_id", "maintenance_type", "x_mos_key"},
    "maintenance.equipment": {"name", "serial_no"},
    "sale.order": {"name", "partner_id", "state", "commitment_date", "note", "x_mos_key"},
    "sale.order.line": {"order_id", "product_id", "product_uom_qty", "customer_lead"},
    "product.product": {"default_code", "display_name"},
}
_LINKS = {"workcenter_id", "loss_id", "equipment_id", "product_id", "production_id", "order_id", "partner_id"}


class Refused(Exception):
    """An exception of Odoo's, by its name."""


class SmallOdoo:
    """`may_not`: (model, operation) that the user has no right to."""

    def __init__(self) -> None:
        self._lock, self._ticks = Lock(), count()
        self.rows: dict[str, dict[int, dict[str, Any]]] = {model: {} for model in FIELDS}
        self.may_not: set[tuple[str, str]] = set()
        self.calls: list[str] = []
        product = self.add("product.product", default_code="SHAFT", display_name="Shaft")
        for name in ("JO-1001", "JO-1002", "JO-1003"):
            order = {"product_id": product, "product_qty": 4.0, "state": "confirmed", "priority": "0"}
            times = {"date_start": "2026-11-22 08:00:00", "date_finished": "2026-11-22 10:00:00"}
            number = self.add("mrp.production", name=name, origin="SO-2001", **order, **times)
        mill = self.add("mrp.workcenter", name="Mill 1", code="mill-1")
        self.add("mrp.workorder", production_id=number, workcenter_id=mill, state="ready")
        self.add("mrp.workcenter.productivity.loss", name="Equipment Failure")
        self.add("maintenance.equipment", name="Mill 1", serial_no="mill-1")
        sale = self.add("sale.order", name="SO-2001", partner_id=7, state="sale")
        self.add("sale.order.line", order_id=sale, product_id=product, product_uom_qty=4.0)

    def add(self, model: str, **values: Any) -> int:
        number = len(self.rows[model]) + 1
        self.rows[model][number] = {"id": number, **dict.fromkeys(FIELDS[model], False), **values}
        self._touch(model, number)
        return number

    def touch(self, model: str, name: str, **values: Any) -> None:
        """Somebody changes it."""
        row = next(row for row in self.rows[model].values() if row["name"] == name)
        row |= values
        self._touch(model, row["id"])

    def _touch(self, model: str, number: int) -> None:
        second = next(self._ticks)
        self.rows[model][number]["write_date"] = f"2026-11-22 07:{second // 60:02}:{second % 60:02}"

    def __call__(self, asked: Asked) -> Told:
        with self._lock:
            return self._rpc(asked.body) if asked.parts == ("jsonrpc",) else self._json2(asked)

    def _json2(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"bearer {KEY}":
            return Told(401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})
        _, _, model, method = asked.parts
        body = dict(asked.body)
        try:
            return Told(200, self._method(model, method, body.pop("ids", []), body))
        except Refused as error:
            name, message = error.args
            return Told(403 if name.endswith("AccessError") else 422, {"name": name, "message": message})

    def _rpc(self, body: Any) -> Told:
        service, args = body["params"]["service"], body["params"]["args"]
        if service == "common":
            return Told(200, {"result": 5 if args[1:3] == ["mos", KEY] else False})
        _, uid, key, model, method, positional, named = args
        ids = positional[0] if method not in ("create", "search_read", "fields_get") and positional else []
        named = dict(named)
        if method == "create":
            named["vals_list"] = positional[0]
        if method == "write":
            named["vals"] = positional[1]
        try:
            assert (uid, key) == (5, KEY)
            return Told(200, {"result": self._method(model, method, ids, named)})
        except Refused as error:
            data = {"name": error.args[0], "message": error.args[1]}
            return Told(200, {"error": {"code": 200, "message": "Odoo Server Error", "data": data}})

    def _method(self, model: str, method: str, ids: list[int], named: dict[str, Any]) -> Any:
        if model not in FIELDS:
            raise Refused("builtins.KeyError", model)
        if method in ("has_access", "check_access_rights"):
            return (model, named["operation"]) not in self.may_not
        if method == "fields_get":
            return {name: {} for name in named["allfields"] if name in FIELDS[model]}
        if method == "search_read":
            return self._search(model, **named)
        before = copy.deepcopy(self.rows)
        try:
            return self._changed(model, method, ids, named)
        except Refused:
            self.rows = before
            raise

    def _changed(self, model: str, method: str, ids: list[int], named: dict[str, Any]) -> Any:
        self.calls.append(f"{model}.{method}")
        if (model, "write") in self.may_not:
            raise Refused("odoo.exceptions.AccessError", f"You may not change {model}")
        if method == "create":
            return [self._made(model, values) for values in named["vals_list"]]
        for number in ids:
            if number not in self.rows[model]:
                raise Refused("odoo.exceptions.MissingError", "Record does not exist")
            self._one(model, method, number, named)
        return True

    def _one(self, model: str, method: str, number: int, named: dict[str, Any]) -> None:
        if method == "unlink":
            del self.rows[model][number]
            return
        states = {"action_confirm": "confirmed", "action_cancel": "cancel"}
        values = {"state": states[method]} if method in states else named["vals"]
        self._check(model, values, number)
        self.rows[model][number] |= values
        self._touch(model, number)

    def _made(self, model: str, values: dict[str, Any]) -> int:
        self._check(model, values, 0)
        return self.add(model, **({"state": "draft"} if "state" in FIELDS[model] else {}) | values)

    def _check(self, model: str, values: dict[str, Any], number: int) -> None:
        for name in values:
            if name not in FIELDS[model]:
                raise Refused("builtins.ValueError", f"Invalid field '{name}' on model '{model}'")
        key = values.get("x_mos_key")
        if key and any(row["x_mos_key"] == key and row["id"] != number for row in self.rows[model].values()):
            raise Refused("odoo.exceptions.ValidationError", "The operation cannot be completed: it must be unique")
        if "T" in str(values.get("date_start", "")):
            raise Refused("builtins.ValueError", "time data does not match format '%Y-%m-%d %H:%M:%S'")

    def _search(self, model: str, domain: list[Any], fields: list[str], order: str) -> list[dict[str, Any]]:
        for name in fields:
            if name not in {*FIELDS[model], "id", "write_date"}:
                raise Refused("builtins.ValueError", f"Invalid field '{name}' on model '{model}'")
        found = [row for row in self.rows[model].values() if all(_fits(row, *term) for term in domain)]
        return [{name: _told(name, row[name]) for name in {"id", *fields}} for row in found]


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
            return bool(stands) and value in stands
    raise Refused("builtins.ValueError", f"Invalid operator {operator}")


def _told(name: str, value: Any) -> Any:
    return [value, f"name of {value}"] if name in _LINKS and value else value
