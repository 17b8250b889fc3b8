"""Frappe's errors as the domain's, by `exc_type`, which is the name of its exception. Pure."""

from domain.errors import AuthError, ConfigError, ConflictError, MosError, NotFoundError, RejectedError, TransientError
from domain.values import Json

_STALE = "The record changed in ERPNext meanwhile: look again."
_NAMES: dict[str, tuple[type[MosError], str]] = {
    "TimestampMismatchError": (ConflictError, _STALE),
    "DuplicateEntryError": (ConflictError, "ERPNext has this already."),
    "UniqueValidationError": (ConflictError, "ERPNext has this already."),
    "DoesNotExistError": (NotFoundError, "ERPNext does not know it."),
    "LinkValidationError": (NotFoundError, "ERPNext does not know a record that is named."),
    "PermissionError": (AuthError, "ERPNext does not let our user do this: give it the role."),
    "AuthenticationError": (AuthError, "ERPNext refused our key: renew it in the connector's settings."),
    "DataError": (ConfigError, "ERPNext does not know a field: compare the connector's settings."),
    "QueryDeadlockError": (TransientError, "ERPNext is busy with the record; it is tried again."),
    "QueryTimeoutError": (TransientError, "ERPNext is busy with the record; it is tried again."),
    "DocumentLockedError": (TransientError, "ERPNext is busy with the record; it is tried again."),
}
_STATUS: dict[int, tuple[type[MosError], str]] = {
    404: (NotFoundError, "ERPNext does not know it."),
    409: (ConflictError, "ERPNext has this already."),
}


def error_of(answer: Json, status: int) -> MosError:
    """From `{exc_type, exception, ..}`. What is in neither table is a refusal (417: a validation said no)."""
    said = answer if isinstance(answer, dict) else {}
    name = str(said.get("exc_type", ""))
    kind, title = _NAMES.get(name) or _STATUS.get(status) or (RejectedError, "ERPNext refused.")
    told = str(said.get("exception") or said.get("message") or f"HTTP {status}")
    return kind(title, detail=told[:300], code=f"erpnext.{name}" if name else "")
