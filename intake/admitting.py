"""Who may come in at all: not a flood, not a stranger, not an address that is too new. Decided before any task is
looked at; names that senders give themselves are never read."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.rosters.people import ChannelName, Person
from store.read.access import identity as identity_read
from store.tables import InboxRow, TaskRow
from store.write.access import enrolment, identity, limits
from store.write.access.limits import Pace

_LOW = "low"


async def turned_away(session: AsyncSession, row: InboxRow) -> bool:
    """True when it is dealt with: one of too many from this address, or a Slack account that links itself."""
    channel, address = str(row.body["channel"]), str(row.body.get("address") or "")
    if not address:  # the console: a log-in, not an address
        return False
    pace = await limits.inbound(session, channel, address, row.received_at)
    if pace is not Pace.FINE:
        end(row, "too_many", silent=pace is Pace.SILENT)
        return True
    text = str(row.body.get("text") or "")
    if channel != ChannelName.SLACK.value or not enrolment.LINK_TEXT.fullmatch(text):
        return False
    row.body = row.body | {"text": "link ...", "verb": "", "fields": {}}  # the code stays nowhere (C7)
    row.status = "answered"
    told = await enrolment.link(session, address, text, row.received_at)
    row.outcome = {"accepted": told == "linked", "code": told}
    return True


async def stranger(session: AsyncSession, row: InboxRow) -> None:
    """A polite answer, once a day; an administrator sees the address."""
    channel, address = str(row.body["channel"]), str(row.body.get("address") or "")
    due = await identity.stranger(session, channel, address, str(row.body.get("text") or ""), row.received_at)
    end(row, "unknown_person", silent=not due)


async def too_fast(session: AsyncSession, row: InboxRow, person: Person) -> bool:
    """True when it is refused: one of too many of this person, on whatever channels."""
    pace = await limits.presses(session, person.id, row.received_at)
    if pace is not Pace.FINE:
        end(row, "too_many", silent=pace is Pace.SILENT)
    return pace is not Pace.FINE


async def too_new(session: AsyncSession, row: InboxRow, task: TaskRow) -> bool:
    """True when it is refused: a decision above low risk from an address that was changed lately (C9)."""
    channel, address = str(row.body["channel"]), str(row.body.get("address") or "")
    if not address or task.kind != "approve" or task.risk == _LOW:
        return False
    cooling = await identity_read.cooling(session, channel, address, row.received_at)
    if cooling:
        end(row, "new_address")
    return cooling


def end(row: InboxRow, code: str, *, silent: bool = False) -> None:
    """It goes no further; `silent`: nobody is answered, they were told already."""
    row.status = "answered"
    row.outcome = {"accepted": False, "code": code} | ({"silent": True} if silent else {})
