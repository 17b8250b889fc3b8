"""A transaction's life with a system that previews, reverses and reads back: gates, drift, the way back."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.contracts import calls
from activities.contracts.model import PostRequest
from activities.reconciling import Reconciliation
from admin.actors import Actor
from admin.books import ledger as admin
from admin.books.deciding import Deed
from domain.books.booking import Booked, FieldChange, FieldStanding, Preview, ReadBack
from domain.books.ledger import Control
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt, SetPriority
from store.tables import LedgerRow
from store.write.books import ledger
from tests.support.eventually import eventually
from tests.support.plant import Plant, utcnow
from tests.support.systems import FakeSystem

BOSS, OTHER = Actor("lena", signed_in=False), Actor("ruth", signed_in=False)


@dataclass
class Books:
    """Priorities of orders, in a system that says before and after."""

    priority: dict[str, int] = field(default_factory=dict)


class Previewing(FakeSystem):
    """An ERP that previews and reverses."""

    def __init__(self, name: str, books: Books) -> None:
        super().__init__(name, {})
        self.books = books
        self.drop_after_preview = False

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        self._check_up()
        changes = [
            FieldChange(
                record=f"order {order}", field="priority", before=self.books.priority.get(order, 50), after=wanted
            )
            for order, wanted in _wanted(transaction)
        ]
        self.down = self.down or self.drop_after_preview
        self.drop_after_preview = False
        return Preview(changes=changes, versions={})

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        receipt = await super().post(transaction)
        self.books.priority |= dict(_wanted(transaction))
        return receipt

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        stood = {change.record: change.before for change in (shown.changes if shown else [])}
        return [SetPriority(job_orders=[o], priority=int(stood[f"order {o}"])) for o, _ in _wanted(transaction)]

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        stands = [
            FieldStanding(record=f"order {order}", field="priority", posted=wanted, stands=self.books.priority[order])
            for order, wanted in _wanted(transaction)
        ]
        return ReadBack(known=transaction.key in self.posted, fields=stands)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return [Booked(key=key, at=utcnow()) for key in self.posted]


def _wanted(transaction: OutcomeTransaction) -> list[tuple[str, int]]:
    return [
        (order, one.priority)
        for one in transaction.outcomes
        if isinstance(one, SetPriority)
        for order in one.job_orders
    ]


@pytest.fixture
async def erp(plant: Plant) -> Previewing:
    system = Previewing("erp", Books())
    plant.world.systems["erp"] = system  # type: ignore[index]
    return system


async def begin(plant: Plant, name: str, priority: int, order: str = "JO-1") -> str:
    """Somebody decided it, and an exception asks for it."""
    number = f"txn_{name}"
    async with plant.database.transaction() as session:
        decision = {"id": f"dec_{name}", "exception_id": "exc_1", "step": "0", "task_id": "", "person": "lena"}
        said = {
            "channel": "console",
            "verdict": "approved",
            "authority": "reschedule",
            "shown_hash": "",
            "at": utcnow(),
        }
        await ledger.add_decision(session, decision | said)
    outcome = SetPriority(job_orders=[order], priority=priority)
    drafted: dict[str, Any] = {"id": number, "key": f"exc_1:{name}:1", "exception_id": "exc_1", "system": "erp"}
    transaction = OutcomeTransaction.model_validate(drafted | {"outcomes": [outcome], "decision": f"dec_{name}"})
    request = PostRequest(transaction=transaction, step=name)
    await plant.client.start_workflow(calls.TRANSACTION_WORKFLOW, request, id=number, task_queue="mos")
    return number


async def until(plant: Plant, number: str, *statuses: str, held: str = "") -> LedgerRow:
    async def there() -> LedgerRow | None:
        async with plant.database.transaction() as session:
            row = await session.get(LedgerRow, number)
        fits = row is not None and row.status in statuses and (not held or (row.held or {}).get("why") == held)
        return row if fits else None

    found: LedgerRow | None = await eventually(there, f"{number} is {' or '.join(statuses)} {held}")
    assert found is not None
    return found


async def control(plant: Plant, **values: Any) -> None:
    wanted = Control(scope="system:erp", reason="because", **values)
    await admin.set_control(plant.database, wanted, by=BOSS, now=utcnow())


async def test_it_is_previewed_posted_and_taken_back_by_two(plant: Plant, erp: Previewing) -> None:
    number = await begin(plant, "one", 7)
    posted = await until(plant, number, "posted")
    assert posted.preview["changes"][0] | {"outcome": 0} == {
        "record": "order JO-1", "field": "priority", "before": 50, "after": 7, "created": False, "outcome": 0,
        "before_name": "", "after_name": "",
    }  # fmt: skip
    why = "wrong order"
    back = await admin.ask_reversal(plant.database, number, Deed(BOSS, utcnow(), why))
    shown = await until(plant, back, "previewed")
    assert (shown.outcomes[0]["priority"], shown.preview["changes"][0]["after"]) == (50, 50)
    assert erp.books.priority == {"JO-1": 7}, "nothing is taken back before somebody else says so"
    await admin.decide_reversal(plant.database, back, Deed(OTHER, utcnow(), why), approve=True)
    await until(plant, back, "posted")
    assert (await until(plant, number, "reversed")).reversed_by == back
    assert erp.books.priority == {"JO-1": 50}


async def test_a_stop_holds_the_line_and_lets_it_go_in_order(plant: Plant, erp: Previewing) -> None:
    await control(plant, stopped=True)
    first = await begin(plant, "a", 3)
    await until(plant, first, "drafted", held="stopped")
    second, other = await begin(plant, "b", 4), await begin(plant, "c", 5, order="JO-2")
    await until(plant, second, "drafted", held="order")
    await until(plant, other, "drafted", held="stopped")
    assert erp.tries == []
    await control(plant)
    for number in (first, second, other):
        await until(plant, number, "posted")
    assert [key for key in erp.tries if key != "exc_1:c:1"] == ["exc_1:a:1", "exc_1:b:1"]
    assert erp.books.priority["JO-1"] == 4


async def test_what_changed_meanwhile_goes_back_to_who_decided(plant: Plant, erp: Previewing) -> None:
    """It was shown, then the system was away; when it came back, somebody had changed the order there."""
    erp.drop_after_preview = True
    number = await begin(plant, "late", 8)
    await until(plant, number, "posting")
    erp.books.priority["JO-1"] = 20
    async with plant.database.transaction() as session:
        await ledger.move(session, number, previewed_at=utcnow() - timedelta(minutes=9))
    erp.down = False
    back = await until(plant, number, "sent_back")
    (change,) = back.drift["changes"]
    assert (change["before"], change["after"], erp.books.priority) == (50, 20, {"JO-1": 20})
    await admin.decide_again(plant.database, number, Deed(BOSS, utcnow()), approve=True)
    posted = await until(plant, number, "posted")
    assert (posted.preview["changes"][0]["before"], erp.books.priority) == (20, {"JO-1": 8})
    assert posted.decision != "dec_late"


async def test_a_dry_run_writes_nothing(plant: Plant, erp: Previewing) -> None:
    await control(plant, dry_run=True)
    row = await until(plant, await begin(plant, "dry", 9), "dry_run")
    assert row.preview["changes"][0]["after"] == 9
    assert (erp.tries, erp.books.priority) == ([], {})


async def test_a_dead_letter_is_tried_again_by_hand(plant: Plant, erp: Previewing) -> None:
    erp.trouble.append("refuse")
    number = await begin(plant, "dead", 6)
    row = await until(plant, number, "dead_lettered")
    assert row.error == "the period is closed"
    await admin.retry(plant.database, number, Deed(BOSS, utcnow()))
    await until(plant, number, "posted")
    assert erp.books.priority == {"JO-1": 6}


async def test_without_a_decision_nothing_is_posted(plant: Plant, erp: Previewing) -> None:
    drafted: dict[str, Any] = {"id": "txn_none", "key": "exc_1:none:1", "exception_id": "exc_1", "system": "erp"}
    outcome = SetPriority(job_orders=["JO-1"], priority=1)
    transaction = OutcomeTransaction.model_validate(drafted | {"outcomes": [outcome], "decision": "dec_never"})
    request = PostRequest(transaction=transaction, step="0")
    await plant.client.start_workflow(calls.TRANSACTION_WORKFLOW, request, id="txn_none", task_queue="mos")
    await until(plant, "txn_none", "dead_lettered")
    assert erp.tries == []


async def test_what_stands_is_compared_with_the_ledger_both_ways(plant: Plant, erp: Previewing) -> None:
    numbers = [
        await begin(plant, name, priority, order) for name, priority, order in (("x", 1, "JO-1"), ("y", 2, "JO-2"))
    ]
    books, then = Reconciliation(plant.world), utcnow() - timedelta(minutes=1)

    async def looked_at() -> dict[str, int]:
        async with plant.database.transaction() as session:
            for number in numbers:
                await ledger.move(session, number, posted_at=then, read_back_at=None)
        return await books.read_back()

    for number in numbers:
        await until(plant, number, "posted")
    assert await looked_at() == {"reconciled": 2}
    erp.books.priority["JO-2"] = 77
    assert await looked_at() == {"reconciled": 1, "differs": 1}
    row = await until(plant, numbers[1], "differs")
    assert [(field["posted"], field["stands"]) for field in row.read_back["fields"]] == [(2, 77)]
    numbers.append(await begin(plant, "z", 5, "JO-2"))
    await until(plant, numbers[2], "posted")
    assert await looked_at() == {"reconciled": 3}, "a later transaction of ours explains it"
