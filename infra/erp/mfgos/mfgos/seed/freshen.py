# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a clone of the template current: dates move with the anchor, users get their passwords.

Plain SQL in one transaction, so that a clone is ready in well under a second and no model pool is loaded. It must run
before a server opens the database (servers cache).
"""
import datetime as dt
from zoneinfo import ZoneInfo

import psycopg
from trytond.res.user import PASSWORD_HASH

MARK = 'CREATE TABLE mfgos_seed (anchor timestamp NOT NULL, timezone text NOT NULL)'
MOMENTS = {
    'production_work': ['planned_start', 'planned_end'],
    'sale_sale': ['promised_at'],
    }
# Days that only move by whole days; the planned ones are computed again from the moments.
DAYS = {
    'stock_inventory': ['date'],
    'stock_move': ['effective_date', 'planned_date'],
    'stock_shipment_out': ['planned_date', 'effective_date'],
    'production': ['effective_start_date', 'effective_date', 'planned_date', 'planned_start_date'],
    'sale_sale': ['sale_date', 'quotation_date', 'shipping_date'],
    }
PLANNED = """
UPDATE production p SET planned_start_date = w.first, planned_date = w.last FROM (
    SELECT production, min(planned_start AT TIME ZONE 'UTC' AT TIME ZONE %(tz)s)::date AS first,
        max(planned_end AT TIME ZONE 'UTC' AT TIME ZONE %(tz)s)::date AS last
    FROM production_work GROUP BY production) w WHERE w.production = p.id AND w.first IS NOT NULL
"""
PROMISED = """
UPDATE sale_sale SET shipping_date = (promised_at AT TIME ZONE 'UTC' AT TIME ZONE %(tz)s)::date
WHERE promised_at IS NOT NULL
"""
INPUTS = """
UPDATE stock_move m SET planned_date = p.planned_start_date FROM production p
WHERE m.production_input = p.id AND m.state NOT IN ('done', 'cancelled')
"""
OUTPUTS = """
UPDATE stock_move m SET planned_date = p.planned_date FROM production p
WHERE m.production_output = p.id AND m.state NOT IN ('done', 'cancelled')
"""
SHIPPED = """
UPDATE stock_move m SET planned_date = s.shipping_date FROM sale_line l JOIN sale_sale s ON s.id = l.sale
WHERE m.origin = 'sale.line,' || l.id AND s.shipping_date IS NOT NULL AND m.state NOT IN ('done', 'cancelled')
"""
SHIPMENTS = """
UPDATE stock_shipment_out o SET planned_date = m.planned_date FROM stock_move m
WHERE m.shipment = 'stock.shipment.out,' || o.id AND m.origin LIKE 'sale.line,%%' AND o.state = 'waiting'
"""


def mark(cursor, plant):
    """Note the anchor in the database."""
    cursor.execute(MARK)
    cursor.execute(
        'INSERT INTO mfgos_seed (anchor, timezone) VALUES (%s, %s)',
        (plant.at(0), plant.data['site']['timezone']))


def freshen(uri, anchor, passwords):
    """Move all dates of the database to the aware UTC ``anchor``; set ``passwords`` ({login: password})."""
    anchor = anchor.astimezone(dt.timezone.utc).replace(second=0, microsecond=0)
    with psycopg.connect(uri) as connection, connection.cursor() as cursor:
        old, timezone = cursor.execute('SELECT anchor, timezone FROM mfgos_seed FOR UPDATE').fetchone()
        _shift(cursor, old.replace(tzinfo=dt.timezone.utc), anchor, timezone)
        cursor.execute('UPDATE mfgos_seed SET anchor = %s', (anchor.replace(tzinfo=None),))
        for login, password in passwords.items():
            cursor.execute(
                'UPDATE res_user SET password_hash = %s WHERE login = %s', (PASSWORD_HASH.hash(password), login))
            if cursor.rowcount != 1:
                raise SystemExit(f"The ERP has no user {login}; check the credentials file.")


def _shift(cursor, old, new, timezone):
    zone = ZoneInfo(timezone)
    days = (new.astimezone(zone).date() - old.astimezone(zone).date()).days
    for table, columns in MOMENTS.items():
        _add(cursor, table, columns, new - old)
    for table, columns in DAYS.items():
        _add(cursor, table, columns, days)
    for statement in (PLANNED, PROMISED):
        cursor.execute(statement, {'tz': timezone})
    for statement in (INPUTS, OUTPUTS, SHIPPED, SHIPMENTS):
        cursor.execute(statement, ())


def _add(cursor, table, columns, amount):
    changes = ', '.join(f'"{c}" = "{c}" + %(by)s' for c in columns)
    cursor.execute(f'UPDATE "{table}" SET {changes}', {'by': amount})
