"""JSON-2 (`POST /json/2/<model>/<method>`) and the older `/jsonrpc` on one database, with the control interface."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.plant.catalogue import Catalogue, load_catalogue
from infra.standins.control import control_routes
from infra.standins.odoo.orm import Orm, Refused
from infra.standins.records import Records

_STATUS = {  # every other exception is a 500, an unknown field (ValueError) among them
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.UnprocessableEntity": 422,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.AccessDenied": 403,
}
_LOSSES = ("Equipment Failure", "Setup and Adjustments", "Material Availability", "Reduced Speed", "Process Defect")
_POSITIONAL = {
    "create": ("vals_list",),
    "write": ("ids", "vals"),
    "search_read": ("domain", "fields", "offset", "limit"),
}
_UID = 2


class OdooStandIn:
    """One database `database`, one user `user` with the API key `key`."""

    def __init__(
        self,
        key: str,
        *,
        database: str = "plant",
        user: str = "mos",
        enterprise: bool = False,
        key_field: bool = True,
        catalogue: Catalogue | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.records = Records()
        self._key, self._database, self._user, self._clock = key, database, user, clock
        self._catalogue = catalogue or load_catalogue()
        self.orm = Orm(clock, enterprise=enterprise, key_field=key_field)
        self.seed()

    def reset(self) -> None:
        """No records."""
        self.orm.clear()

    def dump(self, part: str) -> Any:
        """All records of a model; without one, how many each has."""
        if part:
            return list(self.orm.rows[part].values())
        return {name: len(rows) for name, rows in self.orm.rows.items()}

    def seed(self) -> None:
        """The demo plant: orders and sales by name, machines by code, materials by default_code."""
        plant, anchor = self._catalogue, self._clock().replace(second=0, microsecond=0)

        def at(minutes: int) -> str:
            return (anchor + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")

        for loss in _LOSSES:
            self._add("mrp.workcenter.productivity.loss", name=loss)
        partners = {item.id: self._add("res.partner", name=item.title, ref=item.id) for item in plant.customers}
        products = {
            item.id: self._add("product.product", name=item.title, default_code=item.id) for item in plant.materials
        }
        units = {item.id: self._add("mrp.workcenter", name=item.title, code=item.id) for item in plant.work_units}
        for unit in plant.work_units:
            self._add("maintenance.equipment", name=unit.title, serial_no=unit.id)
        places = {
            name: self._add("stock.location", name=name, complete_name=f"WH/{name}", usage="internal")
            for name in ("Stock", "Quarantine")
        }
        self._add("stock.picking.type", name="Internal Transfers", code="internal")
        for lot in plant.lots:
            number = self._add("stock.lot", name=lot.id, product_id=products[lot.material])
            where = {"product_id": products[lot.material], "lot_id": number, "location_id": places["Stock"]}
            self._add("stock.quant", **where, quantity=float(lot.quantity))
        for sale in plant.sales:
            number = self._add(
                "sale.order", name=sale.id, partner_id=partners[sale.customer], commitment_date=at(sale.promised)
            )
            self._add(
                "sale.order.line", order_id=number, product_id=products[sale.material], product_uom_qty=sale.quantity
            )
            self.orm.call("sale.order", "action_confirm", [number], {})
        for order in plant.job_orders:
            ends = [op.start + op.minutes for op in order.ops]
            values = {
                "product_id": products[order.material],
                "product_qty": order.quantity,
                "origin": order.sale or False,
            }
            values |= {"date_start": at(order.ops[0].start), "date_finished": at(max(ends))}
            number = self._add("mrp.production", name=order.id, **values)
            if order.state != "planned":
                self.orm.call("mrp.production", "action_confirm", [number], {})
            for op in order.ops:
                times = {"date_start": at(op.start), "date_finished": at(op.start + op.minutes)}
                self._add(
                    "mrp.workorder", name=str(op.seq), production_id=number, workcenter_id=units[op.work_unit], **times
                )

    def _add(self, model: str, **values: Any) -> int:
        return int(self.orm.call(model, "create", [], {"vals_list": [values]})[0])

    async def json2(self, request: Request) -> Response:
        """Named arguments in the body; the answer is the result, errors have real HTTP codes."""
        path, model, method = request.url.path, request.path_params["model"], request.path_params["method"]
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._key.encode()):
            return self._told(path, 401, _body("werkzeug.exceptions.Unauthorized", "Invalid apikey"), "login")
        if request.headers.get("x-odoo-database", self._database) != self._database:
            return self._told(path, 404, _body("werkzeug.exceptions.NotFound", "No such database"), "request")
        try:
            body = await request.json()
        except ValueError:
            body = None
        if (
            not isinstance(body, dict)
            or request.headers.get("content-type", "").partition(";")[0] != "application/json"
        ):
            return self._told(
                path, 400, _body("werkzeug.exceptions.BadRequest", "could not parse the body as json"), "request"
            )
        named = {name: value for name, value in body.items() if name not in ("ids", "context")}
        try:
            return self._told(path, 200, self.orm.call(model, method, body.get("ids") or [], named))
        except Refused as error:
            status = _STATUS.get(error.name, 500)
            kind = "state" if error.name.startswith("odoo.") else "request"
            return self._told(path, status, _body(error.name, error.message), kind)

    async def jsonrpc(self, request: Request) -> Response:
        """The envelope of JSON-RPC 2.0: HTTP 200, errors inside."""
        body = await request.json()
        params = body.get("params", {})
        service, args = params.get("service"), params.get("args", [])
        found: dict[str, Any] = {"jsonrpc": "2.0", "id": body.get("id")}
        kind, path = "", f"/jsonrpc/{service}/{params.get('method')}"
        try:
            found["result"] = self._common(params.get("method"), args) if service == "common" else self._object(args)
        except Refused as error:
            kind = "state" if error.name.startswith("odoo.") else "request"
            data = _body(error.name, error.message)
            found["error"] = {"code": 0, "message": "Odoo Server Error", "data": data}
        return self._told(path, 200, found, kind)

    def _common(self, method: str, args: Sequence[Any]) -> Any:
        if method == "version":
            return {"server_version": "18.0", "protocol_version": 1}
        right = list(args[:3]) == [self._database, self._user, self._key]
        return _UID if right and method in ("authenticate", "login") else False

    def _object(self, args: Sequence[Any]) -> Any:
        database, uid, key, model, method = args[:5]
        if (database, uid, key) != (self._database, _UID, self._key):
            raise Refused("odoo.exceptions.AccessDenied", "Access Denied")
        positional, named = list(args[5] if len(args) > 5 else []), dict(args[6] if len(args) > 6 else {})
        named.pop("context", None)
        names = _POSITIONAL.get(method, () if method in ("fields_get",) else ("ids",))
        given = dict(zip(names, positional, strict=False)) | named
        if method == "check_access_rights":
            return self.orm.call(model, "has_access", [], {"operation": given.get("operation", positional[:1])})
        return self.orm.call(model, method, given.pop("ids", []), given)

    def _told(self, path: str, status: int, body: Any, kind: str = "") -> Response:
        error = str(body.get("message") or body.get("error") or "") if kind and isinstance(body, Mapping) else ""
        self.records.add("POST", path, status, kind, error)
        return JSONResponse(body, status)


def _body(name: str, message: str) -> dict[str, Any]:
    return {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""}


def build_app(system: OdooStandIn, control_token: str) -> Starlette:
    """The application with its control interface."""
    routes = control_routes(system, control_token)
    routes += [Route("/json/2/{model}/{method}", system.json2, methods=["POST"])]
    routes += [Route("/jsonrpc", system.jsonrpc, methods=["POST"])]
    return Starlette(routes=routes)
