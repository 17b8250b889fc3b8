"""What people write that is no answer to a task: which tasks are mine, and a report of something that is wrong."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.asking.messages import Message
from domain.rosters.people import Person
from domain.values import Json
from intake import own_signals
from store.read import site as site_read
from store.read.messages import tasks as tasks_read
from store.tables import InboxRow
from store.write import inbox

_LISTED = 8  # fits three text messages


async def mine(session: AsyncSession, row: InboxRow, person: Person) -> None:
    """The open tasks of this person, those that are theirs first."""
    found = await tasks_read.open_for(session, person.id)
    own = sorted(
        (task for task in found if task.person in (None, person.id)), key=lambda task: task.person != person.id
    )
    shown = [Message.model_validate(task.shown).read_by(person.language) for task in own[:_LISTED]]
    lines = [f"{task.code} {message.title}" for task, message in zip(own, shown, strict=False)]
    row.outcome = {"accepted": True, "code": "mine" if lines else "mine_none", "lines": lines}


async def report(session: AsyncSession, row: InboxRow, person: Person) -> None:
    """A signal of its own, which opens an exception as any other does. Without words nothing is reported."""
    equipment, text = await _what(session, row.body)
    if not text:
        row.outcome = {"accepted": False, "code": "ask_again"}
        return
    raw = own_signals.report(person, text, equipment, row.seq or 0, row.received_at)
    await inbox.add_signals(session, [raw], row.received_at)
    row.outcome = {"accepted": True, "code": "reported"}


async def _what(session: AsyncSession, body: dict[str, Json]) -> tuple[str | None, str]:
    """The machine, by its id or title, and what is wrong. A name that the site does not know is part of the words."""
    fields = body.get("fields") or {}
    named, said = str(fields.get("equipment") or "").strip(), str(fields.get("text") or "").strip()
    site = await site_read.site(session)
    wanted = named.casefold()
    known = next((one.id for one in site.equipment if wanted in (one.id.casefold(), one.title.casefold())), None)
    if known:
        return known, said or named
    return None, f"{named} {said}".strip()


async def named(session: AsyncSession, name: str) -> str:
    """The id of the person who is meant: by id, by name, or by a first name that only one person has. Else as given."""
    wanted = name.strip().casefold()
    people = [person for person in (await site_read.roster(session)).people if person.active]
    for keys in (lambda one: (one.id, one.name), lambda one: one.name.split()[:1]):
        fitting = [one.id for one in people if wanted in (key.casefold() for key in keys(one))]
        if len(fitting) == 1:
            return fitting[0]
    return name.strip()
