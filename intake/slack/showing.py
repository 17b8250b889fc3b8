"""What Slack is shown while it has its answer already: forms within three seconds, the home tab, a whispered sentence.

Nothing here is an answer of a person: what fails is logged, and the person presses again.
"""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from connectors.roles import InboundMessage
from connectors.slack.callbacks import Callback
from connectors.slack.reading import Wish
from domain.rosters.people import Person
from intake.manners import Manners
from intake.slack.pages import SlackPages, View
from intake.slack.side import AWAY, FAILED, SlackSide, StrangerError, known

log = logging.getLogger("mos.slack")
SOON_S = 0.7  # a trigger id lives 3 s: a form that is not ready by now opens empty and is filled later
ANSWER_S = 2.0  # Slack waits 3 s for an acknowledgement
LATE_S = 20.0
DEFAULT = "en"  # for who is nobody of ours


class SlackShowing:
    """Shows things beside the answering; `settle` waits until all is shown."""

    def __init__(self, channel: SlackSide, pages: SlackPages) -> None:
        self._channel, self._pages, self._manners = channel, pages, Manners()
        self._under_way: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Until nothing is being shown any more."""
        await asyncio.gather(*self._under_way)

    async def grant(self, callback: Callback, wish: Wish, now: datetime) -> None:
        """Show what was wished for."""
        await self._beside(self._grant(callback, wish, now))

    async def turn_away(self, callback: Callback, user: str, now: datetime) -> None:
        """Polite, and bounded: one sentence a minute, which only they see."""
        if self._manners.may_answer(user, now):
            content = {"text": self._pages.words.sentence(DEFAULT, "replies.unknown_person")}
            await self._beside(self._channel.whisper(self._channel.place(callback), user, content))

    async def waits(self, callback: Callback, user: str) -> None:
        """It is kept, and counts once Slack says that this account may."""
        await self._beside(self._waits(callback, user))

    async def _waits(self, callback: Callback, user: str) -> None:
        person = await self._pages.person(user)
        content = {"text": self._pages.words.sentence(person.language if person else DEFAULT, "slack.checking")}
        await self._channel.whisper(self._channel.place(callback), user, content)

    async def received(self, person: Person, message: InboundMessage) -> None:
        """A press within a view has arrived; what comes of it is told by message."""
        await self._beside(self._received(person, message))

    async def _received(self, person: Person, message: InboundMessage) -> None:
        if message.reply_to.get("view_type") == "home":
            note = self._pages.words.sentence(person.language, "replies.received")
            await self._channel.publish(message.address, await self._pages.home(person, note))
            return
        view = self._pages.words.notice(person.language, "replies.received")
        await self._channel.update_view(str(message.reply_to["view"]), "", view)

    async def _grant(self, callback: Callback, wish: Wish, now: datetime) -> None:
        try:
            if wish.trigger:
                await self._open(wish, self._page(callback, wish, now))
            else:
                await self._show(callback, wish, now)
        except StrangerError:
            await self.turn_away(callback, wish.user, now)

    async def _page(self, callback: Callback, wish: Wish, now: datetime) -> View:
        try:
            person = await known(self._channel, self._pages, callback, wish.user, now)
            if wish.kind == "report":
                return await self._pages.report(person, wish.text)
            if wish.kind == "more":
                return await self._pages.more(person, wish.task)
            return await self._pages.form(person, wish.task, wish.verb)
        except AWAY:
            return self._pages.words.notice(DEFAULT, "replies.unavailable")

    async def _open(self, wish: Wish, page: Coroutine[Any, Any, View]) -> None:
        """Open the page if it is there soon, else an empty one that it replaces: the trigger does not wait."""
        making, push = asyncio.create_task(page), wish.view_type == "modal"
        await asyncio.wait({making}, timeout=SOON_S)
        if making.done():
            await self._channel.open_view(wish.trigger, making.result(), push=push)
            return
        loading = self._pages.words.notice(DEFAULT, "slack.loading")
        view, hash_ = await self._channel.open_view(wish.trigger, loading, push=push)
        await asyncio.wait({making}, timeout=LATE_S)
        error = making.exception() if making.done() else TimeoutError()
        if error is None:
            await self._channel.update_view(view, hash_, making.result())
            return
        making.cancel()
        key = "replies.unknown_person" if isinstance(error, StrangerError) else "replies.unavailable"
        await self._channel.update_view(view, hash_, self._pages.words.notice(DEFAULT, key))

    async def _show(self, callback: Callback, wish: Wish, now: datetime) -> None:
        person = await known(self._channel, self._pages, callback, wish.user, now)
        if wish.kind == "home":
            await self._pages.opened(wish.user, person, now)
            await self._channel.publish(wish.user, await self._pages.home(person))
            return
        await self._channel.whisper(self._channel.place(callback), wish.user, await self._pages.told(person, wish.kind))

    async def _beside(self, showing: Coroutine[Any, Any, None]) -> None:
        """At most two seconds are spent on waiting for it."""
        task = asyncio.create_task(_quietly(showing))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait({task}, timeout=ANSWER_S)


async def _quietly(showing: Coroutine[Any, Any, None]) -> None:
    try:
        await showing
    except FAILED as error:
        log.warning("Slack was not shown it: %s", str(error).split("\n")[0])
