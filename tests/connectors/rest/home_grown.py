"""A home-grown ERP as plants have them, and the mapping for it: every strategy once."""

import copy
from threading import Lock
from typing import Any

from tests.support.json_server import Asked, Told

TOKEN = "s3cret-of-the-home-grown-erp"
MAPPING: dict[str, Any] = {
    "say": "{body.message}",
    "errors": [
        {"status": 409, "when": "=body.error == 'duplicate'", "means": "look_up"},
        {"status": 404, "means": "not_found", "say": "no {body.what}"},
    ],
    "queries": {
        "erp.sale": {
            "path": "/sales/{where.sale}",
            "answer": {
                "sale": "=body.number",
                "customer": "=body.customer",
                "customer_id": None,
                "state": "=body.state",
                "promised": "=body.promised",
                "comment": "",
                "version": "=string(body.version)",
                "lines": {
                    "$each": "=body.lines",
                    "$as": "line",
                    "$do": {"material": "=line.article", "quantity": "=line.quantity", "shipping_date": None},
                },
            },
        }
    },
    "outcomes": {
        "set_priority": {
            "each": "=outcome.job_orders",
            "method": "PATCH",
            "path": "/orders/{item}",
            "headers": {"If-Match": "=before_headers.etag"},
            "body": {"priority": "=outcome.priority"},
            "document": "order {item}",
            "fields": {"priority": {"before": "=before.priority", "after": "=outcome.priority"}},
            "idempotency": {
                "strategy": "read_before_write",
                "read": {"path": "/orders/{item}", "done": "=before.priority == outcome.priority"},
            },
            "undo": {"method": "PATCH", "path": "/orders/{item}", "body": {"priority": "=answer.was"}},
        },
        "reschedule_orders": {
            "each": "=outcome.orders",
            "method": "PATCH",
            "path": "/orders/{item.job_order}",
            "headers": {
                "If-Match": "='order ' + item.job_order in versions ? versions['order ' + item.job_order] : "
                "item.version != '' ? '\"' + item.version + '\"' : before_headers.etag"
            },
            "body": {"start": {"$date": "=item.planned_start"}, "end": {"$local": "=item.planned_end"}},
            "document": "order {item.job_order}",
            "fields": {
                "start": {"before": "=before.start", "after": {"$date": "=item.planned_start"}},
                "end": {"before": "=before.end", "after": {"$local": "=item.planned_end"}},
            },
            "reverse": {
                "kind": "reschedule_orders",
                "orders": [
                    {
                        "job_order": "=item.job_order",
                        "planned_start": {"$text": "{stood['order ' + item.job_order].start}T12:00:00+01:00"},
                        "planned_end": {"$text": "{stood['order ' + item.job_order].end}+01:00"},
                    }
                ],
            },
            "idempotency": {
                "strategy": "read_before_write",
                "read": {"path": "/orders/{item.job_order}", "done": "=false"},
            },
        },
        "record_downtime": {
            "path": "/downtimes",
            "body": {
                "ref": "=token",
                "machine": "=outcome.equipment",
                "from": "=outcome.start",
                "cause": {"$text": "{outcome.reason}: {outcome.cause}"},
                "digest": "=digest",
            },
            "document": "downtime {answer.number}",
            "idempotency": {
                "strategy": "natural_key",
                "look_up": {
                    "path": "/downtimes",
                    "params": {"ref": "=token"},
                    "found": "=size(body.items) > 0",
                    "record": "=body.items[0]",
                    "same": "=record.digest == digest",
                },
            },
            "undo": {"method": "DELETE", "path": "/downtimes/{answer.number}"},
        },
        "hold_lot": {
            "path": "/holds",
            "body": {"lot": "=outcome.lot", "reason": "=outcome.reason"},
            "document": "hold {answer.number}",
            "idempotency": {"strategy": "header", "header": "X-Request-Key", "replayed": "=body.again"},
        },
    },
    "postings": {
        "path": "/downtimes",
        "params": {"since": "=since"},
        "each": "=body.items",
        "key": "=item.ref",
        "at": "=item.at",
        "document": "downtime {item.number}",
    },
}
NOTE = {
    "path": "/notes",
    "body": {"about": "=outcome.id", "text": "=outcome.text"},
    "document": "note {answer.number}",
    "idempotency": {"strategy": "none"},
}


SEARCH = {
    "path": "/notes",
    "params": {"about": "=outcome.id"},
    "found": "=size(body.items.filter(one, one.text == outcome.text)) > 0",
    "record": "=body.items.filter(one, one.text == outcome.text)[0]",
}


def with_notes(*, search: bool = False) -> dict[str, Any]:
    """The mapping with an operation that nothing keeps from being done twice, but perhaps a search for it."""
    mapping = copy.deepcopy(MAPPING)
    mapping["outcomes"]["add_note"] = copy.deepcopy(NOTE)
    if search:
        mapping["outcomes"]["add_note"]["idempotency"]["search"] = SEARCH
    return mapping


class HomeGrown:
    """In memory. Strict where such systems are: an unknown field is refused, a stale version too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.orders: dict[str, dict[str, Any]] = {
            f"JO-{n}": {"priority": 50, "version": 1, "start": "2026-11-20", "end": "2026-11-20T15:00:00"}
            for n in range(1001, 1010)
        }
        self.downtimes: list[dict[str, Any]] = []
        self.holds: dict[str, dict[str, Any]] = {}
        self.notes: list[dict[str, Any]] = []
        self.writes: list[str] = []

    def __call__(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Told(401, {"message": "who are you?"})
        with self._lock:
            return self._route(asked)

    def _route(self, asked: Asked) -> Told:
        routes = {"orders": self._order, "sales": self._sale, "downtimes": self._downtime}
        routes |= {"holds": self._hold, "notes": self._note}
        if not asked.parts or asked.parts[0] not in routes:
            return Told(404, {"what": "such page", "message": "not found"})
        told = routes[asked.parts[0]](asked)
        if asked.method != "GET" and told.status < 300:
            self.writes.append(f"{asked.method} /{'/'.join(asked.parts)}")
        return told

    def _order(self, asked: Asked) -> Told:
        order = self.orders.get(asked.parts[1])
        if order is None:
            return Told(404, {"what": f"order {asked.parts[1]}", "message": "not found"})
        etag = {"ETag": f'"{order["version"]}"'}
        if asked.method == "GET":
            return Told(200, order, etag)
        if asked.headers.get("if-match") != etag["ETag"]:
            return Told(412, {"message": "somebody was faster"})
        if asked.body.get("priority", 1) > 90:
            return Told(422, {"message": "priorities end at 90"})
        was = order["priority"]
        order |= asked.body | {"version": order["version"] + 1}
        return Told(200, order | {"was": was}, {"ETag": f'"{order["version"]}"'})

    def _sale(self, asked: Asked) -> Told:
        line = {"article": "shaft", "quantity": 3}
        sale = {"number": asked.parts[1], "customer": "A Customer", "state": "open", "promised": None, "version": 4}
        return Told(200, sale | {"lines": [line]})

    def _downtime(self, asked: Asked) -> Told:
        if asked.method == "GET":
            wanted = asked.params.get("ref", [""])[0]
            return Told(200, {"items": [one for one in self.downtimes if wanted in ("", one["ref"])]})
        if asked.method == "DELETE":
            kept = [one for one in self.downtimes if str(one["number"]) != asked.parts[1]]
            if len(kept) == len(self.downtimes):
                return Told(404, {"what": f"downtime {asked.parts[1]}", "message": "not found"})
            self.downtimes = kept
            return Told(204)
        if any(one["ref"] == asked.body["ref"] for one in self.downtimes):
            return Told(409, {"error": "duplicate", "message": "there is one with this ref"})
        made = asked.body | {"number": len(self.downtimes) + 1, "at": "2026-11-22T08:00:00Z"}
        self.downtimes.append(made)
        return Told(201, made)

    def _hold(self, asked: Asked) -> Told:
        key = asked.headers["x-request-key"]
        again = key in self.holds
        made = self.holds.setdefault(key, asked.body | {"number": len(self.holds) + 1})
        return Told(201, made | {"again": again})

    def _note(self, asked: Asked) -> Told:
        if asked.method == "GET":
            about = asked.params.get("about", [""])[0]
            return Told(200, {"items": [one for one in self.notes if one["about"] == about]})
        self.notes.append(asked.body | {"number": len(self.notes) + 1})
        return Told(201, self.notes[-1])
