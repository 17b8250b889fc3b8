"""`/api/resource/<DocType>` and `/api/method/..` with token authentication, and the control interface."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.plant.catalogue import Catalogue, load_catalogue
from infra.standins.control import control_routes
from infra.standins.erpnext.documents import Documents, Refused
from infra.standins.records import Records

PAGE = "20"
OPERATOR, PROCEDURE = "MOS", "Exceptions"


class ErpNextStandIn:
    """One site, one user with an API key and its secret. Moments are those of the plant's zone, without it."""

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        key_field: bool = True,
        catalogue: Catalogue | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.records = Records()
        self._token = f"token {key}:{secret}"
        self._catalogue = catalogue or load_catalogue()
        zone = ZoneInfo(self._catalogue.site.timezone)
        self._now: Callable[[], datetime] = lambda: clock().astimezone(zone)
        self.documents = Documents(self._now, self._ignored, key_field=key_field)
        self.seed()

    def _ignored(self, text: str) -> None:
        self.records.add("-", "ignored field", 200, "request", text)

    def reset(self) -> None:
        """No documents."""
        self.documents.clear()

    def dump(self, part: str) -> Any:
        """All documents of a type; without one, how many each has."""
        if part:
            return list(self.documents.docs[part].values())
        return {name: len(docs) for name, docs in self.documents.docs.items()}

    def seed(self) -> None:
        """The demo plant; documents keep the catalogue's ids as their names."""
        plant, put = self._catalogue, self.documents.insert
        anchor = self._now().replace(second=0, microsecond=0, tzinfo=None)
        put("Employee", {"employee_name": OPERATOR})
        put("Quality Procedure", {"quality_procedure_name": PROCEDURE})
        for material in plant.materials:
            put("Item", {"item_code": material.id, "item_name": material.title, "stock_uom": "Nos"})
        for customer in plant.customers:
            put("Customer", {"name": customer.id, "customer_name": customer.title})
        for unit in plant.work_units:
            put("Workstation", {"workstation_name": unit.id})
            put("Asset", {"asset_name": unit.id})
        for lot in plant.lots:
            put("Batch", {"batch_id": lot.id, "item": lot.material})
        for sale in plant.sales:
            day = (anchor + timedelta(minutes=sale.promised)).date().isoformat()
            named = {"name": sale.id, "customer": sale.customer, "customer_name": plant.customer(sale.customer).title}
            put("Sales Order", named | {"delivery_date": day, "docstatus": 1})
        for order in plant.job_orders:
            start, end = order.ops[0].start, max(op.start + op.minutes for op in order.ops)
            times = {"planned_start_date": str(anchor + timedelta(minutes=start))}
            times |= {"planned_end_date": str(anchor + timedelta(minutes=end))}
            values = {
                "name": order.id,
                "production_item": order.material,
                "qty": order.quantity,
                "sales_order": order.sale,
            }
            put("Work Order", values | times | {"docstatus": int(order.state != "planned")})

    async def resource(self, request: Request) -> Response:
        """Documents of a type, or one by its name."""
        doctype, name = request.path_params["doctype"], request.path_params.get("name", "")
        return await self._answer(request, lambda body: {"data": self._resource(request, doctype, name, body)})

    def _resource(self, request: Request, doctype: str, name: str, body: dict[str, Any]) -> Any:
        documents = self.documents
        match request.method, bool(name):
            case "GET", False:
                return self._list(request, doctype)
            case "GET", True:
                return documents.get(doctype, name)
            case "POST", False:
                return documents.insert(doctype, body)
            case "PUT", True:
                return documents.update(doctype, name, body)
            case "DELETE", True:
                documents.delete(doctype, name)
                return "ok"
            case _:
                raise Refused("ValidationError", f"{request.method} is not possible here")

    def _list(self, request: Request, doctype: str) -> Any:
        query = request.query_params
        try:
            filters, fields = json.loads(query.get("filters", "[]")), json.loads(query.get("fields", '["name"]'))
            start, length = (
                int(query.get("limit_start", "0")),
                int(query.get("limit_page_length", query.get("limit", PAGE))),
            )
        except ValueError as error:
            raise Refused("ValidationError", "filters and fields are JSON, limits are numbers") from error
        if isinstance(filters, dict):
            filters = [[name, "=", value] for name, value in filters.items()]
        return self.documents.list(doctype, filters, fields, query.get("order_by", "modified desc"), start, length)

    async def method(self, request: Request) -> Response:
        """Whitelisted methods: submit, cancel, get_count, has_permission, get_logged_user."""
        name = request.path_params["method"]
        return await self._answer(
            request, lambda body: {"message": self._method(name, dict(request.query_params) | body)}
        )

    def _method(self, name: str, given: dict[str, Any]) -> Any:
        if name == "frappe.auth.get_logged_user":
            return "mos@example.com"
        if name == "frappe.client.has_permission":
            self.documents.list(given["doctype"], [], ["name"], "name", 0, 1)
            return {"has_permission": True}
        if name == "frappe.client.get_count":
            filters = [[field, "=", value] for field, value in json.loads(given.get("filters", "{}")).items()]
            return len(self.documents.list(given["doctype"], filters, ["name"], "name", 0, 0))
        if name == "frappe.client.submit":
            doc = given["doc"] if isinstance(given["doc"], dict) else json.loads(given["doc"])
            return self.documents.update(doc["doctype"], doc["name"], doc | {"docstatus": 1})
        if name == "frappe.client.cancel":
            return self.documents.update(given["doctype"], given["name"], {"docstatus": 2})
        raise Refused("ValidationError", f"Failed to get method for command {name}")

    async def _answer(self, request: Request, act: Callable[[dict[str, Any]], Any]) -> Response:
        try:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                raise Refused("AuthenticationError", "Authentication failed")
            found = act(await _body(request))
        except Refused as refused:
            kind = {401: "login", 404: "state", 409: "state"}.get(refused.status, "request")
            kind = "state" if refused.name in ("TimestampMismatchError", "UniqueValidationError") else kind
            self.records.add(
                request.method, request.url.path, refused.status, kind, f"{refused.name} {refused.message}"
            )
            said = {"exception": f"frappe.exceptions.{refused.name}: {refused.message}", "exc_type": refused.name}
            said |= {"_server_messages": json.dumps([json.dumps({"message": refused.message})])}
            return JSONResponse(said, refused.status)
        self.records.add(request.method, request.url.path, 200)
        return JSONResponse(found)


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw:
        return {}
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise Refused("ValidationError", "The body is no JSON document") from error
    if not isinstance(found, dict):
        raise Refused("ValidationError", "The body must be one JSON object")
    return found


def build_app(system: ErpNextStandIn, control_token: str) -> Starlette:
    """The application with its control interface."""
    both = ["GET", "POST", "PUT", "DELETE"]
    routes = control_routes(system, control_token)
    routes += [Route("/api/resource/{doctype}", system.resource, methods=both)]
    routes += [Route("/api/resource/{doctype}/{name:path}", system.resource, methods=both)]
    routes += [Route("/api/method/{method}", system.method, methods=["GET", "POST"])]
    return Starlette(routes=routes)
