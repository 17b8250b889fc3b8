"""Tryton's error answers as the domain's errors. Pure.

`["UserError", [message, description, domain]]`: our module puts a stable code first in the description, so nothing here
reads a sentence. A domain violation's third part is thousands of characters long and is never kept.
"""

from collections.abc import Sequence

from domain.errors import AuthError, ConflictError, InvariantError, MosError, NotFoundError, RejectedError
from domain.values import Json

_CODES: dict[str, type[MosError]] = {
    "mfgos.key_reused": ConflictError,
    "mfgos.key_invalid": InvariantError,
    "mfgos.operation_not_allowed": InvariantError,
    "mfgos.field_not_allowed": InvariantError,
    "mfgos.operation_malformed": InvariantError,
    "mfgos.reference_unknown": InvariantError,
    "mfgos.record_missing": NotFoundError,
}
_TITLES: dict[type[MosError], str] = {
    ConflictError: "Tryton has this key with another payload.",
    InvariantError: "Tryton does not allow what we asked for: report this.",
    NotFoundError: "Tryton does not know it.",
}


def error_of(answer: Json) -> MosError:
    """The error that says what happens next. Anything of an unknown form is a bug, ours or Tryton's."""
    name, arguments = _parts(answer)
    if name == "UserError":
        return _user_error(_texts(arguments))
    if name == "UserWarning":
        warning = _texts(arguments)[1:2]
        return RejectedError("Tryton warns and wants a person's confirmation.", detail=" ".join(warning))
    if name == "ConcurrencyException":
        return ConflictError("The record changed in Tryton meanwhile: look again.", code="tryton.concurrency")
    if name == "LoginException":
        return AuthError("Tryton refused our user: renew its password in the connector's settings.")
    return InvariantError("Tryton failed in a way we do not know: report this.", detail=str(name)[:300])


def _user_error(texts: Sequence[str]) -> MosError:
    message, description = (*texts, "", "")[:2]
    code = description.split(" ", 1)[0] if description.startswith("mfgos.") else ""
    kind = _CODES.get(code, RejectedError)
    title = _TITLES.get(kind, "Tryton refused.")
    return kind(title, detail=message[:300], code=code)


def _parts(answer: Json) -> tuple[Json, Json]:
    if isinstance(answer, list) and answer:
        return answer[0], answer[1] if len(answer) > 1 else []
    return answer, []


def _texts(arguments: Json) -> list[str]:
    return [str(item or "") for item in arguments[:3]] if isinstance(arguments, list) else [str(arguments)]
