"""Who does something, what they may, and whether two names are two people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.authority.matrix import Asked, Granted, decide_authority, same_human
from domain.errors import RejectedError
from domain.rosters.people import ChannelName
from store.read import site as site_read
from store.read.access import authority as authority_read

PUBLISH = "publish_definitions"


class NotAllowedError(RejectedError):
    """The person may not do this; the message says who may."""

    code = "mos.not_allowed"


class FourEyesError(NotAllowedError):
    """Author and signer are the same person."""

    code = "mos.four_eyes"


class UnsignedError(NotAllowedError):
    """Only a signature decides this, and none came with it."""

    code = "mos.unsigned"


@dataclass(frozen=True)
class Actor:
    """Who acts. `signed_in`: the console proved it by a log-in; otherwise an operator at the machine named them.
    `via`: the program that acted in their name, as `token tok_...`: they made that, and did not log in for this."""

    id: str
    signed_in: bool = True
    via: str = ""

    @property
    def evidence(self) -> str:
        """For the audit: how far the name can be believed."""
        if self.via:
            return f"by {self.via}"
        return "signed in" if self.signed_in else "named by the operator"


async def on_roster(session: AsyncSession, actor: Actor) -> None:
    """Whoever is signed in has to be on the roster still. Raises NotAllowedError."""
    person = await site_read.person(session, actor.id)
    if actor.signed_in and (person is None or not person.active):
        raise NotAllowedError(f"'{actor.id}' is not on the roster: ask an administrator")


async def may(session: AsyncSession, actor: Actor, authority: str = PUBLISH) -> None:
    """Whoever is signed in needs this authority on the roster. Raises NotAllowedError."""
    await on_roster(session, actor)
    person = await site_read.person(session, actor.id)
    if actor.signed_in and (person is None or authority not in person.authorities):
        raise NotAllowedError(f"This needs the authority '{authority}': ask somebody who has it")


async def may_decide(session: AsyncSession, actor: Actor, asked: Asked) -> Granted | None:
    """Whoever is signed in must be granted this action for what it moves, there and now: by the site's matrix and what
    was lent, or by the roster where no matrix is published. None for an operator at the machine. Raises
    NotAllowedError; UnsignedError when they may, but only by a signature (`asked.signed`)."""
    await on_roster(session, actor)
    if not actor.signed_in:
        return None
    site = await site_read.site(session)
    zone = ZoneInfo(site.timezone)
    shifts = frozenset(one.name for one in site.shifts if one.covers(asked.at, zone))
    here = replace(asked, shifts=shifts, channel=ChannelName.CONSOLE.value)
    people = {person.id: person for person in (await site_read.roster(session)).people}
    lent = await authority_read.delegations(session, actor.id, asked.at)
    found = decide_authority(await authority_read.matrix(session), people.get(actor.id), here, lent, people)
    if isinstance(found, Granted):
        return found
    if found.code == "sign_in":
        raise UnsignedError("This needs a signature. Load its page and sign there, with your password again.")
    over = f" beyond the limit ({', '.join(found.over)})" if found.over else ""
    raise NotAllowedError(f"This needs the authority '{asked.action}'{over}: ask somebody who has it")


async def somebody_else(session: AsyncSession, signer: str, authors: Sequence[str]) -> None:
    """Four eyes: the signer is none of the authors. Raises FourEyesError.

    Proved: another person id, and on the roster neither the same name nor a common address. One human with two roster
    entries that differ in name and in every address can't be told apart; the import of the roster is audited.
    """
    signing = await site_read.person(session, signer)
    for author in authors:
        if _same(signer, author):
            raise FourEyesError(f"'{signer}' wrote this: somebody else has to sign it off")
        writing = await site_read.person(session, author)
        if signing and writing and same_human(signing, writing):
            raise FourEyesError(
                f"'{signer}' and the author '{author}' have the same name or address on the roster: "
                "somebody else has to sign it off"
            )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


async def name_of(session: AsyncSession, person_id: str) -> str:
    """How messages call somebody."""
    person = await site_read.person(session, person_id)
    return person.name if person else person_id
