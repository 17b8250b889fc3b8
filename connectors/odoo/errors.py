"""Odoo's errors as the domain's, by the name of its exception. Pure."""

from domain.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    MosError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from domain.values import Json

_NAMES: dict[str, tuple[type[MosError], str]] = {
    "odoo.exceptions.AccessDenied": (AuthError, "Odoo refused our credentials: renew them in its settings."),
    "odoo.exceptions.AccessError": (AuthError, "Odoo does not let our user do this: give it the rights."),
    "odoo.exceptions.MissingError": (NotFoundError, "Odoo does not have the record any more."),
    "odoo.exceptions.UserError": (RejectedError, "Odoo refused."),
    "odoo.exceptions.RedirectWarning": (RejectedError, "Odoo refused."),
    "odoo.exceptions.ValidationError": (RejectedError, "Odoo refused."),
    "odoo.exceptions.LockError": (TransientError, "Odoo is busy with the record; it is tried again."),
    "odoo.exceptions.ConcurrencyError": (TransientError, "Odoo is busy with the record; it is tried again."),
    "psycopg2.errors.SerializationFailure": (TransientError, "Odoo is busy with the record; it is tried again."),
    "psycopg2.errors.UniqueViolation": (ConflictError, "Odoo has this already."),
    "builtins.ValueError": (ConfigError, "Odoo does not know a field or value: compare the connector's settings."),
    "builtins.KeyError": (ConfigError, "Odoo does not know a model: install its app, or leave the outcome out."),
    "builtins.AttributeError": (ConfigError, "Odoo does not know a method: compare its version with the settings."),
}
_STATUS: dict[int, tuple[type[MosError], str]] = {
    404: (NotFoundError, "Odoo does not know it."),
    409: (ConflictError, "Odoo has another state than was seen: look again."),
}


def error_of(answer: Json, status: int = 422) -> MosError:
    """From `{name, message, ..}`, as both interfaces tell it."""
    said = answer if isinstance(answer, dict) else {}
    name = str(said.get("name", ""))
    kind, title = (
        _NAMES.get(name) or _NAMES.get(f"builtins.{name}") or _STATUS.get(status, (RejectedError, "Odoo refused."))
    )
    return kind(
        title, detail=str(said.get("message", ""))[:300], code=f"odoo.{name.rpartition('.')[2]}" if name else ""
    )
