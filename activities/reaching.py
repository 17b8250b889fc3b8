"""The messages of one ask to one person, by that person's own notification policy."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.asking.messages import Message
from domain.ids import derived_id
from domain.rosters.contacts import ContactMethod
from domain.rosters.people import Person
from domain.rosters.reach import plan, useful_until
from domain.values import Json

_TELLS = "notify"


def rows(
    person: Person,
    message: Message,
    *,
    task_id: str,
    purpose: str,
    rung: str,
    now: datetime,
    zone: ZoneInfo,
    expires_at: datetime | None = None,
) -> list[dict[str, Json]]:
    """Outbox rows: due by the policy for the message's priority, one failover group (`reach`) for all of them.

    What only tells goes out by the first contacts alone: nobody answers it, so nothing would stop the later ones.
    Empty for somebody who can't be reached by message. `zone` is the site's. The same call gives the same ids. Channels
    that are down are the sender's affair. `expires_at`: the answer's deadline; what is due after it is still of use for
    a while, since the task goes on.
    """
    due = plan(person, message.priority, now, zone)
    if purpose == _TELLS:
        due = [(contact, at) for contact, at in due if at == due[0][1]]
    group, seen, found = derived_id("rch", task_id, rung, person.id), Counter[ContactMethod](), list[dict[str, Json]]()
    shared = _shared(person, message, task_id, purpose, now) | {"reach": group}
    for contact, at in due:
        seen[contact] += 1
        row_id = derived_id("msg", task_id, rung, person.id, contact.channel, contact.address, seen[contact])
        is_timely = purpose != _TELLS and (expires_at is None or expires_at > at)
        until = expires_at if is_timely else useful_until(message.priority, at)
        found.append(shared | to(contact) | {"id": row_id, "next_at": at, "expires_at": until})
    return found


def to(contact: ContactMethod) -> dict[str, Json]:
    """Where a row goes."""
    return {"channel": contact.channel.value, "address": contact.address}


def _shared(person: Person, message: Message, task_id: str, purpose: str, now: datetime) -> dict[str, Json]:
    return {
        "exception_id": message.exception_id,
        "task_id": task_id,
        "person": person.id,
        "purpose": purpose,
        "priority": message.priority,
        "payload": message.model_dump(mode="json"),
        "state": "pending",
        "attempts": 0,
        "created_at": now,
        "conversation": "",
    }
