"""Posting a transaction, once: the ledger row first, the key looked up before any further attempt."""

import asyncio

from temporalio import activity

from activities.contracts import calls
from activities.contracts.model import AwaitPosting, PostRequest, PostResult
from activities.world import World
from domain.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    InvalidPayloadError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from domain.outcomes import Receipt
from domain.values import Json
from store.read import site as site_read
from store.tables import LedgerRow
from store.write import exceptions, ledger

_ENDED = ("posted", "rejected")
_LOOK_AGAIN_S = 1.0


class PostingActivities:
    """The only door to the ERP and the MES."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.POST.name)
    async def post(self, request: PostRequest) -> PostResult:
        """Draft in the ledger, post, keep the receipt.

        Idempotency: the transaction's key, committed by the system with the posting; from the second attempt on it is
        looked up first. Raises: TransientError (also for what an operator has to mend: AuthError, ConfigError) and
        OutcomeUnknownError, to be tried again. Timeouts: 30 s.
        """
        row = await self._draft(request)
        if row.status in _ENDED:
            return PostResult(status=row.status, documents=row.documents or [], detail=row.error or "")
        try:
            system = self._world.system(request.transaction.system.value)
            receipt = await system.find(request.transaction.key) if row.attempts > 1 else None
            receipt = receipt or await system.post(request.transaction)
        except (RejectedError, ConflictError, InvalidPayloadError, NotFoundError) as error:
            return await self._rejected(request, f"{error.message} {error.detail}".strip())
        except OutcomeUnknownError as error:
            await self._note(request, status="unknown", error=error.message)
            raise
        except (AuthError, ConfigError) as error:
            await self._waits(request, row, error)
            raise TransientError(error.message, detail=error.detail) from error
        return await self._posted(request, receipt)

    @activity.defn(name=calls.AWAIT_POSTING.name)
    async def await_posting(self, request: AwaitPosting) -> PostResult:
        """Wait until the transaction's own workflow has brought it to its end.

        Idempotency: reads only. Timeouts: an hour, then again.
        """
        while True:
            async with self._world.database.transaction() as session:
                row = await session.get(LedgerRow, request.transaction)
            if row is not None and row.status in _ENDED:
                return PostResult(status=row.status, documents=row.documents or [], detail=row.error or "")
            activity.heartbeat()
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _draft(self, request: PostRequest) -> LedgerRow:
        transaction = request.transaction
        async with self._world.database.transaction() as session:
            version = request.standing_version
            signed = await site_read.definition_version(session, version) if version else None
            row = await ledger.draft(
                session,
                {
                    "id": transaction.id,
                    "key": transaction.key,
                    "exception_id": transaction.exception_id,
                    "step": request.step,
                    "system": transaction.system.value,
                    "outcomes": [outcome.model_dump(mode="json") for outcome in transaction.outcomes],
                    "decision": transaction.decision,
                    "standing_version": version,
                    "standing_grantor": signed.signed_off_by if signed else "",
                    "status": "drafted",
                    "attempts": 0,
                    "drafted_at": self._world.now(),
                },
            )
            if row.status not in _ENDED:
                row.status, row.attempts = "posting", row.attempts + 1
        return row

    async def _posted(self, request: PostRequest, receipt: Receipt) -> PostResult:
        await self._note(
            request,
            status="posted",
            documents=receipt.documents,
            receipt=receipt.model_dump(mode="json"),
            posted_at=self._world.now(),
            error=None,
        )
        return PostResult(status="posted", documents=receipt.documents)

    async def _rejected(self, request: PostRequest, detail: str) -> PostResult:
        await self._note(request, status="rejected", error=detail)
        return PostResult(status="rejected", detail=detail)

    async def _waits(self, request: PostRequest, row: LedgerRow, error: MosError) -> None:
        """An operator has to mend something first: it is said once and tried until then."""
        if row.error != error.message:
            await self._note(request, status="posting", error=error.message)

    async def _note(self, request: PostRequest, **values: Json) -> None:
        transaction = request.transaction
        async with self._world.database.transaction() as session:
            await ledger.move(session, transaction.id, **values)
            fact = {"at": self._world.now(), "kind": f"transaction.{values['status']}", "actor": "mos"}
            data = {"key": transaction.key, "decision": transaction.decision, "documents": values.get("documents")}
            await ledger.audit(session, fact | {"subject": transaction.id, "data": data})
            await exceptions.changed(session, transaction.exception_id)
