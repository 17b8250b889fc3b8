"""The Temporal workflow of one transaction to the ERP or MES: it outlives the exception that asked for it.

Its state is its ledger row; the activity moves that on as far as it goes. What is left to the workflow is time: systems
that are down, windows and limits, its place in the line, people who look again.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, RetryState

with workflow.unsafe.imports_passed_through():
    from activities.contracts import calls
    from activities.contracts.model import PostRequest, PostResult

_FIRST = timedelta(minutes=1)  # until a worker takes the first attempt
_LONGEST = timedelta(minutes=1)  # between two looks, when nobody says when


@workflow.defn(name=calls.TRANSACTION_WORKFLOW)
class TransactionWorkflow:
    """Posts once. The activity looks the key up before every further attempt; a refusal is a result, not a failure."""

    def __init__(self) -> None:
        self._nudged = False

    @workflow.run
    async def run(self, request: PostRequest) -> PostResult:
        """The system's answer, however long it is down."""
        waits, watched = 0, request.watched
        while True:
            self._nudged = False
            result = await (_once(request) if watched else _advance(request))
            if result.status != "waiting":
                return result
            if watched:
                watched = False
                await _say_slow(request)
            await self._wait(result.again_s, waits)
            waits += 1
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request.model_copy(update={"watched": False, "projection": None}))

    @workflow.signal
    def nudge(self) -> None:
        """Something it waits for has changed: look again now."""
        self._nudged = True

    async def _wait(self, again_s: float, waits: int) -> None:
        """Longer each time, so that a long line costs little; a nudge ends it. 0 = until a nudge."""
        pause = pause_of(again_s, waits)
        try:
            await workflow.wait_condition(lambda: self._nudged, timeout=pause if again_s else None)
        except TimeoutError:
            return


def pause_of(again_s: float, waits: int) -> timedelta:
    """How long it waits for the `waits`-th time when it is to look again after `again_s`."""
    pause = timedelta(seconds=again_s)
    return pause if pause >= _LONGEST else min(pause * 2 ** min(waits, 10), _LONGEST)


async def _advance(request: PostRequest) -> PostResult:
    try:
        return await _post(request)
    except ActivityError as error:
        return _rejected(error)


async def _once(request: PostRequest) -> PostResult:
    """The first attempt by itself: the exception hears when that was not enough."""
    try:
        return await _post(
            request, schedule_to_start_timeout=_FIRST, retry_policy=replace(calls.POST.retry, maximum_attempts=1)
        )
    except ActivityError as error:
        if error.retry_state == RetryState.NON_RETRYABLE_FAILURE:
            return _rejected(error)
        return PostResult(status="waiting", again_s=calls.POST.retry.initial_interval.total_seconds())


async def _post(request: PostRequest, **options: Any) -> PostResult:
    result: PostResult = await workflow.execute_activity(
        calls.POST.name,
        request,
        result_type=PostResult,
        start_to_close_timeout=calls.POST.start_to_close,
        heartbeat_timeout=calls.POST.heartbeat,
        **{"retry_policy": calls.POST.retry, **options},
    )
    return result


def _rejected(error: ActivityError) -> PostResult:
    cause = error.__cause__
    detail = cause.message if isinstance(cause, ApplicationError) else str(cause)
    return PostResult(status="rejected", detail=detail)


async def _say_slow(request: PostRequest) -> None:
    """To the exception, which has left watching the time to us until now; it may be over."""
    parent = workflow.info().parent
    if parent is None:
        return
    try:
        await workflow.get_external_workflow_handle(parent.workflow_id).signal(
            calls.SLOW_SIGNAL, request.transaction.id
        )
    except FailureError:
        return
