# SPDX-License-Identifier: GPL-3.0-or-later
"""Lots on quality hold and the quarantine location."""
from trytond.model import ModelView, Workflow, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval

from .errors import LOT_HELD, refuse


class Lot(metaclass=PoolMeta):
    __name__ = 'stock.lot'
    hold = fields.Boolean("On Hold", help="The lot may only move into or out of quarantine.")
    hold_reason = fields.Char("Hold Reason", states={'invisible': ~Eval('hold')})
    reserved_by = fields.Function(
        fields.Many2Many('production', None, None, "Reserved By"), 'get_reserved_by')

    @classmethod
    def get_reserved_by(cls, lots, name):
        """Return for each lot the productions that have reserved it and not yet used it."""
        Move = Pool().get('stock.move')
        found = {lot.id: [] for lot in lots}
        moves = Move.search([
                ('lot', 'in', list(found)),
                ('state', '=', 'assigned'),
                ('production_input', '!=', None),
                ])
        for move in moves:
            if move.production_input.id not in found[move.lot.id]:
                found[move.lot.id].append(move.production_input.id)
        return found


class Location(metaclass=PoolMeta):
    __name__ = 'stock.location'
    quarantine = fields.Boolean("Quarantine", help="Held lots may be moved into and out of it.")


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    @classmethod
    def refuse_held(cls, moves):
        """Raise HoldError for the first move that would use a held lot outside quarantine."""
        for move in moves:
            if move.state in {'done', 'cancelled'} or not (move.lot and move.lot.hold):
                continue
            if not (move.from_location.quarantine or move.to_location.quarantine):
                raise refuse(
                    LOT_HELD, 'msg_lot_held', lot=move.lot.rec_name, reason=move.lot.hold_reason or '')

    @classmethod
    def assign_try(cls, moves, with_childs=True, grouping=('product',), pblc=None):
        cls.refuse_held(moves)
        return super().assign_try(moves, with_childs=with_childs, grouping=grouping, pblc=pblc)

    @classmethod
    @Workflow.transition('assigned')
    def assign(cls, moves):
        cls.refuse_held(moves)
        super().assign(moves)

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    def do(cls, moves):
        cls.refuse_held(moves)
        super().do(moves)
