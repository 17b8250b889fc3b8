"""What the ERP holds: a read-only summary, as the plant's own user, for the page of that name and for checks.

Part of the plant: it imports no room of the product.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

from infra.plant.erp.rpc import TrytonClient

Row = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """One operation of an order; times are aware UTC."""

    id: int
    sequence: int
    operation: str
    work_unit: str
    state: str
    planned_start: datetime | None
    planned_end: datetime | None


@dataclass(frozen=True)
class Order:
    """A production order; ``reference`` is the job order's id in the MES."""

    id: int
    reference: str
    state: str
    material: str
    quantity: float
    planned_start_date: date | None
    planned_date: date | None
    priority: int
    hold: bool
    hold_reason: str
    sale: str
    lots: tuple[str, ...]
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Lot:
    """A lot; ``quantities`` maps a place's code to what lies there. ``reserved_by``: references of orders."""

    id: int
    number: str
    material: str
    hold: bool
    hold_reason: str
    quantities: dict[str, float]
    reserved_by: tuple[str, ...]


@dataclass(frozen=True)
class Downtime:
    """A machine's downtime; ``end`` is None while it lasts."""

    id: int
    work_unit: str
    start: datetime
    end: datetime | None
    reason: str
    reference: str
    notes: str


@dataclass(frozen=True)
class MaintenanceOrder:
    """A maintenance order; priority 1 (very high) to 4 (low)."""

    id: int
    work_unit: str
    title: str
    priority: int
    state: str
    reference: str
    downtime: int | None


@dataclass(frozen=True)
class Alert:
    """A quality alert; ``origin`` is Tryton's reference (``stock.lot,5``), ``about`` its name."""

    id: int
    title: str
    state: str
    reference: str
    description: str
    origin: str
    about: str


@dataclass(frozen=True)
class Sale:
    """A sale; ``orders`` are the references of the production orders made for it."""

    id: int
    reference: str
    customer: str
    state: str
    promised_at: datetime | None
    shipping_date: date | None
    comment: str
    orders: tuple[str, ...]


@dataclass(frozen=True)
class Posting:
    """One decision as the ERP took it."""

    id: int
    key: str
    digest: str
    decision: str
    create_date: datetime
    payload: str


@dataclass(frozen=True)
class WorkUnit:
    """A machine and its status: up, down or limited."""

    id: int
    code: str
    title: str
    status: str


class Reader:
    """Reads the ERP as ``plant_reader``. Every method asks the ERP; nothing is kept."""

    def __init__(self, url: str, password: str, *, login: str = "plant_reader") -> None:
        self.client = TrytonClient(url, login, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()

    def _rows(self, model: str, fields: list[str], domain: list[Any] | None = None, order: str = "id") -> list[Row]:
        by = [[order, "ASC"]]
        rows: list[Row] = self.client.call(f"model.{model}.search_read", domain or [], 0, None, by, fields)
        return rows

    def orders(self) -> list[Order]:
        """Return all production orders that are not cancelled."""
        works = self._works()
        fields = ["reference", "state", "product.code", "quantity", "planned_start_date", "planned_date", "priority"]
        fields += ["hold", "hold_reason", "origin", "inputs"]
        rows = self._rows("production", fields, [["state", "!=", "cancelled"]], "reference")
        sales = self._sale_of_line()
        lots = self._lot_of_move([move for row in rows for move in row["inputs"]])
        return [_order(row, works[row["id"]], sales, lots) for row in rows]

    def _works(self) -> dict[int, list[Work]]:
        fields = ["sequence", "production", "operation.name", "work_center.code", "state"]
        found: dict[int, list[Work]] = defaultdict(list)
        for row in self._rows("production.work", [*fields, "planned_start", "planned_end"], order="sequence"):
            found[row["production"]].append(_work(row))
        return found

    def _sale_of_line(self) -> dict[str, str]:
        rows = self._rows("sale.line", ["sale.reference"])
        return {f"sale.line,{row['id']}": row["sale."]["reference"] or "" for row in rows}

    def _lot_of_move(self, moves: list[int]) -> dict[int, str]:
        rows = self._rows("stock.move", ["lot.number"], [["id", "in", moves], ["lot", "!=", None]])
        return {row["id"]: row["lot."]["number"] for row in rows}

    def lots(self) -> list[Lot]:
        """Return all lots with what lies of them in storage and quarantine."""
        rows = self._rows("stock.lot", ["number", "product.code", "hold", "hold_reason", "reserved_by"], order="number")
        numbers = [row["id"] for row in rows]
        quantities: dict[int, dict[str, float]] = defaultdict(dict)
        for place in self._rows("stock.location", ["code"], [["code", "in", ["STO", "QUARANTINE"]]]):
            at = {"locations": [place["id"]], "with_childs": True}
            for row in self.client.call("model.stock.lot.read", numbers, ["quantity"], context=at):
                quantities[row["id"]][place["code"]] = row["quantity"]
        references = {row["id"]: row["reference"] or "" for row in self._rows("production", ["reference"])}
        return [_lot(row, quantities[row["id"]], references) for row in rows]

    def work_units(self) -> list[WorkUnit]:
        """Return the machines."""
        rows = self._rows("production.work.center", ["code", "name", "status"], [["category", "!=", None]], "code")
        return [WorkUnit(row["id"], row["code"], row["name"], row["status"]) for row in rows]

    def downtimes(self) -> list[Downtime]:
        """Return all downtimes."""
        fields = ["work_center.code", "start", "end", "reason", "reference", "notes"]
        return [_downtime(row) for row in self._rows("production.work.center.downtime", fields)]

    def maintenance_orders(self) -> list[MaintenanceOrder]:
        """Return all maintenance orders."""
        fields = ["work_center.code", "title", "priority", "state", "reference", "downtime"]
        return [_maintenance(row) for row in self._rows("maintenance.order", fields)]

    def alerts(self) -> list[Alert]:
        """Return all quality alerts (deviations)."""
        fields = ["title", "state", "reference", "description", "origin", "origin.rec_name"]
        return [_alert(row) for row in self._rows("quality.alert", fields)]

    def sales(self) -> list[Sale]:
        """Return all sales."""
        fields = ["reference", "party.name", "state", "promised_at", "shipping_date", "comment", "lines"]
        made: dict[int, list[str]] = defaultdict(list)
        for row in self._rows("production", ["reference", "origin"], [["origin", "like", "sale.line,%"]]):
            made[int(row["origin"].split(",")[1])].append(row["reference"] or "")
        return [_sale(row, made) for row in self._rows("sale.sale", fields)]

    def postings(self) -> list[Posting]:
        """Return all postings, oldest first."""
        rows = self._rows("mfgos.posting", ["key", "digest", "decision", "create_date", "payload"])
        return [
            Posting(r["id"], r["key"], r["digest"], r["decision"] or "", r["create_date"], r["payload"]) for r in rows
        ]

    def summary(self) -> dict[str, list[Any]]:
        """Return everything, by kind."""
        return {
            "orders": self.orders(),
            "lots": self.lots(),
            "work_units": self.work_units(),
            "downtimes": self.downtimes(),
            "maintenance_orders": self.maintenance_orders(),
            "alerts": self.alerts(),
            "sales": self.sales(),
            "postings": self.postings(),
        }


def _inner(row: Row, relation: str, field: str) -> str:
    """Return a field of a related record: dotted fields come nested under the relation's name with a dot."""
    nested = row.get(f"{relation}.") or {}
    return str(nested.get(field) or "")


def _work(row: Row) -> Work:
    operation, unit = _inner(row, "operation", "name"), _inner(row, "work_center", "code")
    return Work(
        row["id"], row["sequence"] or 0, operation, unit, row["state"], row["planned_start"], row["planned_end"]
    )


def _order(row: Row, works: list[Work], sales: dict[str, str], lots: dict[int, str]) -> Order:
    return Order(
        id=row["id"],
        reference=row["reference"] or "",
        state=row["state"],
        material=_inner(row, "product", "code"),
        quantity=row["quantity"],
        planned_start_date=row["planned_start_date"],
        planned_date=row["planned_date"],
        priority=row["priority"],
        hold=bool(row["hold"]),
        hold_reason=row["hold_reason"] or "",
        sale=sales.get(row["origin"] or "", ""),
        lots=tuple(sorted({lots[move] for move in row["inputs"] if move in lots})),
        works=tuple(works),
    )


def _lot(row: Row, quantities: dict[str, float], references: dict[int, str]) -> Lot:
    return Lot(
        id=row["id"],
        number=row["number"],
        material=_inner(row, "product", "code"),
        hold=bool(row["hold"]),
        hold_reason=row["hold_reason"] or "",
        quantities=quantities,
        reserved_by=tuple(references[production] for production in row["reserved_by"]),
    )


def _downtime(row: Row) -> Downtime:
    texts = (row["reason"], row["reference"] or "", row["notes"] or "")
    return Downtime(row["id"], _inner(row, "work_center", "code"), row["start"], row["end"], *texts)


def _maintenance(row: Row) -> MaintenanceOrder:
    return MaintenanceOrder(
        id=row["id"],
        work_unit=_inner(row, "work_center", "code"),
        title=row["title"],
        priority=int(row["priority"]),
        state=row["state"],
        reference=row["reference"] or "",
        downtime=row["downtime"],
    )


def _alert(row: Row) -> Alert:
    texts = (row["title"] or "", row["state"], row["reference"] or "", row["description"] or "")
    return Alert(row["id"], *texts, row["origin"], _inner(row, "origin", "rec_name"))


def _sale(row: Row, made: dict[int, list[str]]) -> Sale:
    return Sale(
        id=row["id"],
        reference=row["reference"] or "",
        customer=_inner(row, "party", "name"),
        state=row["state"],
        promised_at=row["promised_at"],
        shipping_date=row["shipping_date"],
        comment=row["comment"] or "",
        orders=tuple(reference for line in row["lines"] for reference in made[line]),
    )
