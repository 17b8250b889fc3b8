# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines: a code other systems know them by, a status, downtime and working time."""
import random

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.modules.production_work.exceptions import PickerError
from trytond.pool import PoolMeta
from trytond.pyson import Eval, If


class WorkCenter(metaclass=PoolMeta):
    __name__ = 'production.work.center'
    code = fields.Char("Code", help="The id of the work unit in the MES.")
    status = fields.Selection([
            ('up', "Up"),
            ('down', "Down"),
            ('limited', "Limited"),
            ], "Status", required=True, sort=False)
    downtimes = fields.One2Many(
        'production.work.center.downtime', 'work_center', "Downtimes", readonly=True)
    calendar = fields.One2Many(
        'production.work.center.calendar', 'work_center', "Calendar")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints.append(
            ('code_unique', Unique(table, table.code, table.company), 'mfgos.msg_code_unique'))

    @classmethod
    def default_status(cls):
        return 'up'

    @classmethod
    def get_picker(cls):
        """Pick among the machines that are up, before the stock rule (any of the category)."""
        cache = {}

        def picker(parent, category):
            key = (parent.id, category.id)
            if key not in cache:
                units = cls.search([
                        ('parent', 'child_of', [parent.id]),
                        ('category', '=', category.id),
                        ])
                if not units:
                    raise PickerError(gettext(
                            'production_work.msg_missing_work_center',
                            category=category.rec_name, parent=parent.rec_name))
                cache[key] = [u for u in units if u.status == 'up'] or units
            return random.choice(cache[key])
        return picker


class CalendarLine(ModelSQL, ModelView):
    "Working time of a work center"
    __name__ = 'production.work.center.calendar'
    work_center = fields.Many2One(
        'production.work.center', "Work Center", required=True, ondelete='CASCADE')
    kind = fields.Selection([
            ('shift', "Shift"),
            ('break', "Break"),
            ('closure', "Closure"),
            ], "Kind", required=True, sort=False)
    weekday = fields.Selection([
            (None, ""),
            ('0', "Monday"),
            ('1', "Tuesday"),
            ('2', "Wednesday"),
            ('3', "Thursday"),
            ('4', "Friday"),
            ('5', "Saturday"),
            ('6', "Sunday"),
            ], "Weekday", sort=False, help="Empty: every day.")
    start_time = fields.Time("From")
    end_time = fields.Time("To")
    from_date = fields.Date("First Day")
    to_date = fields.Date("Last Day")

    @classmethod
    def default_kind(cls):
        return 'shift'


class Downtime(ModelSQL, ModelView):
    "Downtime of a work center"
    __name__ = 'production.work.center.downtime'
    work_center = fields.Many2One(
        'production.work.center', "Work Center", required=True, ondelete='RESTRICT')
    start = fields.DateTime("Start", required=True)
    end = fields.DateTime("End", domain=[
            If(Eval('start') & Eval('end'), ('end', '>=', Eval('start', None)), ()),
            ])
    reason = fields.Selection([
            ('breakdown', "Breakdown"),
            ('setup', "Setup"),
            ('no_material', "No material"),
            ('no_operator', "No operator"),
            ('other', "Other"),
            ], "Reason", required=True, sort=False)
    reference = fields.Char("Reference")
    notes = fields.Text("Notes")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    def get_rec_name(self, name):
        return '%s @ %s' % (self.reason_string, self.work_center.rec_name)
