"""The REST connector on the stand-in of a home-grown ERP: a header's key, fields that are set, and nothing at all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.rest.config import RestConfig
from connectors.rest.connector import RestSystem, build
from domain.books.outcomes import AddNote, Outcome, OutcomeTransaction, RecordDowntime, SetPriority
from domain.books.outcomes import System as Target
from domain.errors import ConflictError, RejectedError
from infra.standins.rest.app import RestStandIn, build_app
from infra.standins.serve import serving

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
ORDER = "/orders/{item}"
MAPPING: dict[str, Any] = {
    "say": "{body.message}",
    "outcomes": {
        "record_downtime": {
            "path": "/downtimes",
            "body": {"machine": "=outcome.equipment", "start": "=outcome.start", "reason": "=outcome.reason"},
            "document": "downtime {answer.id}",
            "idempotency": {"strategy": "header", "replayed": "=status == 200"},
        },
        "set_priority": {
            "each": "=outcome.job_orders",
            "method": "PUT",
            "path": ORDER,
            "headers": {"If-Match": "=before_headers.etag"},
            "body": {"priority": "=outcome.priority"},
            "document": "order {item}",
            "fields": {"priority": {"before": "=before.priority", "after": "=outcome.priority"}},
            "idempotency": {
                "strategy": "read_before_write",
                "read": {"path": ORDER, "done": "=before.priority == outcome.priority"},
            },
        },
        "add_note": {
            "path": "/notes",
            "body": {"about": "=outcome.id", "text": "=outcome.text", "reference": "=key"},
            "document": "note {answer.id}",
            "idempotency": {
                "strategy": "natural_key",
                "look_up": {
                    "path": "/notes",
                    "params": {"reference": "=key"},
                    "found": "=size(body) > 0",
                    "record": "=body[0]",
                    "same": "=record.text == outcome.text",
                },
            },
        },
    },
}


def posting(outcome: Outcome, key: str) -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=[outcome])


def system(url: str) -> RestSystem:
    return build(RestConfig.model_validate({"url": url, "mapping": MAPPING}), {"token": "secret"})


async def test_each_strategy_books_once_and_another_payload_is_refused() -> None:
    standin = RestStandIn("secret")
    first: list[Outcome] = [
        RecordDowntime(equipment="mill-1", start=START),
        SetPriority(job_orders=["JO-1001", "JO-1002"], priority=7),
        AddNote(about="order", id="JO-1001", text="look"),
    ]
    with serving(build_app(standin, "control")) as url:
        for number, outcome in enumerate(first):
            wanted = posting(outcome, f"exc_1:post:{number}")
            receipt, again = await system(url).post(wanted), await system(url).post(wanted)
            assert again.documents == receipt.documents
            assert not (await system(url).read_back(wanted, receipt)).changed
        with pytest.raises(ConflictError):
            await system(url).post(posting(RecordDowntime(equipment="mill-2", start=START), "exc_1:post:0"))
        with pytest.raises(ConflictError):
            await system(url).post(posting(AddNote(about="order", id="JO-1001", text="other"), "exc_1:post:2"))
        with pytest.raises(RejectedError) as caught:
            await system(url).post(posting(RecordDowntime(equipment="", start=START), ""))
    assert caught.value.detail == "Send Idempotency-Key"
    assert standin.dump("") == {"downtimes": 1, "orders": len(standin.dump("orders")), "notes": 1}
    assert [row["version"] for row in standin.dump("orders") if row["priority"] == 7] == [2, 2]
