"""Our errors for Temporal, mapped once: the type is the class's own name, which retry policies match exactly."""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import MosError, RateLimitedError


class ErrorInterceptor(Interceptor):
    """Wraps every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Mapping(next)


class _Mapping(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except MosError as error:
            pause = timedelta(seconds=error.retry_after) if isinstance(error, RateLimitedError) else None
            message = f"{error.message} {error.detail}".strip()
            raise ApplicationError(message, type=type(error).__name__, next_retry_delay=pause) from error
