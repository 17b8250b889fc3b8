"""The Temporal workflow of one transaction to the ERP or MES: it outlives the exception that asked for it."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import calls
    from activities.contracts.model import PostRequest, PostResult


@workflow.defn(name=calls.TRANSACTION_WORKFLOW)
class TransactionWorkflow:
    """Posts once. The activity looks the key up before every further attempt; a refusal is a result, not a failure."""

    @workflow.run
    async def run(self, request: PostRequest) -> PostResult:
        """The system's answer, however long it is down."""
        try:
            posted: PostResult = await workflow.execute_activity(
                calls.POST.name,
                request,
                result_type=PostResult,
                start_to_close_timeout=calls.POST.start_to_close,
                heartbeat_timeout=calls.POST.heartbeat,
                retry_policy=calls.POST.retry,
            )
            return posted
        except ActivityError as error:
            cause = error.__cause__
            detail = cause.message if isinstance(cause, ApplicationError) else str(cause)
            return PostResult(status="rejected", detail=detail)
