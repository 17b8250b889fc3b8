"""Answers: who is it, and which task is meant? Decided from verified addresses and codes, never from names."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.people import Person
from domain.values import Json
from store.read import site as site_read
from store.read import tasks as tasks_read
from store.tables import InboxRow, TaskRow


async def resolve(session: AsyncSession, row: InboxRow) -> None:
    """Move one answer on: to its exception, or to an outcome of its own when person or task can't be told."""
    person = await _person(session, row.body)
    if person is None or not person.active:
        _end(row, "unknown_person")
        return
    task, code = await _task(session, row.body, person)
    row.signal = {"person": person.id, "name": person.name, "language": person.language}
    if task is None:
        _end(row, code)
        return
    row.signal |= {"task": task.id, "task_code": task.code, "risk": task.risk}
    row.exception_id, row.status = task.exception_id, "correlated"


async def _person(session: AsyncSession, body: dict[str, Json]) -> Person | None:
    if "person" in body:  # the console: a log-in, not an address
        return await site_read.person(session, str(body["person"]))
    return await site_read.person_at(session, str(body["channel"]), str(body["address"]))


async def _task(session: AsyncSession, body: dict[str, Json], person: Person) -> tuple[TaskRow | None, str]:
    """The task by its reference or its code; without either only when exactly one open task can be meant (C15)."""
    reference = str(body.get("task") or "")
    if reference.startswith("tsk_"):
        found = await tasks_read.by_id(session, reference.split(":", maxsplit=1)[0])
        return found, "unknown_code"
    if reference:
        found = await tasks_read.by_code(session, reference.upper())
        return (found, "unknown_code") if found and person.id in found.asked else (None, "unknown_code")
    open_ones = await tasks_read.open_for(session, person.id)
    if len(open_ones) == 1 and body.get("verb"):
        return open_ones[0], ""
    if not open_ones:
        return None, "help"
    return None, "ask_again" if len(open_ones) == 1 else "which_task"


def _end(row: InboxRow, code: str) -> None:
    row.status, row.outcome = "answered", {"accepted": False, "code": code}
