# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors with a stable code.

The code is the first word of the error's description (over JSON-RPC the second text of a UserError), so that a program
never has to read the sentence that people see.
"""
from trytond.exceptions import UserError
from trytond.i18n import gettext
from trytond.transaction import TransactionError

KEY_REUSED = 'mfgos.key_reused'
KEY_INVALID = 'mfgos.key_invalid'
NOT_ALLOWED = 'mfgos.operation_not_allowed'
FIELD_NOT_ALLOWED = 'mfgos.field_not_allowed'
BAD_OPERATION = 'mfgos.operation_malformed'
BAD_REFERENCE = 'mfgos.reference_unknown'
REFUSED = 'mfgos.operation_refused'
NOT_RESERVED = 'mfgos.not_reserved'
NOT_FOUND = 'mfgos.record_missing'
LOT_HELD = 'mfgos.lot_held'
ORDER_HELD = 'mfgos.order_held'
POSTING_FINAL = 'mfgos.posting_final'


class PostingError(UserError):
    """A refused posting; nothing of it is kept."""


class HoldError(UserError):
    """A lot or an order is on hold."""


class PostingRace(TransactionError):
    """Another posting has just committed the same key: run again, which finds its result."""


def refuse(code, message, **values):
    """Return the error to raise for ``code``; ``message`` is an ir.message id of this module."""
    kind = HoldError if code in {LOT_HELD, ORDER_HELD} else PostingError
    return kind(gettext(f'mfgos.{message}', **values), code)
