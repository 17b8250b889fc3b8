"""What programs may call, as OpenAPI 3.1: made from the routes and from what their bodies are checked against."""

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from api.access.bearer import scope_for

_REF = "#/components/schemas/{model}"
_BODIES: dict[str, type[BaseModel]] = {}
_PROBLEM = {"description": "An RFC 9457 problem document", "content": {"application/problem+json": {}}}


def takes(model: type[BaseModel], *, status: int = 200) -> dict[str, Any]:
    """For a route that reads its body itself, within a limit: what the document says of it."""
    _BODIES[model.__name__] = model
    schema = {"$ref": _REF.format(model=model.__name__)}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"openapi_extra": {"requestBody": body}, "status_code": status}


def document(routes: Sequence[BaseRoute], public_url: str) -> dict[str, Any]:
    """The addresses below /api/ that a token may open, each with its scope."""
    told = get_openapi(title="mos", version="1", routes=routes, servers=[{"url": public_url}])
    paths = {path: _opened(path, told["paths"][path]) for path in sorted(told["paths"]) if path.startswith("/api/")}
    told["paths"] = {path: methods for path, methods in paths.items() if methods}
    _, made = models_json_schema([(model, "validation") for model in _BODIES.values()], ref_template=_REF)
    components = told.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | made.get("$defs", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return told


def _opened(path: str, methods: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for method, operation in methods.items():
        scope = scope_for(method.upper(), path)
        if scope:
            operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope}`.".strip()
            operation["security"] = [{"token": []}]
            operation["x-scope"] = scope
            operation["responses"]["4XX"] = _PROBLEM
            found[method] = operation
    return found
