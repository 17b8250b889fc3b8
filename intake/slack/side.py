"""What Slack's door needs of the connector, and who counts there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from connectors.roles import CallbackRequest, Channel, InboundMessage
from connectors.slack.callbacks import Callback
from connectors.slack.reading import Wish
from domain.errors import MosError, TransientError
from domain.rosters.people import Person
from domain.values import Json
from intake.slack.pages import SlackPages, View
from store.read.health import UNAVAILABLE

AWAY: tuple[type[Exception], ...] = (TransientError, *UNAVAILABLE)
"""The database or Slack does not answer now."""
FAILED: tuple[type[Exception], ...] = (MosError, *UNAVAILABLE)


class StrangerError(MosError):
    """Nobody of ours, or an account without power (C8)."""

    code = "mos.slack.stranger"


class SlackSide(Channel, Protocol):
    """See SlackChannel."""

    def parse(self, request: CallbackRequest) -> Callback: ...

    def unwrap(self, kind: str, payload: Mapping[str, Json]) -> Callback: ...

    def challenge(self, callback: Callback) -> str | None: ...

    def messages(self, callback: Callback) -> list[InboundMessage]: ...

    def wishes(self, callback: Callback) -> list[Wish]: ...

    def place(self, callback: Callback) -> Mapping[str, Json]: ...

    async def barred(self, callback: Callback, now: datetime) -> str: ...

    async def barred_account(self, user: str, now: datetime) -> str: ...

    async def whisper(self, place: Mapping[str, Json], user: str, content: View) -> None: ...

    async def open_view(self, trigger: str, view: View, *, push: bool = False) -> tuple[str, str]: ...

    async def update_view(self, view_id: str, hash_: str, view: View) -> None: ...

    async def publish(self, user: str, view: View) -> None: ...


async def known(channel: SlackSide, pages: SlackPages, callback: Callback, user: str, now: datetime) -> Person:
    """Who did this: by enrolment, and by an account that Slack vouches for. Raises StrangerError; TransientError while
    Slack can't say what account it is."""
    person = await pages.person(user)
    if person is None:
        raise StrangerError("the Slack account is not enrolled")
    barred = await channel.barred(callback, now)
    if barred:
        raise StrangerError(f"the Slack account has no power: {barred}")
    return person
