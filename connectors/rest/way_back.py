"""How a posting by the mapping is taken back: by the outcome that it declares, or by undoing what it made. Pure."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from connectors.rest.mapping import Idempotency, Operation, RestMapping
from connectors.rest.template import render
from domain.books.booking import Preview
from domain.books.outcomes import CancelDocuments, Outcome
from domain.errors import InvalidPayloadError, RejectedError
from domain.language import misfits
from domain.values import Json

_PART = re.compile(r"\{([^{}]+)\}")
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
_WHY = "taken back"


def stood_before(shown: Preview | None) -> dict[str, dict[str, Json]]:
    """Record -> field -> what stood there."""
    found: dict[str, dict[str, Json]] = {}
    for change in shown.changes if shown else []:
        if not change.created:
            found.setdefault(change.record, {})[change.field] = change.before
    return found


def outcome_of(operation: Operation, scope: Mapping[str, Json], document: str, zone: ZoneInfo) -> Outcome:
    """What takes one step back. Raises RejectedError where the mapping does not say, or what stood is not known."""
    if operation.reverse is None:
        if _undone(operation, document) is None:
            raise RejectedError("The mapping has no way back of it: give it `reverse` or `undo`, or undo it there.")
        return CancelDocuments(documents=[document], reason=_WHY)
    try:
        return _OUTCOME.validate_python(render(operation.reverse, scope, zone))
    except InvalidPayloadError as error:
        raise RejectedError(
            "What stood before is not known: set it back in the system.", detail=error.detail
        ) from error
    except ValidationError as error:
        said = f"The mapping's `reverse` makes no outcome: {misfits.first(error, Outcome)}."
        raise RejectedError(said) from error


def cancelling(document: str, mapping: RestMapping) -> Operation:
    """The request that undoes what this document names. Raises RejectedError when no operation makes such documents."""
    for operations in mapping.outcomes.values():
        for operation in operations:
            if (path := _undone(operation, document)) is not None and operation.undo:
                header = operation.idempotency.header
                return Operation(
                    method=operation.undo.method,
                    path=path,
                    body=operation.undo.body,
                    document="{item}",
                    idempotency=Idempotency(strategy="header", header=header),
                )
    raise RejectedError(f"The mapping can't take {document} back: undo it in the system.")


def _undone(operation: Operation, document: str) -> str | None:
    """The path that undoes this document: its parts are found in the document's own text. None when it is no document
    of this operation, or more than its text is needed."""
    undo = operation.undo
    if undo is None or any("answer" in source or "before" in source for source in _sources(undo.body)):
        return None
    found = re.fullmatch(_pattern(operation.document), document)
    known = dict(zip(_PART.findall(operation.document), found.groups(), strict=True)) if found else {}
    if not found or any(known.get(part, "") in ("", ".", "..") for part in _PART.findall(undo.path)):
        return None
    return _PART.sub(lambda part: quote(known[part.group(1)], safe=""), undo.path)


def _pattern(template: str) -> str:
    rest = _PART.split(template)
    return "".join("(.+?)" if number % 2 else re.escape(part) for number, part in enumerate(rest))


def _sources(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)
    elif isinstance(value, str):
        yield value
