"""Delivery: correlated inbox rows go to their exception's workflow, in inbox order, one batch at a time.

Starting is idempotent (the workflow id holds the exception id, reuse is refused), and so is every Update (its id holds
the inbox number), so a crash between Temporal's answer and our commit repeats nothing, and neither does giving up on a
start or an Update that takes too long: asked again, it gives the same result.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.model import (
    Answer,
    AnswerResult,
    Command,
    CommandResult,
    ExceptionInput,
    JoinBatch,
    JoinResult,
    OpeningSignal,
)
from domain.errors import TransientError
from domain.language.definition import Definition
from domain.site import Site
from intake.correlate import site_facts
from store.tables import ExceptionRow, InboxRow

TASK_QUEUE = "mos"
PATIENCE_S = 20.0  # more than a worker in a storm needs; an Update to a workflow whose task fails may hang for ever
RENEWING = "mos.renewing"  # the workflow is about to continue as new: its next run takes the message
_NEXT_RUN_S = 0.05
Result = TypeVar("Result")


class NotTakenError(TransientError):
    """This exception's workflow does not take what it is given; others may. Nothing is lost: give it again later."""

    code = "mos.not_taken"


class Deliverer:
    """Speaks to Temporal for the pump. Raises NotTakenError when this one workflow takes nothing, another
    TransientError when Temporal is out of reach."""

    def __init__(self, client: Client, *, patience_s: float = PATIENCE_S, generation: int = 1) -> None:
        self._client, self._patience_s, self._generation = client, patience_s, generation

    async def start(self, row: ExceptionRow, definition: Definition, site: Site, signals: Sequence[InboxRow]) -> bool:
        """Start the workflow with these signals; False when it was started before (they must then join)."""
        given = _input(row, definition, site, signals, self._generation)
        try:
            await self._client.start_workflow(
                row.definition,
                given,
                id=row.workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                request_eager_start=True,
                rpc_timeout=timedelta(seconds=self._patience_s),
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            raise _not_delivered("it was not started", error) from error
        return True

    async def join(self, row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult | None:
        """Hand signals to a running exception; None when Temporal knows no such workflow (any more)."""
        batch = JoinBatch(signals=[opening_signal(signal) for signal in signals])
        update_id = f"join-{batch.signals[-1].seq}"
        return await self._update(row, "join", batch, update_id, JoinResult)

    async def answer(self, row: ExceptionRow, answer: Answer) -> AnswerResult | None:
        """Hand an answer to a running exception; None when it is over or lost."""
        return await self._update(row, "answer", answer, f"answer-{answer.seq}", AnswerResult)

    async def command(self, row: ExceptionRow, command: Command) -> CommandResult | None:
        """Let a person steer a running exception; None when it is over or lost."""
        return await self._update(row, "command", command, f"command-{command.seq}", CommandResult)

    async def is_known(self, row: ExceptionRow) -> bool:
        """Does Temporal know this workflow, running or ended?"""
        try:
            await self._client.get_workflow_handle(row.workflow_id).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise TransientError(f"Temporal does not answer: {error.message}") from error
        return True

    async def _update(
        self, row: ExceptionRow, name: str, argument: object, update_id: str, result: type[Result]
    ) -> Result | None:
        handle = self._client.get_workflow_handle(row.workflow_id)
        update = handle.execute_update(name, argument, id=update_id, result_type=result)
        try:
            found: Result = await asyncio.wait_for(update, self._patience_s)
            return found
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise NotTakenError(f"no answer to {update_id} within {self._patience_s:g} s") from error
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == RENEWING:
                await asyncio.sleep(_NEXT_RUN_S)
                return await self._update(row, name, argument, update_id, result)
            raise NotTakenError(f"{update_id} failed: {error.cause}") from error
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise _not_delivered(update_id, error) from error


def _not_delivered(what: str, error: RPCError) -> TransientError:
    """Temporal is away, or it answers that this very workflow can't (FAILED_PRECONDITION: its task fails)."""
    if error.status == RPCStatusCode.UNAVAILABLE:
        return TransientError(f"Temporal does not answer: {error.message}")
    return NotTakenError(f"{what}: {error.message}")


def opening_signal(row: InboxRow) -> OpeningSignal:
    """A correlated inbox row as the workflow receives it."""
    signal = row.signal
    return OpeningSignal(
        seq=row.seq or 0,
        type=signal["type"],
        subject=signal["subject"],
        equipment=signal["equipment"],
        occurred_at=row.occurred_at or row.received_at,
        received_at=row.received_at,
        facts=signal["facts"],
    )


def _input(
    row: ExceptionRow, definition: Definition, site: Site, signals: Sequence[InboxRow], generation: int
) -> ExceptionInput:
    return ExceptionInput(
        exception_id=row.id,
        site=row.site,
        version=row.version,
        definition=definition,
        key=row.key,
        priority=row.priority,
        opened_at=row.opened_at,
        signals=[opening_signal(signal) for signal in signals],
        equipment=site.describe(row.equipment) if row.equipment else {},
        parameters=site.parameters.get(definition.definition, {}),
        site_facts=site_facts(site),
        calendar=site.calendar,
        generation=generation,
    )


def answer_of(row: InboxRow, received_at: datetime) -> Answer:
    """A resolved answer row as the workflow receives it."""
    who, body = row.signal, row.body
    parts = str(body.get("task") or "").split(":")
    version = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    return Answer(
        id=row.event_id,
        seq=row.seq or 0,
        asked=who.get("asked", False),
        person=who["person"],
        person_name=who["name"],
        channel=body["channel"],
        task_id=who["task"],
        version=version,
        verb=who["verb"],
        fields=who.get("fields", body.get("fields", {})),
        received_at=received_at,
    )
