"""OData v4 types: Python values as JSON and as URL literals, and back. Pure; the same functions as `edm` has for v2.

Source: OData JSON Format 4.01 section 7.1, ABNF of OData 4.01 (primitive literals). Days, times and moments are
ISO 8601 texts; with `IEEE754Compatible=true` Decimal and Int64 travel as texts, so that no digit is lost.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sap.edm import escaped
from domain.errors import InvalidPayloadError, InvariantError
from domain.values import Json

__all__ = ["escaped", "etag_of", "fits", "from_json", "literal", "to_json"]
FORMAT = "application/json;IEEE754Compatible=true"
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Guid": (str,),
    "Boolean": (bool,),
    "Date": (date,),
    "DateTimeOffset": (datetime,),
    "TimeOfDay": (time,),
    "Decimal": (Decimal,),
    "Double": (float, int),
    **dict.fromkeys(("Byte", "Int16", "Int32", "Int64"), (int,)),
}


def fits(edm: str, value: Any) -> bool:
    """Whether a Python value is one of this type; None fits every type. A moment knows its zone."""
    if value is None:
        return True
    if isinstance(value, bool) != (edm == "Boolean"):
        return False
    if isinstance(value, datetime) and (edm != "DateTimeOffset" or value.tzinfo is None):
        return False
    return isinstance(value, _PYTHON.get(edm, ()))


def to_json(edm: str, value: Any) -> Json:
    """A value as the body of a request has it."""
    if value is None or edm in ("String", "Guid", "Boolean", "Double", "Byte", "Int16", "Int32"):
        return value
    return _text(edm, value)


def from_json(edm: str, value: Json) -> Any:
    """A value of an answer. Raises InvalidPayloadError."""
    read = _READ.get(edm)
    try:
        return read(str(value)) if read and value is not None else value
    except (ValueError, InvalidOperation) as error:
        raise InvalidPayloadError(f"SAP's answer has a {edm} that cannot be read.", detail=str(value)[:80]) from error


def literal(edm: str, value: Any) -> str:
    """As a URL says it in keys and `$filter` (not yet percent-encoded): only texts are quoted."""
    if edm not in _PYTHON:
        raise InvariantError(f"OData has no literal for {edm}: report this.")
    if edm == "String":
        return "'" + str(value).replace("'", "''") + "'"
    return ("true" if value else "false") if edm == "Boolean" else _text(edm, value)


def etag_of(record: Mapping[str, Json]) -> str:
    """The version of an entity, as `If-Match` has it; empty if there is none."""
    return str(record.get("@odata.etag") or "")


def _text(edm: str, value: Any) -> str:
    if edm == "DateTimeOffset":
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    if edm in ("Date", "TimeOfDay"):
        return str(value.isoformat())
    return format(value, "f") if edm == "Decimal" else str(value)


_READ: Mapping[str, Callable[[str], Any]] = {
    "Date": date.fromisoformat,
    "DateTimeOffset": lambda text: datetime.fromisoformat(text).astimezone(UTC),
    "TimeOfDay": time.fromisoformat,
    "Decimal": Decimal,
    "Int64": int,
    "Double": float,
}
