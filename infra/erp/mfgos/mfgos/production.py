# SPDX-License-Identifier: GPL-3.0-or-later
"""Production orders: priority, hold, planning in one call, and operation times within the day."""
from trytond.i18n import gettext
from trytond.model import ModelView, Workflow, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If

from .errors import NOT_FOUND, ORDER_HELD, PostingError, refuse


class Production(metaclass=PoolMeta):
    __name__ = 'production'
    priority = fields.Integer("Priority", required=True, help="1 is the most urgent.")
    hold = fields.Boolean("On Hold", help="The order may not be started.")
    hold_reason = fields.Char("Hold Reason", states={'invisible': ~Eval('hold')})

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('priority', 'ASC'))

    @classmethod
    def default_priority(cls):
        return 50

    @classmethod
    def plan(cls, values):
        """Create orders and explode their BOM; return the orders.

        An order whose origin is a sale line takes over the request that the sale has made for that line, so that a
        line never gets two orders.
        """
        productions = []
        for value in values:
            request = cls._open_request(value)
            if request is None:
                productions.extend(cls.create([value]))
            else:
                cls.write([request], value)
                cls.draft([request])
                productions.append(request)
        cls.rebuild(productions)
        return productions

    @classmethod
    def _open_request(cls, value):
        origin = value.get('origin')
        if not origin or not str(origin).startswith('sale.line,'):
            return None
        requests = cls.search([
                ('origin', '=', str(origin)),
                ('state', '=', 'request'),
                ('product', '=', value.get('product')),
                ], limit=1)
        return requests[0] if requests else None

    @classmethod
    def rebuild(cls, productions):
        """Replace the not yet finished moves by those of the BOM."""
        Move = Pool().get('stock.move')
        stale = [
            m for p in productions for m in p.inputs + p.outputs
            if m.state in {'draft', 'cancelled', 'staging'}]
        Move.delete(stale)
        productions = cls.browse([p.id for p in productions])
        cls.set_moves(productions)

    @classmethod
    def schedule(cls, productions, operations):
        """Set work center and planned times of the operations with the given sequence, the same for each order.

        ``operations``: list of ``{sequence, work_center?, planned_start?, planned_end?}``.
        """
        Work = Pool().get('production.work')
        to_write = []
        for production in productions:
            works = {work.sequence: work for work in production.works}
            for operation in operations:
                work = works.get(operation['sequence'])
                if work is None:
                    raise PostingError(gettext(
                            'mfgos.msg_no_work', production=production.rec_name,
                            sequence=operation['sequence']), NOT_FOUND)
                to_write.extend(([work], {k: v for k, v in operation.items() if k != 'sequence'}))
        if to_write:
            Work.write(*to_write)

    @classmethod
    @ModelView.button
    @Workflow.transition('running')
    def run(cls, productions):
        for production in productions:
            if production.hold:
                raise refuse(
                    ORDER_HELD, 'msg_order_held', production=production.rec_name,
                    reason=production.hold_reason or '')
        super().run(productions)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [('/tree', 'visual', If(Eval('hold'), 'warning', ''))]


class Work(metaclass=PoolMeta):
    __name__ = 'production.work'
    planned_start = fields.DateTime("Planned Start")
    planned_end = fields.DateTime("Planned End", domain=[
            If(Eval('planned_start') & Eval('planned_end'),
                ('planned_end', '>=', Eval('planned_start', None)), ()),
            ])
