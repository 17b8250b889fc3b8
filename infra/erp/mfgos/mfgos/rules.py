# SPDX-License-Identifier: GPL-3.0-or-later
"""What a posting may do: methods and fields, as data.

``FREE`` fields are written past Tryton's access and readonly checks (a waiting order's planned date is readonly on a
form). Everything in ``CHECKED`` runs with Tryton's normal checks, as the posting user. Anything else is refused.
"""

FREE = {
    'production': {
        'planned_start_date', 'planned_date', 'priority', 'reference', 'hold', 'hold_reason'},
    'production.work': {'work_center', 'planned_start', 'planned_end', 'sequence'},
    'production.work.center': {'status'},
    'stock.lot': {'hold', 'hold_reason'},
    'stock.shipment.out': {'planned_date'},
    'sale.sale': {'shipping_date', 'promised_at', 'comment'},
    }

# The fields a created or written record may set.
_DOWNTIME = {'work_center', 'start', 'end', 'reason', 'reference', 'notes'}
_MAINTENANCE = {'work_center', 'downtime', 'title', 'priority', 'reference', 'description'}
_ALERT = {'title', 'origin', 'reference', 'description', 'company'}
_INSPECTION = {'control', 'origin', 'points', 'reference', 'company'}
_PLAN = {
    'product', 'bom', 'routing', 'work_center', 'quantity', 'unit', 'planned_date', 'planned_start_date', 'priority',
    'reference', 'origin', 'company', 'warehouse', 'location', 'hold', 'hold_reason'}
_SHIPMENT = {
    'from_location', 'to_location', 'reference', 'planned_date', 'planned_start_date', 'company', 'moves'}
_MOVE = {
    'product', 'lot', 'quantity', 'unit', 'from_location', 'to_location', 'planned_date', 'company'}

# Records made inside a created record: {model: {field: allowed fields of the inner records}}.
NESTED = {'stock.shipment.internal': {'moves': _MOVE}}

# {model: {method: fields, or None for a button}}; ``create`` and ``write`` take values, a button takes ids only.
CHECKED = {
    'production': {
        'plan': _PLAN, 'rebuild': None, 'schedule': {'sequence', 'work_center', 'planned_start', 'planned_end'},
        'draft': None, 'wait': None, 'assign_try': None, 'assign_force': None, 'run': None, 'do': None,
        'cancel': None, 'delete': None},
    'stock.shipment.internal': {
        'create': _SHIPMENT, 'wait': None, 'assign_try': None, 'assign_force': None, 'do': None, 'cancel': None},
    'quality.inspection': {
        'create': _INSPECTION, 'write': {'points', 'reference'}, 'process': None, 'pass_': None, 'fail': None},
    'quality.alert': {
        'create': _ALERT, 'write': {'title', 'reference', 'description'}, 'process': None, 'defer': None,
        'resolve': None},
    'production.work.center.downtime': {'create': _DOWNTIME, 'write': _DOWNTIME},
    'maintenance.order': {
        'create': _MAINTENANCE, 'write': _MAINTENANCE - {'work_center'}, 'start': None, 'do': None, 'cancel': None},
    }

# Methods that make records, from a list of values.
MAKERS = {'create', 'plan'}


def allowed_fields(model, method):
    """Return the set of fields, None for a method without values, or raise KeyError if it is not allowed."""
    if method == 'write' and model in FREE:
        return FREE[model]
    return CHECKED[model][method]


def is_free(model, method):
    """True if the operation is written past access and readonly checks."""
    return method == 'write' and model in FREE
