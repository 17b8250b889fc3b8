"""Answers: who is it, and which task is meant? Decided from verified addresses and codes, never from names."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.messages import Choice, Message
from domain.people import Person
from domain.values import Json
from store.read import site as site_read
from store.read import tasks as tasks_read
from store.tables import InboxRow, TaskRow
from store.write import reach

_ASKING = ("help", "command")
_OUTSIDE = (
    *_ASKING,
    "opt_in",
    "opt_out",
)  # about the channel, not about a task; the vendor itself answers the last two


async def resolve(session: AsyncSession, row: InboxRow) -> None:
    """Move one answer on: to its exception, or to an outcome of its own when person or task can't be told."""
    person = await _person(session, row.body)
    if person is None or not person.active:
        _end(row, "unknown_person")
        return
    row.signal = {"person": person.id, "name": person.name, "language": person.language}
    verb = str(row.body.get("verb") or "")
    if verb in _OUTSIDE:
        row.status, row.outcome = "answered", {"accepted": verb not in _ASKING, "code": "help"}
        await _stop_or_start(session, row, person, verb)
        return
    task, code = await _task(session, row.body, person)
    if task is None:
        _end(row, code)
        return
    row.signal = row.signal | {
        "task": task.id,
        "task_code": task.code,
        "risk": task.risk,
        "asked": person.id in task.asked,
        "verb": _verb(task, row.body),
    }
    row.exception_id, row.status = task.exception_id, "correlated"


async def _stop_or_start(session: AsyncSession, row: InboxRow, person: Person, verb: str) -> None:
    """C35: nothing more goes to this address from here on, until the person has it again."""
    channel, address = str(row.body["channel"]), str(row.body.get("address") or "")
    if verb == "opt_out" and address:
        await reach.stop(session, channel, address, person.id, "asked", row.received_at)
    elif verb == "opt_in":
        await reach.start(session, channel, address, person.id, row.received_at)


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


def _verb(task: TaskRow, body: dict[str, Json]) -> str:
    """What was pressed or written; the number in a short message is that of the shown choice that names a value."""
    verb = str(body.get("verb") or "")
    if verb != "choose":
        return verb
    shown = Message.model_validate(task.shown)
    verbs = [choice.verb for choice in shown.choices or _signed_only(shown) if ":" in choice.verb]
    number = (body.get("fields") or {}).get("number")
    return verbs[number - 1] if isinstance(number, int) and 0 < number <= len(verbs) else verb


def _signed_only(shown: Message) -> list[Choice]:
    """High risk shows nothing to press: who writes its number is told to sign in."""
    return [Choice.model_validate(item) for item in shown.values.get("verbs", [])]


def _end(row: InboxRow, code: str) -> None:
    row.status, row.outcome = "answered", {"accepted": False, "code": code}
