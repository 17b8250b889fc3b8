"""The Temporal workflow of one exception. Workflow type = the definition's name, so this one class serves them all.

Messages to it are Updates: `join` (a batch of signals) and `answer`. It has no logic of its own: the interpreter does.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, FailureError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.contracts import calls
    from activities.contracts.model import (
        Answer,
        AnswerResult,
        Authorised,
        AuthoriseRequest,
        CloseRequest,
        CloseResult,
        ExceptionInput,
        GatherRequest,
        GatherResult,
        JoinBatch,
        JoinResult,
        PostRequest,
        PostResult,
        Projection,
        ProposeRequest,
        SettleRequest,
        TellRequest,
        Told,
    )
    from domain.values import Json
    from workflows.engine.interpreter import Interpreter
    from workflows.engine.runtime import EffectFailedError

Result = TypeVar("Result")


class TemporalRuntime:
    """The interpreter's port on Temporal. Database effects are local activities, calls to other systems are not."""

    def now(self) -> datetime:
        return workflow.now()

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        if until():  # a wait of no time would give up before it looked
            return True
        try:
            await workflow.wait_condition(until, timeout=within)
        except TimeoutError:
            return False
        return True

    async def gather(self, request: GatherRequest) -> GatherResult:
        longest = timedelta(seconds=max((query.within_s for query in request.queries), default=0))
        call = replace(calls.GATHER, start_to_close=calls.GATHER.start_to_close + longest)
        return await _call(call, request, GatherResult)

    async def tell(self, request: TellRequest) -> Told:
        return await _call(calls.TELL, request, Told)

    async def settle(self, request: SettleRequest) -> None:
        await _call(calls.SETTLE, request, type(None))

    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        return await _call(calls.AUTHORISE, request, Authorised)

    async def propose(self, request: ProposeRequest) -> Json:
        return await _call(calls.PROPOSE, request, dict)

    async def post(self, request: PostRequest) -> PostResult:
        """A workflow of its own, which outlives this one; its id is the transaction's."""
        try:
            posted: PostResult = await workflow.execute_child_workflow(
                calls.TRANSACTION_WORKFLOW,
                request,
                id=request.transaction.id,
                result_type=PostResult,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
            return posted
        except ChildWorkflowError as error:
            raise _failed(error) from error

    async def record(self, projection: Projection) -> None:
        await _call(calls.RECORD, projection, type(None))

    async def close(self, request: CloseRequest) -> CloseResult:
        return await _call(calls.CLOSE, request, CloseResult)


async def _call(call: calls.Call, request: BaseModel, result: type[Result]) -> Result:
    options: dict[str, Any] = {"start_to_close_timeout": call.start_to_close, "retry_policy": call.retry}
    if call.heartbeat:
        options["heartbeat_timeout"] = call.heartbeat
    start = workflow.execute_local_activity if call.local else workflow.execute_activity
    try:
        found: Result = await start(call.name, request, result_type=result, **options)
    except ActivityError as error:
        raise _failed(error) from error
    return found


def _failed(error: FailureError) -> EffectFailedError:
    """The innermost application error says what is wrong."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    if isinstance(cause, ApplicationError):
        return EffectFailedError(cause.type or "mos.error", cause.message)
    return EffectFailedError("mos.timeout", str(error.__cause__ or error))


@workflow.defn(dynamic=True)
class ExceptionWorkflow:
    """Runs the interpreter and hands it what comes in."""

    def __init__(self) -> None:
        self._interpreter: Interpreter | None = None

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> str:
        """One argument, `ExceptionInput`; the result says how it ended."""
        given: ExceptionInput = workflow.payload_converter().from_payload(args[0].payload, ExceptionInput)
        self._interpreter = Interpreter(given, TemporalRuntime())
        ending = await self._interpreter.run()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ending

    @workflow.update
    async def join(self, batch: JoinBatch) -> JoinResult:
        """Signals that join this exception."""
        return await (await self._ready()).join(batch)

    @workflow.update
    async def answer(self, answer: Answer) -> AnswerResult:
        """A person's answer to one of the tasks."""
        return await (await self._ready()).answer(answer)

    async def _ready(self) -> Interpreter:
        """Updates may arrive with the first task, before `run` had its turn."""
        await workflow.wait_condition(lambda: self._interpreter is not None)
        if self._interpreter is None:
            raise asyncio.InvalidStateError("the interpreter is not there yet")
        return self._interpreter
