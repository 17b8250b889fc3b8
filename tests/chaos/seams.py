"""Seams of the product's processes where a test may let them die: each commit, send and acknowledgement on the path.

Product code knows nothing of this: `install` wraps the few functions that everything goes through. A seam fires when a
test has armed it (a file); firing takes the file away first, so that each armed crash happens once.
"""

import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

COMMITS = {
    "intake.signals.receive": "signal.commit",
    "intake.answers.receive": "answer.commit",
    "intake.answers.receive_console": "console.commit",
    "intake.delivery.receive": "report.commit",
    "intake.pump.Pump._correlate": "correlate.commit",
    "intake.pump.Pump._delivered": "delivered.commit",
    "intake.pump.Pump._deliver_answer": "answered.commit",
    "activities.context.ContextActivities.gather": "gather.commit",
    "activities.context.ContextActivities.record": "record.commit",
    "activities.context.ContextActivities.close": "close.commit",
    "activities.people.PeopleActivities.tell": "tell.commit",
    "activities.people.PeopleActivities.settle": "settle.commit",
    "activities.planning.PlanningActivities.propose": "propose.commit",
    "activities.posting_life.Life.drafted": "draft.commit",
    "activities.sender.Sender._claim": "claim.commit",
    "activities.sender.Sender._finish": "sent.commit",
}
"""Which transaction is which seam, by the function that opens it."""
MOVES = "activities.posting_life.Life.move"
EVENTS = ("preview", "authorise", "recheck", "send", "post")
"""What moves a transaction on its straight way: each is a seam of its own, `send.commit`."""


class Traps:
    """`armed/` holds a file a seam (`worker.tell.commit.before`), with how often to pass it by and whom to kill."""

    def __init__(self, folder: Path, process: str) -> None:
        self._armed, self._fired, self._process = folder / "armed", folder / "fired", process

    def at(self, seam: str, when: str) -> None:
        """Die here, or let another process die here, if this is armed."""
        file = self._armed / f"{self._process}.{seam}.{when}"
        try:
            order = json.loads(file.read_text())
        except FileNotFoundError:
            return
        if order["skip"]:
            part = file.with_suffix(".part")
            part.write_text(json.dumps(order | {"skip": order["skip"] - 1}))
            part.rename(file)
            return
        victim = order["victim"] or os.getpid()
        file.rename(self._fired / file.name)
        os.kill(victim, signal.SIGKILL)

    def around(self, owner: Any, name: str, seam: str | Callable[..., str]) -> None:
        """Wrap an async function of a class or module; `seam` may be worked out from its arguments."""
        inner: Callable[..., Awaitable[Any]] = getattr(owner, name)

        @functools.wraps(inner)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            called = seam(*args, **kwargs) if callable(seam) else seam
            self.at(called, "before")
            result = await inner(*args, **kwargs)
            self.at(called, "after")
            return result

        setattr(owner, name, wrapped)


def install(traps: Traps, process: str) -> None:
    """Put the seams of this process in place."""
    _commits(traps)
    {"api": _answers_over_http, "worker": _talks_to_the_world, "listener": _acknowledgements}[process](traps)


def _commits(traps: Traps) -> None:
    from store.db import Database

    inner = Database.transaction

    def transaction(self: Database) -> AbstractAsyncContextManager[Any]:
        caller = sys._getframe(1)
        opened_by = f"{caller.f_globals['__name__']}.{caller.f_code.co_qualname}"
        seam = f"{caller.f_locals['event'].value}.commit" if opened_by == MOVES else COMMITS.get(opened_by)
        return inner(self) if seam is None else _watched(traps, inner(self), seam)

    Database.transaction = transaction  # type: ignore[assignment,method-assign]


@contextlib.asynccontextmanager
async def _watched(traps: Traps, transaction: AbstractAsyncContextManager[Any], seam: str) -> AsyncIterator[Any]:
    async with transaction as session:
        yield session
        traps.at(seam, "before")
    traps.at(seam, "after")


def _talks_to_the_world(traps: Traps) -> None:
    """Temporal, the vendors of messages, ERP and MES; and what a worker reports back to Temporal."""
    from temporalio.bridge.worker import Worker

    from connectors.mes_http.connector import MesSystem
    from connectors.slack.connector import SlackChannel
    from connectors.tryton.connector import TrytonSystem
    from connectors.twilio.connector import TwilioChannel
    from intake.deliver import Deliverer

    traps.around(Deliverer, "start", "start")
    traps.around(Deliverer, "join", "join")
    traps.around(Deliverer, "answer", "answer")
    traps.around(SlackChannel, "send", "slack.send")
    traps.around(SlackChannel, "edit", "slack.edit")
    traps.around(TwilioChannel, "send", "sms.send")
    traps.around(TrytonSystem, "post", "erp.post")
    traps.around(MesSystem, "post", "mes.post")
    traps.around(Worker, "complete_workflow_activation", "workflow.report")
    traps.around(Worker, "complete_activity_task", "activity.report")


def _acknowledgements(traps: Traps) -> None:
    """The listener tells the broker that a message is safe."""
    from connectors.mqtt.client import MqttClient

    inner = MqttClient.done

    def done(self: MqttClient, message: Any) -> None:
        traps.at("mqtt.ack", "before")
        inner(self, message)
        traps.at("mqtt.ack", "after")

    MqttClient.done = done  # type: ignore[method-assign]


def _answers_over_http(traps: Traps) -> None:
    """What the door answers to a machine or a vendor: before its first byte, after its last."""
    import infra.processes.api as process

    make = process.create_app  # type: ignore[attr-defined]

    def create_app(deps: Any) -> Any:
        app = make(deps)

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["method"] != "POST":
                await app(scope, receive, send)
                return
            path = scope["path"].strip("/").split("/")
            seam = f"http.{path[0]}.{path[-1]}"

            async def answer(event: Any) -> None:
                if event["type"] == "http.response.start":
                    traps.at(seam, "before")
                await send(event)
                if event["type"] == "http.response.body" and not event.get("more_body"):
                    traps.at(seam, "after")

            await app(scope, receive, answer)

        return watched

    process.create_app = create_app  # type: ignore[attr-defined]
