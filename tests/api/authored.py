"""The demo site with its people and `breakdown` live as v1: where definitions are written and signed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import workflows
from admin.definitions.publish import import_roster, publish_definition, publish_site
from domain.values import iso
from infra.commands.scenarios import DEMO_SITE
from infra.site_folder import read_yaml
from store.db import Database
from store.read.definitions.versions import find
from store.tables import ExceptionRow, InboxRow, TaskRow, TimelineRow
from tests.api.seeding import BREAKDOWN as OPEN
from tests.api.seeding import HASH, NOW, ago, plan_shown, repair_shown

DEFINITIONS = Path(workflows.__path__[0]) / "definitions"
BREAKDOWN = (DEFINITIONS / "breakdown.yaml").read_text(encoding="utf-8")
AUTHOR, OTHER, SIGNER = "piotr", "lena", "sofia"


async def publish_demo(database: Database) -> None:
    """Piotr and Lena write, Sofia signs; all have the test's password."""
    roster = read_yaml(DEMO_SITE / "people.yaml")
    passwords = dict.fromkeys((AUTHOR, OTHER, SIGNER), HASH)
    await import_roster(database, roster, passwords, author="admin", now=NOW)
    await publish_site(database, read_yaml(DEMO_SITE / "site.yaml"), author="admin", now=NOW)
    await publish(database, BREAKDOWN, "as shipped")


async def publish(database: Database, text: str, reason: str, author: str = "eva") -> None:
    """The next version of `breakdown`, live."""
    await publish_definition(
        database, text, "breakdown.yaml", author=author, signed_off_by=SIGNER, now=NOW, reason=reason
    )


def starved(number: int, hours_ago: float, machine: str = "lathe-1", **facts: Any) -> InboxRow:
    """A machine that waits for material, as intake keeps a signal that opened nothing."""
    at = NOW - timedelta(hours=hours_ago)
    told = {"equipment": machine, "subject": machine, "state": "suspended", "packml": 5, "unit_mode": 1}
    told |= {"stop_code": None, "stop_reason": None, "planned_stop": False, "blocked": False, "starved": True} | facts
    signal = {"type": "machine.state", "subject": machine, "equipment": machine, "facts": told}
    return InboxRow(
        source="opcua",
        event_id=f"starved-{number}",
        category="signal",
        kind="machine.state",
        body={"at": iso(at)},
        status="processed",
        occurred_at=at,
        received_at=at,
        signal=signal,
    )


async def open_breakdown(database: Database) -> str:
    """An exception under the live version, halfway: Jonas has it, Lena is asked to decide. Gives its id."""
    async with database.transaction() as session:
        live = await find(session, "breakdown", "live")
        steps = [
            {"path": "0.maintenance.0", "name": "repair", "kind": "task", "status": "running"},
            {"path": "0.planning.3.decide.0.then.0", "name": "plan_decision", "kind": "approve", "status": "running"},
            {"path": "1", "name": "", "kind": "if", "status": "next"},
        ]
        session.add(
            ExceptionRow(
                id=OPEN, site="brno", definition="breakdown", version=live.version, key="lathe-1", workflow_id="brno/1",
                title="Lathe 1 is down", priority="high", equipment="lathe-1", started=True, opened_at=ago(14),
                milestones={"signal": iso(ago(14)), "opened": iso(ago(14))},
                state={"tasks": {}, "gaps": {}, "steps": steps},
            )
        )  # fmt: skip
        await session.flush()
        story = [
            (14.0, "asked", "0.maintenance.0", None, {"people": ["Jonas Weber"], "task": "repair"}),
            (14.0, "told", "0.planning.0", None, {"people": ["Lena Fischer"], "task": "affected"}),
            (12.5, "answer", "0.maintenance.0", "jonas", {"verb": "accept", "fields": {}, "task": "repair"}),
            (8.0, "waited", "0.planning.1", None, {"met": True}),
            (7.9, "proposed", "0.planning.2", None, {"options": ["Push everything right"], "orders": []}),
            (7.9, "asked", "0.planning.3.decide.0.then.0", None, {"people": ["Lena Fischer"], "task": "plan_decision"}),
            (7.9, "told", "0.planning.3.materials.0.then.0", None, {"people": ["Tomas Ruiz"], "task": "staging"}),
        ]
        for number, (minutes, kind, step, person, data) in enumerate(story, 1):
            session.add(
                TimelineRow(
                    exception_id=OPEN, entry=number, at=ago(minutes), kind=kind, step=step, person=person, data=data
                )
            )
        session.add_all([_task(repair_shown(), 14.0, "jonas"), _task(plan_shown(), 7.9, None, kind="approve")])
    return OPEN


def _task(shown: Any, minutes: float, person: str | None, kind: str = "task") -> TaskRow:
    return TaskRow(
        id=shown.task.split(":")[0],
        exception_id=OPEN,
        step=shown.step,
        kind=kind,
        code=shown.step[:4].upper(),
        shown=shown.model_dump(mode="json"),
        shown_hash="5" * 64,
        asked=["jonas", "amira"] if kind == "task" else ["lena"],
        person=person,
        standing="yours" if person else "open",
        opened_at=ago(minutes),
        authority="reschedule",
    )
