"""How somebody is reached: their own to say, or a lead's (authority `manage_roster`). One transaction, one record."""

from datetime import datetime

from admin.actors import Actor, may, on_roster
from admin.roster.people import AUTHORITY, put_checked
from domain.errors import NotFoundError
from domain.rosters.contacts import NotificationPolicy
from domain.rosters.people import Person
from store.db import Database
from store.read.rosters import roster as read
from store.write.rosters import roster as write


async def set_policy(
    database: Database, person: str, policy: NotificationPolicy, revision: str, *, by: Actor, now: datetime
) -> None:
    """Raises NotAllowedError, NotFoundError, ConflictError (changed meanwhile)."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        if by.signed_in and by.id == person:
            await on_roster(session, by)
        else:
            await may(session, by, AUTHORITY)
        row = await read.person_row(session, person, lock=True)
        if row is None:
            raise NotFoundError(f"no person '{person}' on the roster")
        changed = Person.model_validate(row.data).model_copy(update={"notify": policy})
        await put_checked(session, changed, revision or "?", by=by, now=now)
