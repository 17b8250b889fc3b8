"""Posting a transaction, once: its ledger row first, then as far as the system, the gates and people let it."""

import asyncio
from datetime import timedelta

from temporalio import activity

from activities.contracts import calls
from activities.contracts.model import AwaitPosting, PostRequest, PostResult
from activities.posting_life import KEY_REUSED, SLOW_DOWN, Life
from activities.posting_parts import Parts
from activities.posting_rules import BeyondError, SentBackError, WaitingError, ground, looked_up
from activities.world import World
from connectors.roles import LooksUp, System
from domain.books.ledger import BOOKED, ENDED, MAYBE_SENT, Event, Held, State
from domain.books.outcomes import Receipt
from domain.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    TransientError,
)
from store.tables import LedgerRow

_LOOK_AGAIN_S = 1.0
_REFUSALS = (RejectedError, ConflictError, InvalidPayloadError, NotFoundError, InvariantError)


class PostingActivities:
    """The only door to the ERP and the MES."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._slower: dict[str, Held] = {}  # systems that ask for time: nothing of this worker goes there meanwhile

    @activity.defn(name=calls.POST.name)
    async def post(self, request: PostRequest) -> PostResult:
        """Move the transaction on: preview, authority, gates, re-check, post, keep the receipt.

        Idempotency: the ledger's row says how far it is; the key, which the system commits with the posting, is looked
        up before it is sent again. Raises: TransientError (also for what an operator has to mend: AuthError,
        ConfigError) and OutcomeUnknownError, to be tried again. Timeouts: 30 s.
        """
        life = await Life.drafted(self._world, request)
        if life.row.status in ENDED or life.row.status == State.SENT_BACK:
            return result_of(life.row)
        try:
            await self._go(life)
        except WaitingError as waiting:
            held = await life.hold(waiting.held)
            return await self.post(request) if await life.was_missed(waiting.held) else held
        except BeyondError as back:
            await life.send_back(back)
        except SentBackError as back:
            if life.row.standing_version or back.harmless:
                await life.propose_anew(back)
                raise TransientError("it has changed meanwhile: looked at again") from back
            await life.send_back(back)
        except (AuthError, ConfigError) as error:
            await life.complain(error.message)
            raise TransientError(error.message, detail=error.detail) from error
        except _REFUSALS as error:
            await life.move(Event.REFUSE, error=f"{error.message} {error.detail}".strip())
        except RateLimitedError as error:
            return await life.hold(self._slow_down(life.row.system, error.retry_after))
        except TransientError:
            if life.tried is None:
                raise
            return await life.hold(life.tried)
        except OutcomeUnknownError as error:
            await life.move(Event.LOSE, error=error.message)
            raise
        await life.answered()
        return result_of(life.row)

    def _slow_down(self, system: str, seconds: float) -> Held:
        until = self._world.now() + timedelta(seconds=seconds)
        self._slower[system] = held = Held(why=SLOW_DOWN, until=until, what=f"system:{system}")
        return held

    async def _go(self, life: Life) -> None:
        """Raises what keeps it from going on."""
        system = self._world.system(life.row.system)
        try:
            await self._advance(life, system)
        except (SentBackError, *_REFUSALS) as error:
            found = await _arrived(system, life, error)
            if found is None:
                raise
            await life.booked(found)

    async def _advance(self, life: Life, system: System) -> None:
        slower = self._slower.get(life.row.system)
        if slower and slower.until > self._world.now():
            raise WaitingError(slower)
        await life.knock()
        if life.row.status in MAYBE_SENT:
            if parts := await Parts.begun(self._world, life, system):
                await life.booked(await parts.post())
                return
            if found := await looked_up(system, life.transaction()):
                await life.booked(found)
                return
        await life.pass_gates()
        if life.row.status == State.DRAFTED:
            await life.preview(system)
        if life.row.reverses and not life.row.approved_by:
            raise WaitingError(None)
        if life.row.status == State.PREVIEWED:
            await ground(self._world, life.row)
            await life.move(Event.AUTHORISE)
        if life.row.status != State.UNKNOWN:
            await life.recheck(system)
        if life.row.status == State.RECHECKED and await life.is_dry_run():
            await life.move(Event.SIMULATE)
            return
        parts = await Parts.planned(self._world, life, system) if life.row.status == State.RECHECKED else None
        await life.begin_sending()
        await life.booked(await (parts.post() if parts else life.send(system)))

    @activity.defn(name=calls.AWAIT_POSTING.name)
    async def await_posting(self, request: AwaitPosting) -> PostResult:
        """Wait until the transaction's own workflow has brought it to its end.

        Idempotency: reads only. Timeouts: an hour, then again.
        """
        while True:
            async with self._world.database.transaction() as session:
                row = await session.get(LedgerRow, request.transaction)
            if row is not None and row.status in ENDED:
                return result_of(row)
            activity.heartbeat()
            await asyncio.sleep(_LOOK_AGAIN_S)


async def _arrived(system: System, life: Life, error: Exception) -> Receipt | None:
    """What was sent by a dead worker, or twice by the wire, may be committed after its key was looked up: then it is no
    change of somebody else that the system shows, and no refusal. Who keeps no keys can't tell the two apart."""
    other = isinstance(error, ConflictError) and error.code.endswith(KEY_REUSED)
    if life.row.status not in MAYBE_SENT or other or isinstance(system, LooksUp):
        return None
    return await system.find(life.row.key)


def result_of(row: LedgerRow) -> PostResult:
    """What the exception hears. A dead letter is a refusal to it: it goes on, and the letter waits for somebody."""
    if row.status in BOOKED:
        return PostResult(status="posted", documents=row.documents or [], detail=row.error or "")
    if row.status == State.DRY_RUN:
        return PostResult(status="dry_run", detail="dry run: nothing was written")
    if row.status == State.SENT_BACK:
        return PostResult(status="waiting", detail="it has changed meanwhile: somebody looks again")
    return PostResult(status="rejected", detail=row.error or row.reason)
