"""How everything stands, for the reader of a failure that can't be made to happen again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import select
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.service import RPCError

from store.db import Database
from store.tables import ExceptionRow, InboxRow, OutboxRow, TaskRow
from tests.support.eventually import Value, eventually

_LAST = 12


async def until(condition: Callable[[], Awaitable[Value]], what: str, database: Database, client: Client) -> Value:
    """As `eventually`; when it never holds, the failure tells how inbox, exceptions, tasks and workflows stand."""
    try:
        return await eventually(condition, what)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{await _told(database, client)}") from error


async def _told(database: Database, client: Client) -> str:
    async with database.transaction() as session:
        inbox = (await session.scalars(select(InboxRow).order_by("seq"))).all()
        exceptions = (await session.scalars(select(ExceptionRow))).all()
        tasks = (await session.scalars(select(TaskRow))).all()
        messages = (await session.scalars(select(OutboxRow))).all()
    histories = [f"{row.id}: {await _history(client, row.workflow_id)}" for row in exceptions]
    return "\n".join(
        [
            *_lines("inbox", inbox, "seq", "event_id", "status", "exception_id", "error"),
            *_lines("exception", exceptions, "id", "definition", "key", "handling", "rev", "opened_at", "closed_at"),
            *_lines("task", tasks, "id", "step", "exception_id", "standing", "asked"),
            *_lines("message", messages, "id", "exception_id", "state"),
            *histories,
        ]
    )


def _lines(what: str, rows: Sequence[Any], *columns: str) -> list[str]:
    return [f"{what} " + " ".join(f"{name}={getattr(row, name)}" for name in columns) for row in rows]


async def _history(client: Client, workflow_id: str) -> str:
    """Its last events, with what a failed attempt says."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        described = await handle.describe()
        history = await handle.fetch_history()
    except RPCError as error:
        return f"{workflow_id}: {error.message}"
    pending = [
        f"{one.activity_type.name} attempt {one.attempt}" for one in described.raw_description.pending_activities
    ]
    task = described.raw_description.pending_workflow_task
    events = [f"{EventType.Name(event.event_type)} {event.event_time.ToJsonString()}" for event in history.events]
    return f"{described.status} task attempt {task.attempt} {pending} {events[-_LAST:]}"
