"""The MES's answers in our words, and our outcomes as its requests. Pure.

MES names follow ISA-95 / B2MML (JobOrder, SegmentRequirement); ours are the ones definitions and the planner read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from connectors.mes_http.books import DISPATCH_LIST, label, order_in
from domain.books.outcomes import CancelDocuments, CreateOrder, Outcome, SetOrderStatus, UpdateDispatchList
from domain.errors import ConfigError
from domain.values import Json, iso

_RANK = {"update_dispatch_list": 0, "create_order": 1, "set_order_status": 2, "cancel_documents": 3}
OPEN_STATES = ("planned", "released", "running", "held")


@dataclass(frozen=True)
class Request:
    """One posting. `version`: wants If-Match. `same_when`: the order status at which a refusal means "done already".
    `record`: whose version it may expect."""

    path: str
    body: Json
    label: str
    version: str = ""
    conditional: bool = False
    same_when: frozenset[str] = frozenset()
    record: str = ""
    method: Literal["PUT", "POST"] = "POST"


def requests_of(outcomes: Sequence[Outcome]) -> list[Request]:
    """All postings of a transaction, the dispatch list first: the others raise its version.

    Raises ConfigError for an outcome that an MES does not take."""
    strangers = [outcome.kind for outcome in outcomes if outcome.kind not in _RANK]
    if strangers:
        raise ConfigError(f"The MES takes no {', '.join(strangers)}: post it to the ERP.")
    ranked = sorted(outcomes, key=lambda outcome: _RANK[outcome.kind])
    return [request for outcome in ranked for request in _requests(outcome)]


def _requests(outcome: Outcome) -> Iterable[Request]:
    if isinstance(outcome, UpdateDispatchList):
        yield _dispatch(outcome)
    elif isinstance(outcome, CreateOrder):
        yield _create(outcome)
    elif isinstance(outcome, SetOrderStatus):
        yield from _status(outcome)
    elif isinstance(outcome, CancelDocuments):
        for name in map(order_in, outcome.documents):
            yield Request(
                f"/job-orders/{quote(name, safe='')}/cancel", {}, f"{label(name)} cancelled", record=label(name)
            )


def _dispatch(outcome: UpdateDispatchList) -> Request:
    entries = [
        {
            "segment_id": f"{entry.job_order}/{entry.seq}",
            "equipment_id": entry.work_unit,
            "start": iso(entry.planned_start),
            "end": iso(entry.planned_end),
            "sequence": entry.sequence,
        }
        for entry in outcome.entries
    ]
    body = {"entries": entries}
    return Request(
        "/dispatch-list",
        body,
        DISPATCH_LIST,
        version=outcome.version,
        conditional=True,
        record=DISPATCH_LIST,
        method="PUT",
    )


def _create(outcome: CreateOrder) -> Request:
    segments = [
        {
            "seq": work.seq,
            "equipment_id": work.work_unit,
            "start": iso(work.planned_start),
            "end": iso(work.planned_end),
        }
        for work in outcome.works
    ]
    body = {
        "id": outcome.job_order,
        "material_definition_id": outcome.material,
        "quantity": outcome.quantity,
        "due": iso(outcome.planned_end),
        "lot_ids": [],
        "segments": segments,
    }
    if outcome.sale:
        body |= {"sale_id": outcome.sale, "priority_class": "rush"}
    return Request("/job-orders", body, f"job order {outcome.job_order}")


def _status(outcome: SetOrderStatus) -> Iterable[Request]:
    held = outcome.status == "held"
    same = frozenset({"held"} if held else {"planned", "released", "running"})
    for job_order in outcome.job_orders:
        path = f"/job-orders/{quote(job_order, safe='')}/{'hold' if held else 'release'}"
        body = {"reason": outcome.reason or "on hold"} if held else {}
        named = f"{label(job_order)} {outcome.status}"
        yield Request(path, body, named, same_when=same, record=label(job_order))


def step_keys(key: str, count: int) -> list[str]:
    """The keys of a transaction's postings. The last is the plain key: it exists only when all are done."""
    return [*(f"{key}.{number}" for number in range(1, count)), key]


def job_order(answer: Json) -> Json:
    """`{id, job_order, material, quantity, unit, status, release, due, priority_class, weight, sale, customer,
    customer_title, customer_class, promised, lots, hold, segments}`; absent facts are None."""
    customer = answer.get("customer") or {}
    return {
        "id": answer["id"],
        "job_order": answer["id"],
        "material": answer["material_definition_id"],
        "quantity": answer["quantity"],
        "unit": answer.get("uom"),
        "status": answer["status"],
        "release": answer.get("release"),
        "due": answer.get("due"),
        "priority_class": answer.get("priority_class"),
        "weight": answer.get("weight"),
        "sale": answer.get("sale_id"),
        "customer": answer.get("customer_id"),
        "customer_title": customer.get("title"),
        "customer_class": customer.get("class"),
        "promised": answer.get("promised"),
        "lots": answer.get("lot_ids", []),
        "hold": answer.get("hold"),
        "segments": [segment(item) for item in answer["segments"]],
    }


def segment(answer: Json) -> Json:
    """`{id, seq, name, state, equipment, start, end, sequence, remaining_min, actual_start, setup_family, predecessors,
    alternatives}`; times ISO 8601 UTC, durations in minutes."""
    planned, progress = answer["planned"], answer["progress"]
    return {
        "id": answer["id"],
        "seq": answer["seq"],
        "name": answer.get("name"),
        "state": progress["state"],
        "equipment": progress.get("equipment_id") or planned["equipment_id"],
        "start": planned["start"],
        "end": planned["end"],
        "sequence": planned["sequence"],
        "remaining_min": progress["remaining_min"],
        "actual_start": progress.get("actual_start"),
        "setup_family": answer.get("setup_family"),
        "predecessors": [
            {"segment": link["segment_id"], "lag_min": link["lag_min"]} for link in answer["predecessors"]
        ],
        "alternatives": [
            {
                "equipment": choice["equipment_id"],
                "run_min": choice["run_min"],
                "setup_min": choice["setup_min"],
                "preference": choice["preference"],
            }
            for choice in answer["alternatives"]
        ],
    }


def staging(answer: Json) -> Json:
    """`{job_order, segment, equipment, lot, material, quantity, location, at, state}`."""
    names = {
        "job_order": "job_order_id",
        "segment": "segment_id",
        "equipment": "equipment_id",
        "lot": "material_lot_id",
    }
    named = {ours: answer[theirs] for ours, theirs in names.items()}
    rest = {name: answer[name] for name in ("quantity", "location", "at", "state")}
    return {**named, "material": answer["material_definition_id"], **rest}


def lot(answer: Json) -> Json:
    """`{lot, material, quantity, unit, location, inspections, used_by}`, used_by being
    `[{job_order, status, quantity, sale, customer}]`."""
    used = [
        {
            "job_order": use["job_order_id"],
            "status": use["status"],
            "quantity": use["quantity"],
            "sale": use.get("sale_id"),
            "customer": use.get("customer_id"),
        }
        for use in answer["where_used"]
    ]
    facts = {"lot": answer["id"], "material": answer["material_definition_id"], "quantity": answer["quantity"]}
    facts |= {"unit": answer.get("uom"), "location": answer.get("location")}
    return {**facts, "used_by": used, "inspections": answer["inspections"]}


def inspection(answer: Json) -> Json:
    """The result with its limits, `job_order` None unless it was measured on one, `measured_at` ISO 8601."""
    names = ("lot", "material", "characteristic", "value", "low", "high", "unit", "result", "inspector", "measured_at")
    return {"inspection": answer["id"], **{name: answer[name] for name in names}, "job_order": answer.get("job_order")}


def equipment(answer: Json) -> Json:
    """`{equipment, title, level, work_center, area, calendar, state, state_since, state_reason}`."""
    return {
        "equipment": answer["id"],
        "title": answer["title"],
        "level": answer["level"],
        "work_center": answer.get("parent_id"),
        "area": answer.get("area_id"),
        "calendar": answer.get("calendar_id"),
        "state": answer.get("state"),
        "state_since": answer.get("state_since"),
        "state_reason": answer.get("state_reason"),
    }
