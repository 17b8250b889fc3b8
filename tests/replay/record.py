"""Record the histories that tests/replay replays: `python -m tests.replay.record [name ...]` (all without a name).

Each is a real run of a shipped definition on real servers. Stack traces are left out: they name folders of the machine.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from domain.rosters.people import ChannelName, Person
from domain.values import iso
from intake import own_signals, signals
from store.db import Database
from store.tables import ExceptionRow
from tests.replay.small import SMALL, play
from tests.support.eventually import eventually
from tests.support.plant import RUNNING, Plant, publish_all, run_plant, utcnow
from tests.support.servers import POSTGRES, TEMPORAL, Postgres, Temporal
from tests.support.silence import nobody_answers, skipping_server
from tests.support.stories import breakdown, quality_hold, rush_order

HISTORIES = Path(__file__).with_name("histories")
_CLOSES_EARLY = "\ncloses: {when: machine.state == 'running'}\n"


async def all_decline(plant: Plant) -> None:
    exception = await plant.break_machine()
    for person in ("jonas", "amira", "piotr"):
        await plant.asked("repair", person)
        channel = ChannelName.SMS if person == "amira" else ChannelName.SLACK
        await plant.press(person, "repair", "decline", channel)
    await plant.asked("repair", "sofia")
    await plant.press("sofia", "repair", "answer:estimate:4h")
    await plant.press("mei", "plan_decision", "approve:push_right")  # refused
    await plant.press("lena", "plan_decision", "reject")
    await plant.state("lathe-1", RUNNING)
    await plant.press("sofia", "repair", "done", cause="belt")
    await plant.closed(exception)


async def runs_again(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.press("jonas", "repair", "accept")
    await plant.state("lathe-1", RUNNING)
    await plant.closed(exception)


async def erp_down(plant: Plant) -> None:
    plant.erp.down = True
    exception = await plant.fail_inspection()

    async def tried_again() -> bool:
        return len(plant.erp.looked_up) > 0

    await eventually(tried_again, "the posting is tried again")
    plant.erp.down = False
    await plant.press("grace", "disposition", "approve:scrap", ChannelName.CONSOLE)
    await plant.closed(exception)


async def erp_refuses(plant: Plant) -> None:
    plant.erp.trouble.extend(["refuse", "swallow_answer"])
    await quality_hold(plant)


@dataclass(frozen=True)
class Run:
    """A story, on the shipped definitions or on edited ones."""

    play: Callable[[Plant], Awaitable[Any]]
    closes_early: bool = False


async def material_shortage(plant: Plant) -> None:
    """Nobody finds it, the planner holds the order, the customer agrees."""
    needed = iso(utcnow() + timedelta(hours=4))
    data = {"material": "BAR-40", "job_order": "JO-1001", "unit": "kg", "missing": 12, "needed": needed}
    exception = await plant.opened_by(await plant.event("material.short", data))
    await plant.press("tomas", "find", "answer:outcome:not_to_be_had", ChannelName.SMS)
    await plant.press("mei", "agree", "answer:answer:accepts_later")
    await plant.press("lena", "what_waits", "approve:hold")
    await plant.closed(exception)


async def late_order(plant: Plant) -> None:
    """The planner puts it first."""
    due, expected = iso(utcnow() + timedelta(hours=4)), iso(utcnow() + timedelta(hours=9))
    data = {"job_order": "JO-1001", "material": "GS-40", "due": due, "expected": expected, "reason": "setup took long"}
    exception = await plant.opened_by(await plant.event("joborder.late", data))
    await plant.press("lena", "course", "approve:hurry")
    await plant.closed(exception)


async def nobody_to_ask(plant: Plant) -> None:
    """All decline a repair; the site's owner sees to it. The breakdown itself goes on."""
    exception = await plant.break_machine()
    for person in ("jonas", "amira", "piotr", "sofia"):
        await plant.asked("repair", person)
        channel = ChannelName.SMS if person == "amira" else ChannelName.SLACK
        await plant.press(person, "repair", "decline", channel)
    await plant.asked("see_to_it", "sofia")
    await plant.press("sofia", "see_to_it", "done", outcome="called the night crew")
    await plant.told(exception, "owner_called", task="repair")


async def operator_report(plant: Plant) -> None:
    """Mei reports, Piotr hands it to Sofia, she looks at it."""
    person = Person(id="mei", name="Mei Tanaka", roles=[])
    raw = own_signals.report(person, "oil under the lathe", "lathe-1", 1, utcnow())
    await signals.receive(plant.database, [raw], utcnow())
    exception = await plant.opened_by(raw.event_id)
    await plant.press("piotr", "triage", "accept")
    await plant.press("piotr", "triage", "hand_over", to="sofia")
    await plant.asked("triage", "sofia")
    await plant.press("sofia", "triage", "accept")
    await plant.press("sofia", "triage", "answer:verdict:seen_to")
    await plant.closed(exception)


async def ledger_difference(plant: Plant) -> None:
    """The ERP refuses a posting; who keeps the ledger says what was done."""
    plant.erp.trouble.append("refuse")
    await plant.fail_inspection()
    await plant.press("sofia", "see_to_it", "accept")
    await plant.press("sofia", "see_to_it", "done", outcome="written_off", reason="booked by hand")
    (opened,) = await plant.rows(select(ExceptionRow).where(col(ExceptionRow.definition) == "ledger_difference"))
    await plant.closed(opened.id)


def _at_once(text: str) -> str:
    """Without its on-delay."""
    return text.replace("settle: 5m", "settle: 0s").replace("settle_for: 30s", "settle_for: 0s")


RUNS = {
    "breakdown": Run(breakdown),
    "breakdown_all_decline": Run(all_decline),
    "breakdown_runs_again": Run(runs_again, closes_early=True),
    "quality_hold": Run(quality_hold),
    "quality_hold_erp_down": Run(erp_down),
    "quality_hold_erp_refuses": Run(erp_refuses),
    "rush_order": Run(rush_order),
    "material_shortage": Run(material_shortage),
    "late_order": Run(late_order),
    "nobody_to_ask": Run(nobody_to_ask),
    "operator_report": Run(operator_report),
    "ledger_difference": Run(ledger_difference),
}
SILENCE = "breakdown_nobody_answers"


async def record(name: str, postgres: Postgres, temporal: Temporal) -> None:
    """Play the story and write the history of every workflow that took part."""
    if name in SMALL:
        client = await temporal.client()
        await play(client, name)
        return _write(name, await histories(client))
    async with _database(postgres) as database:
        if name == SILENCE:
            async with skipping_server() as environment:
                assert await nobody_answers(database, environment) == "expired"
                found = await histories(environment.client, await _workflow_ids(database))
        else:
            run, client = RUNS[name], await temporal.client()

            def edit(text: str) -> str:
                text = _at_once(text)
                return text + _CLOSES_EARLY if run.closes_early and "definition: breakdown" in text else text

            await publish_all(database, edit=edit)
            async with run_plant(database, client) as plant:
                await run.play(plant)
            found = await histories(client)
    return _write(name, found)


def _write(name: str, found: dict[str, Any]) -> None:
    (HISTORIES / f"{name}.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    events = sum(len(history["events"]) for history in found.values())
    print(f"{name}: {len(found)} workflows, {events} events")


async def _workflow_ids(database: Database) -> list[str]:
    """The time-skipping server can't list."""
    async with database.transaction() as session:
        return list((await session.scalars(select(col(ExceptionRow.workflow_id)))).all())


async def histories(client: Client, known: list[str] | None = None) -> dict[str, Any]:
    """By workflow id, what `WorkflowHistory.to_json` gives, without stack traces."""
    found: dict[str, Any] = {}
    if known is not None:
        for name in known:
            found[name] = await _history(client, name, None)
        return found
    async for run in client.list_workflows():  # the newest first; a run that was renewed is another history
        name = f"{run.id}#{run.run_id[-4:]}" if run.id in found else run.id
        found[name] = await _history(client, run.id, run.run_id)
    return found


async def _history(client: Client, workflow_id: str, run_id: str | None) -> Any:
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    return _without_traces(json.loads(history.to_json()))


def _without_traces(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_traces(item) for key, item in value.items() if key != "stackTrace"}
    return [_without_traces(item) for item in value] if isinstance(value, list) else value


@contextlib.asynccontextmanager
async def _database(postgres: Postgres) -> AsyncIterator[Database]:
    with postgres.database() as url:
        database = Database(url, pool_size=5)
        try:
            yield database
        finally:
            await database.close()


def main(names: list[str]) -> None:
    with POSTGRES.use() as postgres, TEMPORAL.use() as temporal:
        for name in names or [*RUNS, SILENCE, *SMALL]:
            asyncio.run(record(name, postgres, temporal))


if __name__ == "__main__":
    main(sys.argv[1:])
