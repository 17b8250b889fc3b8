"""JSON bodies against the OpenAPI schemas of `specs/twilio_content.json`."""

import json
from typing import Any

from fastapi import Request

from infra.phones.state import Json
from infra.phones.twilio.call import TwilioRefusal, spec

_TYPES: dict[str, Any] = {"string": str, "array": list, "object": dict, "boolean": bool, "number": (int, float)}


async def read_json(request: Request, schema: str) -> Json:
    """The checked JSON object of a request; raises TwilioRefusal (20415, 20422)."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json":
        raise TwilioRefusal(20415, f"Unsupported content type {content_type or 'missing'}", status=415)
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if problem := _problem(body, spec()["components"]["schemas"][schema], "body"):
        raise TwilioRefusal(20422, f"Invalid parameter: {problem}")
    checked: Json = body
    return checked


def _problem(value: Any, schema: Json, where: str) -> str | None:
    if "$ref" in schema:
        schema = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if value is None and schema.get("nullable"):
        return None
    kind = _TYPES.get(schema.get("type", ""))
    if kind is not None and not isinstance(value, kind):
        return f"{where} must be of type {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} must be one of {', '.join(schema['enum'])}"
    if isinstance(value, list):
        return next((p for n, v in enumerate(value) if (p := _problem(v, schema["items"], f"{where}[{n}]"))), None)
    return _object_problem(value, schema, where) if isinstance(value, dict) else None


def _object_problem(value: Json, schema: Json, where: str) -> str | None:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", []):
        if value.get(name) is None:
            return f"{where}.{name} is required"
    for name, inner in value.items():
        if name not in known and not isinstance(rest, dict):
            return f"{where}.{name} is unknown"
        if problem := _problem(inner, known.get(name, rest), f"{where}.{name}"):
            return problem
    return None
