"""Two workers, two decisions on one order, and a user of the ERP who edits the same order meanwhile: nobody's change is
lost, and who decided on what stands no more sees the difference. On the real Tryton, through the ledger."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts.model import PostRequest, PostResult
from activities.posting import PostingActivities
from activities.world import World
from admin.actors import Actor
from admin.books import ledger as admin
from admin.books.deciding import Deed
from domain.books.booking import Preview
from domain.books.outcomes import Outcome, OutcomeTransaction, PlannedOrder, RescheduleOrders, SetPriority, System
from domain.errors import MosError
from infra.plant.erp.rpc import TrytonClient
from store.db import Database
from store.tables import LedgerRow
from store.write.books import ledger
from tests.connectors.tryton.conftest import Erp
from tests.support.fixtures import postgres, published, published_template
from tests.support.plant import utcnow

__all__ = ["postgres", "published", "published_template"]
ORDER = "JO-1009"
_TURNS = 1000


def worker(erp: Erp, database: Database) -> World:
    """One of the product's workers, with a session of its own in the ERP."""
    return World(database, {"erp": erp.system()}, utcnow, os.urandom, "https://mos.example", frozenset({"erp"}))


async def decided(database: Database, name: str, outcome: Outcome) -> PostRequest:
    async with database.transaction() as session:
        row = {"id": f"dec_{name}", "exception_id": "exc_two", "step": name, "task_id": "", "person": "lena"}
        said = {"channel": "console", "verdict": "approved", "authority": "reschedule", "shown_hash": "h"}
        await ledger.add_decision(session, row | said | {"at": utcnow()})
    drafted: dict[str, Any] = {"id": f"txn_{name}", "key": f"exc_two:{name}:1", "exception_id": "exc_two"}
    told = drafted | {"system": System.ERP, "outcomes": [outcome], "decision": f"dec_{name}"}
    return PostRequest(transaction=OutcomeTransaction.model_validate(told), step=name)


async def drive(world: World, request: PostRequest) -> PostResult:
    """As its workflow does: again until it is at its end, or waits for a person."""
    for _ in range(_TURNS):
        try:
            result = await ActivityEnvironment().run(PostingActivities(world).post, request)
        except MosError:
            continue
        if result.status != "waiting" or result.again_s == 0:
            return result
        await asyncio.sleep(0.05)
    raise AssertionError(f"{request.transaction.id} does not end")


def edit(erp: Erp, priority: int) -> None:
    """A user of the ERP sets the order's priority."""
    user = TrytonClient(erp.server.url, "admin", erp.passwords["admin"])
    (number,) = user.call("model.production.search", [["reference", "=", ORDER]])
    user.call("model.production.write", [number], {"priority": priority})
    user.close()


async def test_nobodys_change_is_lost(erp: Erp, published: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = worker(erp, published), worker(erp, published)
    start = erp.anchor + timedelta(days=9)
    moved = PlannedOrder(job_order=ORDER, planned_start=start, planned_end=start + timedelta(days=1))
    urgent = await decided(published, "urgent", SetPriority(job_orders=[ORDER], priority=3))
    later = await decided(published, "later", RescheduleOrders(orders=[moved]))
    before, seen = erp.order(ORDER), asyncio.Event()
    looked_at = first.systems["erp"].preview  # type: ignore[attr-defined]

    async def edited_after_the_look(transaction: OutcomeTransaction) -> Preview:
        shown: Preview = await looked_at(transaction)
        if not seen.is_set():
            await asyncio.to_thread(edit, erp, 77)
            seen.set()
        return shown

    monkeypatch.setattr(first.systems["erp"], "preview", edited_after_the_look)

    async def the_other() -> list[PostResult]:
        await seen.wait()
        return list(await asyncio.gather(drive(second, later), drive(worker(erp, published), later)))

    told, posted = await asyncio.gather(drive(first, urgent), the_other())
    order = erp.order(ORDER)
    assert {one.status for one in posted} == {"posted"}
    assert (told.status, order.priority) == ("waiting", 77), "the user's own change stands"
    async with published.transaction() as session:
        back = await session.get_one(LedgerRow, "txn_urgent")
    assert [(one["field"], one["before"], one["after"]) for one in back.drift["changes"]] == [
        ("priority", before.priority, 77)
    ]
    keys = [one.key for one in erp.reader.postings() if one.key.startswith("exc_two:")]
    assert keys == ["exc_two:later:1"], "the second decision stands once, the first not at all"
    again = Deed(Actor("lena", signed_in=False), utcnow())
    await admin.decide_again(published, "txn_urgent", again, approve=True)
    assert (await drive(second, urgent)).status == "posted"
    after = erp.order(ORDER)
    assert replace(after, priority=77) == order, "only what was decided has changed"
    assert after.priority == 3
