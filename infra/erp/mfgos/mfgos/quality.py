# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality alerts as deviations of lots, orders, shipments and machines."""
from trytond.model import fields
from trytond.pool import PoolMeta


class Alert(metaclass=PoolMeta):
    __name__ = 'quality.alert'
    reference = fields.Char("Reference")

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + [
            'production',
            'stock.lot',
            'stock.shipment.internal',
            'production.work.center',
            ]
