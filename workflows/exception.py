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
from temporalio.exceptions import ApplicationError, ChildWorkflowError, FailureError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.contracts import calls
    from activities.contracts.agents import AgentAnswer, AgentRequest
    from activities.contracts.model import (
        Answer,
        AnswerResult,
        Authorised,
        AuthoriseRequest,
        AwaitPosting,
        CloseRequest,
        CloseResult,
        Command,
        CommandResult,
        ExceptionInput,
        GatherRequest,
        GatherResult,
        JoinBatch,
        JoinResult,
        People,
        PostRequest,
        PostResult,
        ProposeRequest,
        SettleRequest,
        TellRequest,
        Told,
        WhoRequest,
    )
    from activities.contracts.saved import Saved
    from activities.contracts.story import Projection
    from domain.values import Json
    from workflows.engine import migrating, saving
    from workflows.engine.interpreter import Interpreter
    from workflows.engine.runtime import EffectFailedError, RenewingError

Result = TypeVar("Result")
_UPDATES = 1500  # a run refuses its 2,001st Update
_EVENTS = 20_000  # the server suggests the end much earlier; this is the belt beside the braces


class TemporalRuntime:
    """The interpreter's port on Temporal. Database effects are local activities, calls to other systems are not."""

    def __init__(self) -> None:
        self.updates = 0
        self._slow: dict[str, Callable[[], None]] = {}

    def now(self) -> datetime:
        return workflow.now()

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        if until():  # a wait of no time would give up before it looked
            return True
        try:
            await workflow.wait_condition(until, timeout=within)
            held = True
        except TimeoutError:
            held = False
        _still_wanted()
        return held

    def full(self) -> bool:
        info = workflow.info()
        suggested = info.is_continue_as_new_suggested() or info.get_current_history_length() > _EVENTS
        return suggested or self.updates >= _UPDATES

    def quiet(self) -> bool:
        return workflow.all_handlers_finished()

    async def gather(self, request: GatherRequest) -> GatherResult:
        call = replace(calls.GATHER, start_to_close=calls.GATHER.start_to_close + request.longest)
        return await _call(call, request, GatherResult)

    async def who(self, request: WhoRequest) -> People:
        return await _call(calls.WHO, request, People)

    async def tell(self, request: TellRequest) -> Told:
        return await _call(calls.TELL, request, Told)

    async def settle(self, request: SettleRequest) -> None:
        await _call(calls.SETTLE, request, type(None))

    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        return await _call(calls.AUTHORISE, request, Authorised)

    async def propose(self, request: ProposeRequest) -> Json:
        return await _call(calls.PROPOSE, request, dict)

    async def agent(self, request: AgentRequest) -> AgentAnswer:
        within = timedelta(seconds=request.within_s)
        longest = within + calls.AGENT.start_to_close  # the agent has its time; we have ours to write it down
        call = replace(calls.AGENT, start_to_close=longest, within=longest)
        return await _call(call, request, AgentAnswer)

    async def post(self, request: PostRequest, *, started: bool, slow: Callable[[], None]) -> PostResult:
        """A workflow of its own, which outlives this one and every run of it; its id is the transaction's."""
        if started:
            waited = AwaitPosting(transaction=request.transaction.id)
            return await _call(calls.AWAIT_POSTING, waited, PostResult)
        self._slow[request.transaction.id] = slow
        try:
            posted: PostResult = await workflow.execute_child_workflow(
                calls.TRANSACTION_WORKFLOW,
                request,
                id=request.transaction.id,
                result_type=PostResult,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
            )
            return posted
        except ChildWorkflowError as error:
            _still_wanted()
            raise _failed(error) from error
        finally:
            self._slow.pop(request.transaction.id, None)

    def slow(self, transaction: str) -> None:
        """A watched posting says that it takes longer."""
        if transaction in self._slow:
            self._slow[transaction]()

    async def record(self, projection: Projection) -> None:
        await _call(calls.RECORD, projection, type(None))

    async def close(self, request: CloseRequest) -> CloseResult:
        return await _call(calls.CLOSE, request, CloseResult)


def _still_wanted() -> None:
    """A task that is cancelled in the moment its wait ends gets the wait's result instead (asyncio.wait_for before
    Python 3.12), and one that is cancelled while it waits for an effect gets the effect's error: it would go on, and
    whoever stopped it would wait for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _call(call: calls.Call, request: BaseModel, result: type[Result]) -> Result:
    options: dict[str, Any] = {"start_to_close_timeout": call.start_to_close, "retry_policy": call.retry}
    if call.heartbeat:
        options["heartbeat_timeout"] = call.heartbeat
    if call.within:
        options["schedule_to_close_timeout"] = call.within
    if call.local:  # cancelled or not: a message is either queued or not when the next effect is asked for
        options["cancellation_type"] = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    start = workflow.execute_local_activity if call.local else workflow.execute_activity
    try:
        found: Result = await start(call.name, request, result_type=result, **options)
    except FailureError as error:  # of a local one the cause itself, of others wrapped in an ActivityError
        _still_wanted()
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
    """Runs the interpreter and hands it what comes in; continues as new before Temporal's limits."""

    def __init__(self) -> None:
        self._interpreter: Interpreter | None = None
        self._runtime = TemporalRuntime()

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> str:
        """`ExceptionInput`, and `Saved` when an earlier run went before; the result says how it ended."""
        read = workflow.payload_converter().from_payload
        given: ExceptionInput = read(args[0].payload, ExceptionInput)
        saved: Saved | None = read(args[1].payload, Saved) if len(args) > 1 else None
        interpreter = self._interpreter = Interpreter(given, self._runtime, saved)
        ending = await interpreter.run()
        if ending:
            await workflow.wait_condition(workflow.all_handlers_finished)
            return ending
        state, following = saving.save(interpreter), interpreter.migration
        if following is not None:
            state = migrating.apply(interpreter, state, following.definition)
        workflow.continue_as_new(args=[following or given, state])

    @workflow.update
    async def join(self, batch: JoinBatch) -> JoinResult:
        """Signals that join this exception."""
        return await (await self._ready()).join(batch)

    @workflow.update
    async def answer(self, answer: Answer) -> AnswerResult:
        """A person's answer to one of the tasks."""
        interpreter = await self._ready()
        try:
            return await interpreter.answer(answer)
        except RenewingError as error:
            raise ApplicationError(error.message, type=error.code) from error

    @workflow.update
    async def command(self, command: Command) -> CommandResult:
        """A person steers the exception."""
        return await (await self._ready()).command(command)

    @workflow.signal(name=calls.SLOW_SIGNAL)
    def slow(self, transaction: str) -> None:
        """A posting of this exception does not end at its first attempt."""
        self._runtime.slow(transaction)

    @join.validator
    def _join_now(self, batch: JoinBatch) -> None:
        self._now()

    @answer.validator
    def _answer_now(self, answer: Answer) -> None:
        self._now()

    @command.validator
    def _command_now(self, command: Command) -> None:
        self._now()

    def _now(self) -> None:
        """A run that is about to end takes no more: the sender tries again, and reaches the next one."""
        if self._interpreter is not None:
            try:
                self._interpreter.refuse_when_renewing()
            except RenewingError as error:
                raise ApplicationError(error.message, type=error.code) from error

    async def _ready(self) -> Interpreter:
        """Updates may arrive with the first task, before `run` had its turn."""
        self._runtime.updates += 1
        await workflow.wait_condition(lambda: self._interpreter is not None)
        if self._interpreter is None:
            raise asyncio.InvalidStateError("the interpreter is not there yet")
        return self._interpreter
