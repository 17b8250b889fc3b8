"""What the mapping's operations change and have changed, field by field. Pure."""

from collections.abc import Iterator, Mapping, Sequence
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
    if step.cancels:
        name = text(operation.document, scope)
        return [FieldChange(record=name, field="exists", before=True, after=False, outcome=step.number)]
    if operation.reads is None:
        given = render(operation.body, scope, zone)
        values = given.items() if isinstance(given, dict) else ()
        name = f"new by {operation.path}"
        return [
            FieldChange(record=name, field=key, after=item, created=True, outcome=step.number) for key, item in values
        ]
    return [
        FieldChange(record=record, field=field, before=before, after=after, outcome=step.number)
        for record, field, before, after in _shown(step, scope, zone)
    ]


def _shown(step: Step, scope: Scope, zone: ZoneInfo) -> Iterator[tuple[str, str, Json, Json]]:
    """Record, field, what stands by `before`, and what it is set to."""
    operation = step.operation
    if operation.fields:
        name = text(operation.document, {"answer": None, **scope})
        for field, shown in operation.fields.items():
            yield name, field, render(shown.before, scope, zone), render(shown.after, scope, zone)
    if (rows := operation.rows) is None:
        return
    for row in render(rows.each, scope, zone):
        inner = {**scope, rows.name: row}
        for field, shown in rows.fields.items():
            yield text(rows.record, inner), field, render(shown.before, inner, zone), render(shown.after, inner, zone)


def standing(step: Step, scope: Scope, zone: ZoneInfo) -> list[FieldStanding]:
    """What was posted of each field, and what stands: `before` in the scope is the record as it is now."""
    return [
        FieldStanding(record=record, field=field, posted=posted, stands=stands)
        for record, field, stands, posted in _shown(step, scope, zone)
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
