"""Random postings for the demo plant's ERP, and how often each is in the ERP's own tables."""

import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql

from domain.books.outcomes import (
    CreateOrder,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedWork,
    RecordDeviation,
    RecordDowntime,
    SetOrderStatus,
    SetPriority,
)
from domain.books.outcomes import System as Target
from infra.plant.erp.server import DATABASE, ErpServer

UNITS = ("lathe-1", "lathe-2", "mill-1", "mill-2", "furnace-1", "press-1")
ORDERS = tuple(f"JO-10{number:02}" for number in range(1, 11))
NEW_ORDERS = 0.15
"""Of the postings: a new order costs Tryton five times as much processor time as any other outcome."""
LOTS = ("L-BAR-501", "L-BAR-502", "L-CAST-701", "L-CAST-702")
_ROUTES = {"GS-40": ("lathe-1", "mill-1", "furnace-1"), "PH-12": ("mill-1", "press-1")}
_TABLES = {
    "record_downtime": ("production_work_center_downtime", "reference"),
    "maintenance_order": ("maintenance_order", "reference"),
    "record_deviation": ("quality_alert", "reference"),
    "create_order": ("production", "reference"),
}


def random_postings(number: int, chance: random.Random, anchor: datetime) -> list[OutcomeTransaction]:
    """One to three outcomes each; every record that they make bears a name of its own."""
    return [_posting(index, chance, anchor) for index in range(number)]


def _posting(index: int, chance: random.Random, anchor: datetime) -> OutcomeTransaction:
    makers = chance.sample([_downtime, _maintenance, _deviation, _priority, _status], chance.randint(1, 3))
    if chance.random() < NEW_ORDERS:
        makers[-1] = _order
    outcomes = [make(index, chance, anchor) for make in makers]
    exception = f"exc_chaos_{index}"
    key = f"{exception}:post:1"
    return OutcomeTransaction(
        id=f"txn_chaos_{index}", key=key, exception_id=exception, system=Target.ERP, outcomes=outcomes
    )


def _downtime(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    start = anchor + timedelta(minutes=chance.randint(-600, -60))
    return RecordDowntime(
        equipment=chance.choice(UNITS), start=start, end=start + timedelta(minutes=30), cause=f"chaos {index}"
    )


def _maintenance(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    return MaintenanceOrder(equipment=chance.choice(UNITS), title=f"chaos {index}", done=chance.random() < 0.5)


def _deviation(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    return RecordDeviation(lot=chance.choice(LOTS), title=f"chaos {index}")


def _order(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    material = chance.choice(list(_ROUTES))
    starts = [anchor + timedelta(days=3, hours=2 * step) for step in range(len(_ROUTES[material]) + 1)]
    works = [
        PlannedWork(seq=10 * step, work_unit=unit, planned_start=starts[step - 1], planned_end=starts[step])
        for step, unit in enumerate(_ROUTES[material], start=1)
    ]
    return CreateOrder(
        job_order=f"JO-C{index}",
        material=material,
        quantity=chance.randint(1, 9),
        planned_start=starts[0],
        planned_end=starts[-1],
        works=works,
    )


def _priority(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    return SetPriority(job_orders=[chance.choice(ORDERS)], priority=chance.randint(1, 99))


def _status(index: int, chance: random.Random, anchor: datetime) -> Outcome:
    return SetOrderStatus(job_orders=[chance.choice(ORDERS)], status="released")


def expected(transactions: Sequence[OutcomeTransaction]) -> dict[str, Counter[str]]:
    """By table: what must be there, each once. A key is a posting; the others are records by their reference."""
    found = {table: Counter[str]() for table in ("mfgos_posting", *(table for table, _ in _TABLES.values()))}
    for transaction in transactions:
        found["mfgos_posting"][transaction.key] = 1
        for outcome in transaction.outcomes:
            if outcome.kind in _TABLES:
                named = outcome.job_order if isinstance(outcome, CreateOrder) else transaction.exception_id
                found[_TABLES[outcome.kind][0]][named] = 1
    return found


def counted(server: ErpServer) -> dict[str, Counter[str]]:
    """The same, read by SQL in the tables of the ERP's database."""
    columns = {"mfgos_posting": "key"} | dict(_TABLES.values())
    found: dict[str, Counter[str]] = {}
    with server.postgres.connect(DATABASE) as connection:
        for table, column in columns.items():
            query = sql.SQL("SELECT {0}, count(*) FROM {1} WHERE {0} LIKE ANY(%s) GROUP BY {0}")
            rows = connection.execute(
                query.format(sql.Identifier(column), sql.Identifier(table)), (["exc_chaos_%", "JO-C%"],)
            )
            found[table] = Counter({str(name): int(number) for name, number in rows})
    return found


def kill_one(server: ErpServer) -> None:
    """kill -9 to one of the ERP's worker processes; its master starts another."""
    children = Path(f"/proc/{server.web.pid}/task/{server.web.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
