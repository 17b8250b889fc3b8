# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard times of routing steps and the machines that can do them."""
from trytond.model import ModelSQL, fields
from trytond.pool import PoolMeta


def _minutes(label, name, help):
    domain = ['OR', (name, '=', None), (name, '>=', 0)]
    return fields.Float(label, domain=domain, help=help)


class RoutingStep(metaclass=PoolMeta):
    __name__ = 'production.routing.step'
    run_minutes = _minutes("Run Minutes", 'run_minutes', "For one unit of the product.")
    setup_minutes = _minutes("Setup Minutes", 'setup_minutes', "Once for an order.")
    setup_family = fields.Char("Setup Family", help="Orders of the same family need no setup in between.")
    alternatives = fields.Many2Many(
        'production.routing.step-production.work.center', 'step', 'work_center', "Work Centers",
        help="The work centers that can do this step.")


class StepAlternative(ModelSQL):
    "Routing Step - Work Center"
    __name__ = 'production.routing.step-production.work.center'
    step = fields.Many2One('production.routing.step', "Step", required=True, ondelete='CASCADE')
    work_center = fields.Many2One(
        'production.work.center', "Work Center", required=True, ondelete='CASCADE')
