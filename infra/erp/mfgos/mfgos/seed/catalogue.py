# SPDX-License-Identifier: GPL-3.0-or-later
"""The plant's catalogue (JSON) and its clock: minutes from an anchor, days in the plant's time zone."""
import datetime as dt
import json
from zoneinfo import ZoneInfo


class Plant:
    """The catalogue with its anchor, an aware UTC datetime."""

    def __init__(self, data, anchor):
        self.data = data
        self.anchor = anchor.astimezone(dt.timezone.utc).replace(second=0, microsecond=0)
        self.timezone = ZoneInfo(data['site']['timezone'])

    @classmethod
    def load(cls, path, anchor):
        with open(path, encoding='utf-8') as file:
            return cls(json.load(file), anchor)

    def __getitem__(self, name):
        return self.data[name]

    def at(self, minutes):
        """Return the naive UTC datetime, as Tryton stores it, of ``minutes`` from the anchor."""
        return (self.anchor + dt.timedelta(minutes=minutes)).replace(tzinfo=None)

    def day(self, minutes):
        """Return the day in the plant of ``minutes`` from the anchor."""
        return (self.anchor + dt.timedelta(minutes=minutes)).astimezone(self.timezone).date()

    def material(self, id_):
        return next(m for m in self['materials'] if m['id'] == id_)
