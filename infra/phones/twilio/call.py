"""One REST call as Twilio reads it: basic auth, and the parameters of `specs/twilio_*.json`."""

import base64
import binascii
import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import FormData

from infra.phones.config import Twilio
from infra.phones.records import Kind
from infra.phones.state import Json

_SPECS = ("twilio_messages.json", "twilio_calls.json", "twilio_content.json")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


class TwilioRefusal(Exception):
    """Twilio says no: `{code, message, more_info, status}`."""

    def __init__(self, code: int, message: str, *, status: int = 400, kind: Kind = "request") -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.kind = code, message, status, kind

    def body(self) -> Json:
        """The JSON answer."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": more, "status": self.status}


@cache
def spec() -> Json:
    """The OpenAPI subset."""
    whole: Json = {"paths": {}, "components": {"schemas": {}}}
    for name in _SPECS:
        part = json.loads((Path(__file__).parents[1] / "specs" / name).read_text(encoding="utf-8"))
        whole["paths"] |= part["paths"]
        whole["components"]["schemas"] |= part["components"]["schemas"]
    return whole


def check_account(request: Request, account_sid: str, twilio: Twilio) -> None:
    """Basic auth with the account's own sid and token, on the account's own resources."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not coded:
        raise TwilioRefusal(20003, "Authentication Error - No credentials provided", status=401)
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise TwilioRefusal(20003, "Authentication Error - invalid credentials", status=401) from None
    if (user, password) != (twilio.account_sid, twilio.auth_token):
        raise TwilioRefusal(20003, "Authenticate", status=401)
    if account_sid != twilio.account_sid:
        raise not_found(request)


def not_found(request: Request) -> TwilioRefusal:
    """20404 for the path of this request."""
    return TwilioRefusal(20404, f"The requested resource {request.url.path} was not found", status=404)


async def read_form(request: Request, path: str) -> Json:
    """The checked parameters of a POST on `path` of the specification; lists for repeated ones."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type and content_type != "application/x-www-form-urlencoded":
        raise TwilioRefusal(20415, f"Unsupported content type {content_type}", status=415)
    schema = _form_schema(path)
    form: FormData = await request.form()
    return _checked([(k, str(v)) for k, v in form.multi_items()], schema["properties"])


def read_query(request: Request, path: str) -> Json:
    """The checked parameters of a GET on `path` of the specification."""
    parameters = spec()["paths"][path]["get"]["parameters"]
    allowed = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
    return _checked(request.query_params.multi_items(), allowed)


def is_number(value: str) -> bool:
    """Whether a value is an E.164 number."""
    return _E164.fullmatch(value) is not None


def is_url(value: str) -> bool:
    """Whether a value is a whole http or https URL."""
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _form_schema(path: str) -> Json:
    content = spec()["paths"][path]["post"]["requestBody"]["content"]
    schema: Json = content["application/x-www-form-urlencoded"]["schema"]
    return schema


def _checked(given: list[tuple[str, str]], allowed: Json) -> Json:
    values: Json = {}
    for name, text in given:
        if name not in allowed:
            # Twilio itself only logs this warning; a stand-in that let it pass would hide a misspelt parameter.
            raise TwilioRefusal(20001, f"Unknown parameter: {name}")
        schema = _resolved(allowed[name])
        if schema["type"] == "array":
            values.setdefault(name, []).append(_value(name, text, schema["items"]))
        elif name in values:
            raise TwilioRefusal(20422, f"Invalid parameter: {name} is given twice")
        else:
            values[name] = _value(name, text, schema)
    return values


def _resolved(schema: Json) -> Json:
    if "$ref" in schema:
        found: Json = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema


def _value(name: str, text: str, schema: Json) -> Any:
    value = _parsed(text, schema)
    in_range = not isinstance(value, int | float) or schema.get("minimum", value) <= value <= schema.get(
        "maximum", value
    )
    matches = "pattern" not in schema or re.match(schema["pattern"], text)
    if value is None or not in_range or not matches or text not in schema.get("enum", [text]):
        raise TwilioRefusal(20422, f"Invalid parameter: {name}")
    return value


def _parsed(text: str, schema: Json) -> Any:
    if schema["type"] == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    if schema["type"] == "integer":
        return int(text) if re.fullmatch(r"-?\d+", text) else None
    if schema["type"] == "number":
        return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    if schema.get("format") == "date-time":
        return _moment(text)
    return text


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        return None
