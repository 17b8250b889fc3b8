"""Who does it, as `--by` says: somebody on the roster, by id, name, address or role. The audit has the id.

Before the first roster is published there is nobody to look up: whoever sets up is taken at their word.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor
from domain.errors import InvalidPayloadError, NotFoundError
from domain.rosters.imported import Directory
from domain.rosters.people import Person
from store.db import Database
from store.read import site as site_read

By = Annotated[str, typer.Option("--by", help="Who does it, for the audit: an id, name or role of the roster.")]
ENTER = "enter the person in people.yaml or on the console's page People"
_NEAREST, _LIKE = 3, 0.7


def asked(by: str) -> str:
    """Raises InvalidPayloadError when nobody is named."""
    if not by.strip():
        raise InvalidPayloadError("say who does it: --by PERSON")
    return by.strip()


async def acting(database: Database, by: str) -> Actor:
    """Whom the operator names. Raises InvalidPayloadError with the nearest names when that is nobody on the roster."""
    async with database.transaction() as session:
        return Actor(meant(await people(session), asked(by)), signed_in=False)


async def people(session: AsyncSession) -> Sequence[Person]:
    """Everybody; nobody before a roster is published."""
    try:
        return (await site_read.roster(session)).people
    except NotFoundError:
        return ()


def known(everybody: Sequence[Person], word: str) -> str:
    """The id of the one person with this id, name or address; the word itself where that is nobody."""
    return Directory(everybody).find(word) or word


def meant(everybody: Sequence[Person], by: str) -> str:
    """The id of whom this word means. Raises InvalidPayloadError."""
    if not everybody:
        return by
    active = [person for person in everybody if person.active]
    found = Directory(active).find(by)
    if found is not None:
        return found
    fitting = [one.id for one in active if by in one.roles or by.casefold() == one.name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InvalidPayloadError(f"'{by}' is more than one person: write --by with one of {', '.join(fitting)}")
    if by in {person.id for person in everybody}:
        raise InvalidPayloadError(f"'{by}' is not active on the roster any more: name who does it with --by")
    raise InvalidPayloadError(
        f"'{by}' is nobody on the roster{near(everybody, by)}: name who does it with --by, or {ENTER}"
    )


def near(everybody: Sequence[Person], name: str) -> str:
    """`, but lena (Lena Fischer) is` with the nearest of ids, names and roles; nothing when none is near."""
    words: dict[str, list[Person]] = {}
    for person in everybody:
        for word in {person.id, person.name, *person.name.split(), *person.roles}:
            words.setdefault(word.casefold(), []).append(person)
    close = get_close_matches(name.casefold(), sorted(words), n=_NEAREST, cutoff=_LIKE)
    found = [one for word in close for one in words[word] if one.active]
    told = list(dict.fromkeys(f"{one.id} ({one.name})" for one in found))[:_NEAREST]
    return f", but {' or '.join(told)} is" if told else ""
