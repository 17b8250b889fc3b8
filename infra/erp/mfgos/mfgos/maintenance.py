# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance orders: Tryton 8.2 has none."""
from trytond.model import ModelSQL, ModelView, Workflow, fields
from trytond.pyson import Eval


class Order(Workflow, ModelSQL, ModelView):
    "Maintenance Order"
    __name__ = 'maintenance.order'
    _rec_name = 'title'
    _states = {'readonly': ~Eval('state').in_(['open', 'running'])}

    title = fields.Char("Title", required=True, states=_states)
    reference = fields.Char("Reference", states=_states)
    work_center = fields.Many2One(
        'production.work.center', "Work Center", required=True, ondelete='RESTRICT', states=_states)
    downtime = fields.Many2One(
        'production.work.center.downtime', "Downtime", ondelete='RESTRICT', states=_states,
        domain=[('work_center', '=', Eval('work_center', -1))])
    priority = fields.Selection([
            ('1', "Very high"),
            ('2', "High"),
            ('3', "Medium"),
            ('4', "Low"),
            ], "Priority", required=True, sort=False, states=_states)
    description = fields.Text("Description", states=_states)
    state = fields.Selection([
            ('open', "Open"),
            ('running', "Running"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'DESC')]
        cls._transitions |= {
            ('open', 'running'),
            ('running', 'done'),
            ('open', 'cancelled'),
            ('running', 'cancelled'),
            }
        cls._buttons.update({
                'start': {'invisible': Eval('state') != 'open', 'depends': ['state']},
                'do': {'invisible': Eval('state') != 'running', 'depends': ['state']},
                'cancel': {'invisible': ~Eval('state').in_(['open', 'running']), 'depends': ['state']},
                })

    @classmethod
    def default_priority(cls):
        return '3'

    @classmethod
    def default_state(cls):
        return 'open'

    @classmethod
    @ModelView.button
    @Workflow.transition('running')
    def start(cls, orders):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    def do(cls, orders):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, orders):
        pass
