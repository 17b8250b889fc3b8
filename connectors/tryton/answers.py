"""Tryton's records as the answers of our named queries. Pure. Times are ISO 8601 UTC texts, days the plant's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from domain.values import Json, iso

Record = Mapping[str, Any]
OPEN = ("request", "draft", "waiting", "assigned", "running")

ORDER = ("reference", "number", "state", "priority", "hold", "hold_reason", "quantity", "product.code", "origin")
ORDER_TIMES = ("planned_start_date", "planned_date", "_timestamp")
WORK = ("production", "sequence", "work_center.code", "planned_start", "planned_end", "state")
SALE = ("reference", "party.rec_name", "party.code", "state", "shipping_date", "promised_at", "comment", "_timestamp")
LINE = ("sale", "product.code", "quantity", "shipping_date")
MOVE = ("state", "from_location", "to_location", "from_location.type", "to_location.type", "internal_quantity")


def order(record: Record, works: Iterable[Record]) -> Json:
    """`{job_order, number, state, priority, hold, hold_reason, material, quantity, planned_start, planned_end (days),
    version, works: [{seq, work_unit, planned_start, planned_end, state}]}`."""
    return {
        "job_order": record["reference"],
        "number": record["number"],
        "state": record["state"],
        "priority": record["priority"],
        "hold": bool(record["hold"]),  # SQLite answers 1 and 0
        "hold_reason": record["hold_reason"],
        "material": _inner(record, "product")["code"],
        "quantity": record["quantity"],
        "planned_start": _day(record["planned_start_date"]),
        "planned_end": _day(record["planned_date"]),
        "version": record["_timestamp"],
        "works": [work(item) for item in works if item["production"] == record["id"]],
    }


def work(record: Record) -> Json:
    """One operation; `seq` is its number in the routing."""
    return {
        "seq": record["sequence"],
        "work_unit": _inner(record, "work_center").get("code"),
        "planned_start": _moment(record["planned_start"]),
        "planned_end": _moment(record["planned_end"]),
        "state": record["state"],
    }


def sale(record: Record, zone: ZoneInfo) -> Json:
    """`{sale, customer, customer_id, state, promised, comment, version}`; `customer` is the name that people know."""
    party = _inner(record, "party")
    return {
        "sale": record["reference"],
        "customer": party["rec_name"],
        "customer_id": party.get("code"),
        "state": record["state"],
        "promised": promised(record, zone),
        "comment": record["comment"] or "",
        "version": record["_timestamp"],
    }


def promised(record: Record, zone: ZoneInfo) -> str | None:
    """The promised moment; where only a day was promised, the end of the plant's day."""
    if record.get("promised_at"):
        return _moment(record["promised_at"])
    day = record.get("shipping_date")
    return iso(datetime.combine(day, time(23, 59), tzinfo=zone)) if day else None


def demand(orders: Sequence[Record], lines: Sequence[Record], sales: Sequence[Record], zone: ZoneInfo) -> list[Json]:
    """For each order with a sale: `{job_order, material, quantity}` and what `sale` says."""
    by_line = {f"sale.line,{line['id']}": line["sale"] for line in lines}
    by_sale = {record["id"]: sale(record, zone) for record in sales}
    return [
        {
            "job_order": record["reference"],
            "material": _inner(record, "product")["code"],
            "quantity": record["quantity"],
            **by_sale[by_line[record["origin"]]],
        }
        for record in orders
        if record["origin"] in by_line
    ]


def line(record: Record) -> Json:
    return {
        "material": _inner(record, "product").get("code"),
        "quantity": record["quantity"],
        "shipping_date": _day(record["shipping_date"]),
    }


def lot(record: Record, places: Sequence[Json], used: Sequence[Record], reserved: Sequence[int]) -> Json:
    """`{lot, material, hold, hold_reason, version, places, job_orders, reserved_by}`."""
    names = {item["id"]: item["reference"] or item["number"] for item in used}
    return {
        "lot": record["number"],
        "material": _inner(record, "product")["code"],
        "hold": bool(record["hold"]),
        "hold_reason": record["hold_reason"],
        "version": record["_timestamp"],
        "places": list(places),
        "job_orders": sorted(names.values()),
        "reserved_by": sorted(names[item] for item in reserved if item in names),
    }


def component(code: str, needed: float, in_stock: float, held: float) -> Json:
    """`free` is what is in storage, not reserved and not on hold."""
    free = max(round(in_stock - held, 6), 0.0)
    return {"material": code, "needed": round(needed, 6), "free": free}


def document(model: str, number: int, label: str | None) -> str:
    """`production 9 (JO-1003)`, or without the label `production 9`."""
    return f"{model} {number} ({label})" if label else f"{model} {number}"


def _inner(record: Record, name: str) -> Record:
    inner: Record | None = record.get(f"{name}.")
    return inner or {}


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _moment(value: datetime | None) -> str | None:
    return iso(value) if value else None
