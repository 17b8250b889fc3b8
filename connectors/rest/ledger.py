"""What the mapping's operations change and have changed, field by field. Pure."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from connectors.rest.mapping import Postings
from connectors.rest.steps import Step
from connectors.rest.template import render, text
from domain.books.booking import Booked, FieldChange, FieldStanding, Preview
from domain.errors import InvalidPayloadError
from domain.values import Json, parse_time

Scope = Mapping[str, Json]


def preview(steps: Sequence[tuple[Step, Scope]], zone: ZoneInfo) -> Preview:
    """Each step with its scope (`before` in it where the operation reads first)."""
    changes, notes, versions = [], [], {}
    for step, scope in steps:
        found = _changes(step, scope, zone)
        changes += found
        if version := scope.get("before_headers", {}).get("etag"):
            versions[text(step.operation.document, {**scope, "answer": None})] = version
        if not found:
            notes.append(f"{step.operation.method} {step.operation.path}: the mapping shows no fields of it")
    return Preview(changes=changes, versions=versions, notes=list(dict.fromkeys(notes)))


def _changes(step: Step, scope: Scope, zone: ZoneInfo) -> list[FieldChange]:
    operation = step.operation
    if operation.idempotency.read is None:
        given = render(operation.body, scope, zone)
        values = given.items() if isinstance(given, dict) else ()
        name = f"new by {operation.path}"
        return [
            FieldChange(record=name, field=key, after=item, created=True, outcome=step.number) for key, item in values
        ]
    name = text(operation.document, {**scope, "answer": None})
    return [
        FieldChange(
            record=name,
            field=field,
            before=render(shown.before, scope, zone),
            after=render(shown.after, scope, zone),
            outcome=step.number,
        )
        for field, shown in operation.fields.items()
    ]


def standing(step: Step, scope: Scope, zone: ZoneInfo) -> list[FieldStanding]:
    """What was posted of each field, and what stands: `before` in the scope is the record as it is now."""
    name = text(step.operation.document, {"answer": None, **scope})
    return [
        FieldStanding(
            record=name, field=field, posted=render(shown.after, scope, zone), stands=render(shown.before, scope, zone)
        )
        for field, shown in step.operation.fields.items()
    ]


def booked(listed: Postings, body: Json, zone: ZoneInfo) -> list[Booked]:
    """Oldest first."""
    items = render(listed.each, {"body": body}, zone)
    if not isinstance(items, list):
        raise InvalidPayloadError(f"The mapping goes through what is no list: {listed.each}")
    return sorted((_booked(listed, item, zone) for item in items), key=lambda one: one.at)


def _booked(listed: Postings, item: Json, zone: ZoneInfo) -> Booked:
    scope = {"item": item}
    try:
        at = parse_time(render(listed.at, scope, zone))
    except (TypeError, ValueError) as error:
        raise InvalidPayloadError("The mapping takes something for the moment of a posting that is none.") from error
    return Booked(key=str(render(listed.key, scope, zone)), at=at, documents=[text(listed.document, scope)])
