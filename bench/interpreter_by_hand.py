"""The bench's exception as a workflow written by hand: the same effects, the same child, no definition."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import calls
    from activities.contracts.model import (
        Answer,
        AnswerResult,
        CloseRequest,
        CloseResult,
        ExceptionInput,
        GatherRequest,
        GatherResult,
        PostRequest,
        PostResult,
        SettleRequest,
        TellRequest,
        Told,
        Wording,
    )
    from activities.contracts.story import Projection
    from domain.asking.messages import Standing
    from domain.books.outcomes import OutcomeTransaction, System
    from domain.rosters.people import Selector

_LOCAL = timedelta(seconds=8)


@workflow.defn(name="by_hand")
class ByHand:
    """Gather, ask, wait for the answer, settle, tell three, post, close."""

    def __init__(self) -> None:
        self._answer: Answer | None = None

    @workflow.run
    async def run(self, given: ExceptionInput) -> str:
        state = Projection(exception_id=given.exception_id, rev=1, handling="open", condition="active")
        gather = GatherRequest(exception_id=given.exception_id, queries=[], title="t", projection=state)
        await workflow.execute_local_activity(
            calls.GATHER.name, gather, result_type=GatherResult, start_to_close_timeout=_LOCAL
        )
        await self._tell(given, state, "look", "task")
        await workflow.wait_condition(lambda: self._answer is not None, timeout=timedelta(hours=24))
        await workflow.execute_local_activity(
            calls.SETTLE.name, self._settled(given, state), start_to_close_timeout=_LOCAL
        )
        for number in range(3):
            await self._tell(given, state, f"news_{number}", "notify")
        await workflow.execute_child_workflow(
            calls.TRANSACTION_WORKFLOW, _post(given), id=f"txn_{given.exception_id}", result_type=PostResult
        )
        close = CloseRequest(projection=state, highest_seq=1, at=workflow.now())
        await workflow.execute_local_activity(
            calls.CLOSE.name, close, result_type=CloseResult, start_to_close_timeout=_LOCAL
        )
        return "completed"

    @workflow.update
    async def answer(self, answer: Answer) -> AnswerResult:
        self._answer = answer
        return AnswerResult(accepted=True, code="done")

    async def _tell(self, given: ExceptionInput, state: Projection, name: str, kind: str) -> None:
        request = TellRequest(
            task_id=f"{given.exception_id}_{name}", name=name, kind=kind, selector=Selector(role="planner"),
            wording=_wording(name), projection=state,
        )  # fmt: skip
        await workflow.execute_local_activity(calls.TELL.name, request, result_type=Told, start_to_close_timeout=_LOCAL)

    def _settled(self, given: ExceptionInput, state: Projection) -> SettleRequest:
        return SettleRequest(
            task_id=f"{given.exception_id}_look", name="look", kind="task", standing=Standing.DONE, person="jonas",
            at=workflow.now(), wording=_wording("look"), closed=True, projection=state,
        )  # fmt: skip


def _wording(step: str) -> Wording:
    return Wording(definition="d", step=step, title="t", text="", facts={}, gaps=[], scope={}, priority="high")


def _post(given: ExceptionInput) -> PostRequest:
    outcomes = [{"kind": "set_priority", "job_orders": ["JO-1"], "priority": 1}]
    transaction = OutcomeTransaction.model_validate(
        {"id": f"txn_{given.exception_id}", "key": f"{given.exception_id}:5:1", "exception_id": given.exception_id,
         "system": System.ERP, "outcomes": outcomes, "decision": "dec"}
    )  # fmt: skip
    return PostRequest(transaction=transaction, step="5")
