"""The page of a transaction whose outcomes were posted one after the other: each with its receipt and its way back."""

import re
from typing import Any

from store.db import Database
from store.tables import LedgerPartRow, LedgerRow
from tests.api.seeding import NOW, PLANNER, RUSH
from tests.api.site import Browser


async def seed_parts(database: Database) -> None:
    """A decision of two outcomes whose second was refused."""
    outcomes: list[Any] = [
        {"kind": "set_priority", "job_orders": [order], "priority": 1} for order in ("JO-7001", "JO-7002")
    ]
    common: dict[str, Any] = {"exception_id": RUSH, "step": "5", "system": "mes", "drafted_at": NOW}
    part: dict[str, Any] = {"transaction": "txn_group", "attempt": 1}
    async with database.transaction() as session:
        session.add(
            LedgerRow(
                id="txn_group", key="k:g", status="dead_lettered", error="It is closed.", outcomes=outcomes, **common
            )
        )
        way: dict[str, Any] = {"reverses": "txn_group", "requested_by": "mos", "approved_by": "mos:saga"}
        session.add(LedgerRow(id="txn_way", key="k:w", status="posted", outcomes=outcomes[:1], **way, **common))
        session.add(
            LedgerPartRow(
                key="k:g/1", number=1, status="reversed", outcomes=outcomes[:1], documents=["order 12 (receipt)"],
                posted_at=NOW, reversal="txn_way", **part,
            )
        )  # fmt: skip
        session.add(
            LedgerPartRow(key="k:g/2", number=2, status="refused", outcomes=outcomes[1:], error="It is closed.", **part)
        )


async def test_each_part_is_shown_with_what_became_of_it(somebody: Browser, database: Database) -> None:
    await seed_parts(database)
    await somebody.sign_in(PLANNER)
    page = (await somebody.get("/ledger/txn_group")).text
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "order 12 (receipt)" in told
    assert "It is closed." in told
    assert 'href="/ledger/txn_way"' in page
    assert "since a later part of the decision was refused" in (await somebody.get("/ledger/txn_way")).text
