# SPDX-License-Identifier: GPL-3.0-or-later
"""The promised time of a sale: stock Tryton promises a day."""
from trytond.model import fields
from trytond.pool import PoolMeta


class Sale(metaclass=PoolMeta):
    __name__ = 'sale.sale'
    promised_at = fields.DateTime("Promised At", help="When the customer was promised the goods (UTC).")
