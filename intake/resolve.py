"""Answers: who is it, and which task is meant? Decided from verified addresses and codes, never from names."""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy.ext.asyncio import AsyncSession

from domain.asking.messages import Choice, Message
from domain.rosters.people import Person
from domain.values import Json
from intake import admitting, asides, pictures
from intake.replies import written_code
from store.read import site as site_read
from store.read.messages import tasks as tasks_read
from store.tables import InboxRow, TaskRow
from store.write.access import limits
from store.write.messages import reach

_CLOSE = 0.8  # three characters of four, or four of five
_ASKING = ("help", "command")
_OUTSIDE = (
    *_ASKING,
    "opt_in",
    "opt_out",
)  # about the channel, not about a task; the vendor itself answers the last two


_ASIDES = {"mine": asides.mine, "report": asides.report}


async def resolve(session: AsyncSession, row: InboxRow) -> None:
    """Move one answer on: to its exception, or to an outcome of its own when person or task can't be told."""
    if await admitting.turned_away(session, row):
        return
    person = await _person(session, row.body)
    if person is None or not person.active:
        await admitting.stranger(session, row)
        return
    row.signal = {"person": person.id, "name": person.name, "language": person.language}
    if await admitting.too_fast(session, row, person):
        return
    await pictures.note(session, row, person)
    verb = str(row.body.get("verb") or "")
    if verb in _OUTSIDE:
        row.status, row.outcome = "answered", {"accepted": verb not in _ASKING, "code": "help"}
        await _stop_or_start(session, row, person, verb)
        return
    if verb in _ASIDES:
        row.status = "answered"
        await _ASIDES[verb](session, row, person)
        return
    if await _is_locked(session, row, person):
        _end(row, "locked")
        return
    task, code = await _task(session, row.body, person)
    if task is None:
        tried = code == "unknown_code" and bool(row.body.get("task"))  # what has no code's form guesses none
        locked = tried and await _counts_wrong(session, row, person)
        _end(row, "locked" if locked else code)
        return
    if await admitting.too_new(session, row, task):
        return
    row.signal = row.signal | {
        "task": task.id,
        "task_code": task.code,
        "risk": task.risk,
        "asked": person.id in task.asked,
        **await _said(session, task, row.body, person),
    }
    row.exception_id, row.status = task.exception_id, "correlated"
    await pictures.belong(session, row, person)


async def _is_locked(session: AsyncSession, row: InboxRow, person: Person) -> bool:
    """Has this address sent too many wrong codes (C15)? A press carries none: its message was verified."""
    address, pressed = str(row.body.get("address") or ""), str(row.body.get("task") or "").startswith("tsk_")
    if not address or pressed:
        return False
    return await limits.locked(session, row.body["channel"], address, person.id, row.received_at)


async def _counts_wrong(session: AsyncSession, row: InboxRow, person: Person) -> bool:
    """True when it was one wrong code too many: the person is warned elsewhere, the address counts no more."""
    address = str(row.body.get("address") or "")
    if not address:
        return False
    return await limits.wrong_code(session, row.body["channel"], address, person.id, row.received_at)


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
    if not body.get("verb"):
        held = await tasks_read.held_by(session, person.id) if _free_text(body) or body.get("media") else []
        if len(held) == 1:
            return held[0], ""
    open_ones = await tasks_read.open_for(session, person.id)
    if len(open_ones) == 1 and (body.get("verb") or body.get("media")):
        return open_ones[0], ""
    if not open_ones:
        return None, "help"
    if _mistyped(body, [task.code for task in open_ones]):
        return None, "unknown_code"
    return None, "ask_again" if len(open_ones) == 1 else "which_task"


def _mistyped(body: dict[str, Json], codes: Sequence[str]) -> bool:
    """Does a text that belongs nowhere begin with a code of which a character is missing or too many?"""
    if body.get("verb") or body.get("task"):
        return False
    code, words = written_code(body), str(body.get("text") or "").split()
    if not code or len(words) < 2:
        return False
    mixed = words[0].isupper() and any(char.isdigit() for char in code)
    return mixed or bool(get_close_matches(code, codes, 1, _CLOSE))


async def _said(session: AsyncSession, task: TaskRow, body: dict[str, Json], person: Person) -> dict[str, Json]:
    """Verb and fields as the workflow is given them. Words without a verb, by who has the task, are a note on it: never
    an answer, whatever they say (C22); so is a picture, with its words or alone."""
    verb, fields = _verb(task, body), dict(body.get("fields") or {})
    text, shown = _free_text(body), bool(body.get("media"))
    if not verb and ((text and task.person == person.id) or shown):
        return {"verb": "inform", "fields": {"text": text or pictures.PHOTO.get(person.language, pictures.PHOTO["en"])}}
    if verb == "inform" and shown and not str(fields.get("text") or "").strip():
        fields["text"] = pictures.PHOTO.get(person.language, pictures.PHOTO["en"])
    if verb == "hand_over" and fields.get("to"):
        fields["to"] = await asides.named(session, str(fields["to"]))
    return {"verb": verb, "fields": fields}


def _free_text(body: dict[str, Json]) -> str:
    """What was written, without the task's code."""
    words = str(body.get("text") or "").split(" ")
    code = str(body.get("task") or "").upper()
    return " ".join(word for word in words if not code or word.strip(".,:;!").upper() != code).strip()


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
