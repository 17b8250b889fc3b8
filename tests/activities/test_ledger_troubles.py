"""Who has to see to a transaction hears of it once: by one signal for each trouble, and one when none is left."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from activities.contracts.model import PostRequest
from activities.posting import PostingActivities
from activities.watching import Watch
from activities.world import World
from admin.actors import Actor
from admin.books import ledger as admin
from admin.books.deciding import Deed
from admin.definitions.publish import publish_definition
from domain.books.booking import FieldChange, Preview
from domain.books.ledger import Control
from domain.books.outcomes import HoldLot, OutcomeTransaction, Receipt, SetPriority
from domain.errors import MosError, OutcomeUnknownError, TransientError
from domain.signals import RawSignal, Signal
from domain.values import Json
from intake.own_signals import LEDGER_DIFFERENCE, read_ledger
from store.tables import DecisionRow, InboxRow, LedgerRow
from store.write.books import ledger
from tests.support.plant import DEFINITIONS, utcnow
from tests.support.systems import FakeSystem

BOSS = Actor("sofia", signed_in=False)


@dataclass
class Clock:
    """The world's time, moved by hand."""

    ahead: timedelta = timedelta()

    def now(self) -> Any:
        return utcnow() + self.ahead


class Shown(FakeSystem):
    """An ERP that says what stands now."""

    stands = 50
    busy = False

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        if self.busy:
            raise TransientError("not now")
        return await super().post(transaction)

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        self._check_up()
        change = FieldChange(record="order JO-1", field="priority", before=self.stands, after=7)
        return Preview(changes=[change])


@dataclass
class Desk:
    """An ERP, a ledger, and what is said of them."""

    world: World
    erp: Shown
    clock: Clock

    async def post(self, name: str, order: str = "JO-1") -> str:
        """As far as it goes now; how it ended, or which error it was."""
        request = await self._request(name, order)
        try:
            return (await PostingActivities(self.world).post(request)).status
        except MosError as error:
            return type(error).__name__

    async def _request(self, name: str, order: str) -> PostRequest:
        said = {"exception_id": "exc_1", "step": "0", "task_id": "", "channel": "console", "verdict": "approved"}
        more = {"authority": "reschedule", "shown_hash": "", "at": utcnow(), "person": "lena"}
        async with self.world.database.transaction() as session:
            await ledger.add_decision(session, {"id": f"dec_{name}", **said, **more})
        drafted: dict[str, Any] = {"id": f"txn_{name}", "key": f"exc_1:{name}:1", "exception_id": "exc_1"}
        wanted = [SetPriority(job_orders=[order], priority=7)]
        transaction = OutcomeTransaction(**drafted, system="erp", outcomes=wanted, decision=f"dec_{name}")
        return PostRequest(transaction=transaction, step=name)

    async def said(self) -> list[Signal]:
        """What went into the inbox, read as intake reads it."""
        async with self.world.database.transaction() as session:
            rows = (await session.scalars(select(InboxRow).order_by(col(InboxRow.seq)))).all()
        raws = [
            RawSignal(
                source=row.source, event_id=row.event_id, kind=row.kind, body=row.body, occurred_at=row.occurred_at
            )
            for row in rows
            if row.kind == LEDGER_DIFFERENCE
        ]
        return [read_ledger(raw) for raw in raws]

    async def kinds(self) -> list[str]:
        return [f"{one.facts['kind']} {one.subject}" for one in await self.said()]

    async def row(self, name: str) -> LedgerRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(LedgerRow, f"txn_{name}")


@pytest.fixture
async def desk(world: World) -> Desk:
    clock, erp = Clock(), Shown("erp", {})
    changed = World(world.database, {"erp": erp}, clock.now, world.randomness, world.public_url)
    return Desk(changed, erp, clock)


async def test_a_refusal_is_told_with_what_the_system_said(desk: Desk) -> None:
    desk.erp.trouble.append("refuse")
    assert await desk.post("a") == "rejected"
    assert await desk.post("a") == "rejected", "the activity is run again"
    (told,) = await desk.said()
    assert told.subject == "erp:refused"
    facts = told.facts
    assert (facts["transaction"], facts["why"], facts["decided_by_name"]) == (
        "txn_a", "the period is closed", "Lena Fischer",
    )  # fmt: skip
    assert (facts["objects"], facts["needs"]) == (["order:JO-1"], "reschedule")
    assert facts["link"] == "https://mos.example/ledger/txn_a"


async def test_the_last_one_that_is_written_off_ends_it(desk: Desk) -> None:
    desk.erp.trouble.extend(["refuse", "refuse"])
    for name in ("a", "b"):
        await desk.post(name)
    why = Deed(BOSS, utcnow(), "by hand")
    await admin.write_off(desk.world.database, "txn_a", why)
    assert await desk.kinds() == ["dead_lettered erp:refused"] * 2
    await admin.write_off(desk.world.database, "txn_b", why)
    assert (await desk.kinds())[2:] == ["settled erp:refused"]


async def test_a_letter_that_dies_again_is_told_again(desk: Desk) -> None:
    desk.erp.trouble.extend(["refuse", "refuse"])
    await desk.post("a")
    await admin.retry(desk.world.database, "txn_a", Deed(BOSS, utcnow()))
    await desk.post("a")
    refused = "dead_lettered erp:refused"
    assert await desk.kinds() == [refused, "settled erp:refused", refused]


async def test_what_was_sent_back_goes_to_who_decided_with_both_values(desk: Desk) -> None:
    desk.erp.busy = True
    await desk.post("a")
    desk.erp.busy = False
    desk.erp.stands, desk.clock.ahead = 20, timedelta(minutes=1)
    assert await desk.post("a") == "waiting"
    (told,) = await desk.said()
    assert (told.subject, told.facts["decided_by"]) == ("erp:sent_back:lena", "lena")
    assert told.facts["changes"] == [{"record": "order JO-1", "field": "priority", "before": "50", "after": "20"}]
    await admin.decide_again(desk.world.database, "txn_a", Deed(BOSS, desk.clock.now()), approve=True)
    assert (await desk.kinds())[1:] == ["settled erp:sent_back:lena"]


async def test_an_outage_is_told_once_whatever_waits(desk: Desk) -> None:
    watch = Watch(desk.world)
    desk.erp.down = True
    for name in ("a", "b", "c"):
        assert await desk.post(name, order=f"JO-{name}") == "TransientError"
    assert await watch.look() == [], "not yet"
    desk.clock.ahead = timedelta(minutes=11)
    assert await watch.look() == ["txn_a"]
    desk.clock.ahead = timedelta(hours=20)
    assert await watch.look() == []
    (told,) = await desk.said()
    assert (told.subject, told.facts["kind"], told.facts["count"]) == ("erp:outage", "waiting", 3)
    desk.erp.down = False
    assert await desk.post("b", order="JO-b") == "waiting", "the first in line tries oftener than the others"
    assert await desk.post("a", order="JO-a") == "waiting"
    desk.clock.ahead += timedelta(minutes=6)
    assert await desk.post("b", order="JO-b") == "waiting"
    for name in ("a", "b", "c"):
        assert await desk.post(name, order=f"JO-{name}") == "posted"
    assert (await desk.kinds())[1:] == ["settled erp:outage"]
    assert await watch.look() == []


async def test_an_outcome_that_stays_unknown_is_told(desk: Desk) -> None:
    desk.erp.trouble.append("swallow_answer")
    assert await desk.post("a") == OutcomeUnknownError.__name__
    desk.erp.down, desk.clock.ahead = True, timedelta(minutes=11)
    assert await desk.post("a") == TransientError.__name__
    assert await Watch(desk.world).look() == ["txn_a"]
    assert await Watch(desk.world).look() == []
    desk.erp.down = False
    assert await desk.post("a") == "posted"
    assert await desk.kinds() == ["unknown erp:outage", "settled erp:outage"]


async def test_what_somebody_holds_back_is_no_outage(desk: Desk) -> None:
    stopped = Control(scope="system:erp", stopped=True, reason="inventory")
    await admin.set_control(desk.world.database, stopped, by=BOSS, now=utcnow())
    desk.erp.down = True
    assert await desk.post("a") == "waiting"
    desk.clock.ahead = timedelta(hours=9)
    assert await Watch(desk.world).look() == []
    await admin.set_control(desk.world.database, Control(scope="system:erp"), by=BOSS, now=desk.clock.now())
    await desk.post("a")
    assert await Watch(desk.world).look() == [], "its patience begins when the stop ends"
    desk.clock.ahead += timedelta(minutes=11)
    assert await Watch(desk.world).look() == ["txn_a"]
    assert (await desk.row("a")).held is None


async def test_beyond_its_limit_a_standing_authority_asks_whoever_granted_it(desk: Desk) -> None:
    """Two in an hour are held at once; the third waits for somebody's word, and rests on that."""
    text = (DEFINITIONS / "quality_hold.yaml").read_text().replace("per_hour: 40", "per_hour: 2")
    signed: dict[str, Any] = {"author": "eng", "signed_off_by": "sofia", "now": utcnow()}
    version = await publish_definition(desk.world.database, text, "quality_hold.yaml", **signed)
    said = []
    for number in range(3):
        drafted: dict[str, Any] = {"id": f"txn_{number}", "key": f"exc_1:{number}:1", "exception_id": "exc_1"}
        held = [HoldLot(lot=f"L-{number}", reason="out of tolerance")]
        transaction = OutcomeTransaction(**drafted, system="erp", outcomes=held)
        request = PostRequest(transaction=transaction, step="0", standing_version=version)
        said.append((await PostingActivities(desk.world).post(request)).status)
    assert said == ["posted", "posted", "waiting"]
    assert (await desk.row("0")).impact == {"money": None, "quantity": None, "lots": ["L-0"], "customers": []}
    (told,) = await desk.said()
    assert (told.subject, told.facts["needs"]) == ("erp:sent_back:sofia", "disposition")
    assert "per hour" in told.facts["why"]
    await admin.decide_again(desk.world.database, "txn_2", Deed(BOSS, utcnow()), approve=True)
    assert (await PostingActivities(desk.world).post(request)).status == "posted"
    row = await desk.row("2")
    assert (row.standing_version, bool(row.decision)) == ("", True)


async def test_what_is_mended_rests_on_who_mended_it_and_no_more_on_the_version(desk: Desk) -> None:
    """Whoever signed the version off has not allowed this payload; so it may be of a kind that the version does not
    cover, and has no part in its limits."""
    text = (DEFINITIONS / "quality_hold.yaml").read_text()
    signed: dict[str, Any] = {"author": "eng", "signed_off_by": "sofia", "now": utcnow()}
    version = await publish_definition(desk.world.database, text, "quality_hold.yaml", **signed)
    drafted: dict[str, Any] = {"id": "txn_a", "key": "exc_1:a:1", "exception_id": "exc_1", "system": "erp"}
    transaction = OutcomeTransaction(**drafted, outcomes=[HoldLot(lot="L-1", reason="out of tolerance")])
    request = PostRequest(transaction=transaction, step="0", standing_version=version)
    desk.erp.trouble.append("refuse")
    assert (await PostingActivities(desk.world).post(request)).status == "rejected"
    mended: list[Json] = [{"kind": "set_priority", "job_orders": ["JO-1"], "priority": 7}]
    await admin.retry(desk.world.database, "txn_a", Deed(BOSS, utcnow(), "The order instead"), outcomes=mended)
    row = await desk.row("a")
    async with desk.world.database.transaction() as session:
        decision = await session.get_one(DecisionRow, row.decision)
    assert (row.standing_version, row.standing_grantor) == ("", "")
    assert (decision.person, decision.authority, decision.exception_id) == ("sofia", "reschedule", "exc_1")
    assert (await PostingActivities(desk.world).post(request)).status == "posted"


async def test_two_at_once_on_one_standing_authority_are_counted_one_after_the_other(desk: Desk) -> None:
    """The limits are counted by place in the ledger: a smaller number that is not committed yet would not count."""

    def drafted(number: int, system: str) -> dict[str, Any]:
        row = LedgerRow(
            id=f"txn_{number}", key=f"exc_1:{number}:1", exception_id="exc_1", step="0", system=system,
            definition="quality_hold", outcomes=[], objects=[f"lot:{number}"], status="drafted",
            drafted_at=utcnow(), standing_version="v1",
        )  # fmt: skip
        return row.model_dump(exclude={"seq"})

    async with desk.world.database.transaction() as first:
        await ledger.draft(first, drafted(1, "erp"))
        async with desk.world.database.transaction() as second:
            await second.execute(text("SET LOCAL lock_timeout = '100ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await ledger.draft(second, drafted(2, "mes"))
