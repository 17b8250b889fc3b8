"""The names, deadlines and retries of every activity, in one place. Local = without a history event of its own."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

NEVER_AGAIN = ["ConfigError", "RejectedError", "InvalidPayloadError", "InvariantError", "AuthError", "NotFoundError"]


@dataclass(frozen=True)
class Call:
    """An activity as workflows call it. `heartbeat`: silent for so long, its worker is taken for dead. `within`: with
    all its tries, and with the time until a worker takes it."""

    name: str
    local: bool
    start_to_close: timedelta
    retry: RetryPolicy
    heartbeat: timedelta | None = None
    within: timedelta | None = None


def _local(name: str, seconds: float) -> Call:
    """Database work in this worker: quick, retried until the database is back."""
    retry = RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=5),
        non_retryable_error_types=NEVER_AGAIN,
    )
    return Call(name, True, timedelta(seconds=seconds), retry)


def _remote(name: str, seconds: float, attempts: int = 0, within: timedelta | None = None) -> Call:
    """A call to another system: retried with growing pauses; `attempts` 0 = until it answers."""
    retry = RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=30),
        maximum_attempts=attempts,
        non_retryable_error_types=NEVER_AGAIN,
    )
    return Call(name, False, timedelta(seconds=seconds), retry, timedelta(seconds=5), within)


GATHER = _local("gather", 8)
TELL = _local("tell", 8)
SETTLE = _local("settle", 8)
AUTHORISE = _local("authorise", 8)
RECORD = _local("record", 8)
CLOSE = _local("close", 8)
WHO = _local("who", 8)
PROPOSE = _remote("propose", 20, attempts=6, within=timedelta(minutes=3))
AGENT = _remote("agent", 8, attempts=3)  # and the time that its author gives it
POST = _remote("post", 30)
AWAIT_POSTING = _remote("await_posting", 3600)

ALL = (GATHER, TELL, SETTLE, AUTHORISE, RECORD, CLOSE, WHO, PROPOSE, AGENT, POST, AWAIT_POSTING)
TRANSACTION_WORKFLOW = "mos.transaction"
SLOW_SIGNAL = "slow"
"""From a transaction's workflow to the exception that it watches for: it does not end at its first attempt."""
