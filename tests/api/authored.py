"""The demo site with its people and `breakdown` live as v1: where definitions are written and signed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import workflows
from admin.publish import import_roster, publish_definition, publish_site
from domain.values import iso
from infra.scenarios import DEMO_SITE
from infra.site_folder import read_yaml
from store.db import Database
from store.tables import InboxRow
from tests.api.seeding import HASH, NOW

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
