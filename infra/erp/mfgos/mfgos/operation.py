# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation of a posting: parsed strictly, references resolved, run."""
from dataclasses import dataclass, field

from trytond.model.exceptions import ButtonActionException
from trytond.pool import Pool
from trytond.transaction import check_access, without_check_access

from . import rules
from .errors import (
    BAD_OPERATION, BAD_REFERENCE, FIELD_NOT_ALLOWED, NOT_ALLOWED, NOT_FOUND, NOT_RESERVED, REFUSED, refuse)

KEYS = {'model', 'method', 'ids', 'values', 'expect'}


@dataclass(frozen=True)
class Operation:
    """``ids`` and ``values`` as sent: they may hold references to the results of earlier operations."""
    index: int
    model: str
    method: str
    ids: object = None
    values: object = None
    expect: dict = field(default_factory=dict)

    @property
    def name(self):
        return f'{self.model}.{self.method}'


def parse(index, data):
    """Return the operation, or raise PostingError for anything unknown, missing or not allowed."""
    if not isinstance(data, dict) or not isinstance(data.get('model'), str) or not isinstance(data.get('method'), str):
        raise _malformed(index, "it needs a model and a method")
    if unknown := set(data) - KEYS:
        raise _malformed(index, "unknown: " + ', '.join(sorted(map(str, unknown))))
    operation = Operation(index, **{k: v for k, v in data.items() if v is not None})
    try:
        allowed = rules.allowed_fields(operation.model, operation.method)
    except KeyError:
        raise refuse(NOT_ALLOWED, 'msg_not_allowed', operation=operation.name) from None
    _check_shape(operation, allowed)
    return operation


def _check_shape(operation, allowed):
    index, makes = operation.index, operation.method in rules.MAKERS
    if makes == (operation.ids is not None):
        raise _malformed(index, "this method makes records" if makes else "ids are missing")
    if (allowed is None) != (operation.values is None):
        raise _malformed(index, "values are missing" if allowed else "this method takes no values")
    if makes and operation.expect:
        raise _malformed(index, "expect needs existing records")
    if not isinstance(operation.expect, dict) or not all(
            isinstance(k, str) and k.isdigit() and isinstance(v, str) for k, v in operation.expect.items()):
        raise _malformed(index, "expect maps ids to versions, both texts")
    if allowed is not None:
        _check_values(operation, allowed)


def _check_values(operation, allowed):
    several = operation.method in rules.MAKERS or operation.method == 'schedule'
    records = operation.values if several else [operation.values]
    if not isinstance(records, list) or not records or not all(isinstance(r, dict) and r for r in records):
        raise _malformed(operation.index, "values must be a list of records" if several else "values must be a record")
    for record in records:
        _check_fields(operation, record, allowed)
        for name, inner_allowed in rules.NESTED.get(operation.model, {}).items():
            for inner in _inner_records(operation, record.get(name, [])):
                _check_fields(operation, inner, inner_allowed)


def _inner_records(operation, commands):
    for command in commands:
        if not (isinstance(command, list) and len(command) == 2 and command[0] == 'create'):
            raise _malformed(operation.index, "inner records can only be created")
        yield from command[1]


def _check_fields(operation, record, allowed):
    if wrong := sorted(set(record) - allowed):
        raise refuse(FIELD_NOT_ALLOWED, 'msg_field_not_allowed', operation=operation.name, fields=', '.join(wrong))


def _malformed(index, reason):
    return refuse(BAD_OPERATION, 'msg_bad_operation', index=index, reason=reason)


def resolve(value, results):
    """Replace references in a value.

    ``{"$ref": [0]}`` is the list of ids of operation 0, ``{"$ref": [0, 1]}`` its second id,
    ``{"$ref": [0, 1], "text": "stock.lot,{}"}`` that id inside a text. Any other text stays as it is.
    """
    if isinstance(value, dict):
        if '$ref' in value:
            return _dereference(value, results)
        return {k: resolve(v, results) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(v, results) for v in value]
    return value


def _dereference(value, results):
    path = value['$ref']
    well_formed = (
        isinstance(path, list) and 1 <= len(path) <= 2
        and all(isinstance(p, int) and not isinstance(p, bool) and p >= 0 for p in path)
        and set(value) <= {'$ref', 'text'} and ('text' not in value or len(path) == 2))
    try:
        if not well_formed:
            raise IndexError
        found = results[path[0]]
        if len(path) == 2:
            found = found[path[1]]
    except IndexError:
        raise refuse(BAD_REFERENCE, 'msg_bad_reference', reference=str(path)) from None
    if 'text' in value:
        return str(value['text']).replace('{}', str(found), 1)
    return found


def run(operation, results):
    """Run the operation as the current user; return the ids of its records."""
    values = resolve(operation.values, results)
    if operation.method in rules.MAKERS:
        return _make(operation, values)
    ids = resolve(operation.ids, results)
    if not isinstance(ids, list) or not ids or not all(isinstance(i, int) for i in ids) or len(set(ids)) != len(ids):
        raise _malformed(operation.index, "ids must be a list of different record ids")
    records = _existing(operation, ids)
    if operation.method == 'write':
        _write(operation, records, values)
    else:
        _call(operation, records, values)
    return ids


def _make(operation, values):
    Model = Pool().get(operation.model)
    with check_access():
        return [record.id for record in getattr(Model, operation.method)(values)]


def _existing(operation, ids):
    Model = Pool().get(operation.model)
    with without_check_access():
        found = {r.id for r in Model.search([('id', 'in', ids)])}
    if missing := [i for i in ids if i not in found]:
        raise refuse(NOT_FOUND, 'msg_missing', model=operation.model, ids=', '.join(map(str, missing)))
    return Model.browse(ids)


def _write(operation, records, values):
    Model = Pool().get(operation.model)
    free = rules.is_free(operation.model, operation.method)
    with (without_check_access() if free else check_access()):
        Model.write(records, values)


def _call(operation, records, values):
    """Run a button or method; one that asks a person something first fails the posting."""
    method = getattr(Pool().get(operation.model), operation.method)
    try:
        with check_access():
            answer = method(records) if values is None else method(records, values)
    except ButtonActionException as action:
        answer = action.result()
    if answer is not None and not isinstance(answer, bool):
        what = answer.get('wiz_name') or answer.get('name') if isinstance(answer, dict) else answer
        raise refuse(REFUSED, 'msg_action_required', operation=operation.name, action=what)
    if operation.method == 'assign_try':
        _check_reserved(operation, records)


def _check_reserved(operation, records):
    """Tryton's ``assign_try`` answers nothing either way: only the state tells."""
    Model = Pool().get(operation.model)
    waiting = [r.rec_name for r in Model.browse([r.id for r in records]) if r.state != 'assigned']
    if waiting:
        raise refuse(NOT_RESERVED, 'msg_not_assigned', records=', '.join(waiting))
