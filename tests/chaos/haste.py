"""The waits after a crash, cut short: how long they are changes nothing in what must be true after them.

In production: a workflow task of a dead worker 10 s, its workflows' own queue 4 s, a claimed message 8 s, a posting or
proposal 5 s; a posting that goes on failing is tried again every 30 s, and read back 10 s after it was made; a
reconciliation 2 min.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

_SOON = timedelta(seconds=2)


def shorten() -> None:
    """In a worker process, before it starts."""
    from temporalio.client import Client
    from temporalio.worker import Worker

    import activities.reconciling as reconciling
    import activities.sender as sender
    import infra.processes.worker as process
    import intake.pump as pump
    import store.write.books.reconciliation as runs
    from activities.contracts import calls

    start = Client.start_workflow

    async def start_workflow(self: Client, *args: Any, **kwargs: Any) -> Any:
        return await start(self, *args, **kwargs, task_timeout=_SOON)

    def make(*args: Any, **kwargs: Any) -> Worker:
        return Worker(*args, **kwargs | {"sticky_queue_schedule_to_start_timeout": _SOON})

    Client.start_workflow = start_workflow  # type: ignore[method-assign]
    process.Worker = make  # type: ignore[assignment,attr-defined]
    sender._LEASE, sender._IDLE_S, pump._IDLE_S = _SOON, 0.2, 0.2
    reconciling._SETTLED, reconciling._EVERY_S = timedelta(seconds=0.5), 0.5
    runs._DEAD = 5 * _SOON
    again = replace(calls.POST.retry, maximum_interval=_SOON)
    calls.POST = replace(calls.POST, heartbeat=_SOON, retry=again)
    calls.PROPOSE = replace(calls.PROPOSE, heartbeat=_SOON)
