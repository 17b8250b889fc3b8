"""Exceptions that are over, as intake and workflow leave them: what the agent `history` looks at."""

from datetime import timedelta
from typing import Any

from domain.values import Json
from store.db import Database
from store.tables import DecisionRow, ExceptionRow, InboxRow, TimelineRow
from tests.support.plant import utcnow


async def closed(database: Database, number: int, machine: str, cause: str, definition: str = "breakdown") -> None:
    """It stopped with code 7; somebody answered this cause, and somebody approved to wait."""
    name, at = f"exc_past_{number}", utcnow() - timedelta(days=number + 1)
    row: dict[str, Any] = {"site": "brno", "version": "v", "workflow_id": name, "title": "t", "priority": "high"}
    facts: Json = {"type": "machine.state", "facts": {"equipment": machine, "stop_code": 7}}
    said = {"task": "repair", "verb": f"answer:cause:{cause}", "fields": {}}
    async with database.transaction() as session:
        session.add(ExceptionRow(id=name, definition=definition, key=name, equipment=machine, opened_at=at,
                                 closed_at=at, **row))  # fmt: skip
        session.add(InboxRow(category="signal", source="s", event_id=name, kind="k", body={}, received_at=at,
                             exception_id=name, signal=facts, status="delivered"))  # fmt: skip
        session.add(TimelineRow(exception_id=name, entry=1, at=at, kind="answer", data=said))
        session.add(DecisionRow(id=f"dec_{name}", exception_id=name, step="plan", task_id="t", person="lena",
                                channel="slack", verdict="approved", option="wait", authority="reschedule",
                                shown_hash="h", at=at))  # fmt: skip
