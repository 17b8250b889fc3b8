"""A decision with several outcomes for a system without a transaction over them: one after the other, each with its
receipt, taken back in reverse order; whatever dies, and wherever."""

import functools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.contracts.model import PostRequest, PostResult
from activities.posting import PostingActivities
from activities.posting_life import Life
from activities.posting_parts import Parts
from activities.world import World
from admin.actors import Actor
from admin.books import ledger as admin
from admin.books.deciding import Deed
from domain.books.booking import Booked
from domain.books.ledger import Control
from domain.books.outcomes import AddNote, Outcome, OutcomeTransaction, SetOrderStatus, SetPriority
from domain.errors import ConflictError, MosError, OutcomeUnknownError
from intake.nudging import request_of
from store.read.books import parts as parts_read
from store.tables import AuditRow, LedgerPartRow, LedgerRow
from store.write.books import ledger
from tests.support.plant import utcnow
from tests.support.shop import Shop

KEY = "exc_1:0:1"
BOSS = Actor("lena", signed_in=False)


@pytest.fixture
async def shop(world: World) -> Shop:
    found = Shop()
    for order in ("JO-1", "JO-2", "JO-3"):
        found.books[order, "priority"] = 50
    world.systems["mes"] = found  # type: ignore[index]
    async with world.database.transaction() as session:
        row = {"id": "dec_1", "exception_id": "exc_1", "step": "0", "task_id": "", "person": "lena", "shown_hash": "h"}
        said = {"channel": "console", "verdict": "approved", "authority": "reschedule"}
        await ledger.add_decision(session, row | said | {"at": utcnow()})
    return found


def first(order: str, priority: int = 1) -> SetPriority:
    return SetPriority(job_orders=[order], priority=priority)


def wanted(*outcomes: Outcome) -> PostRequest:
    drafted: dict[str, Any] = {"id": "txn_1", "key": KEY, "exception_id": "exc_1", "system": "mes"}
    transaction = OutcomeTransaction.model_validate(drafted | {"outcomes": outcomes, "decision": "dec_1"})
    return PostRequest(transaction=transaction, step="0")


async def post(world: World, request: PostRequest) -> PostResult:
    return await ActivityEnvironment().run(PostingActivities(world).post, request)


async def reversals(world: World) -> list[LedgerRow]:
    async with world.database.transaction() as session:
        statement = select(LedgerRow).where(col(LedgerRow.reverses) != "").order_by(col(LedgerRow.seq))
        return list((await session.scalars(statement)).all())


async def take_back(world: World) -> list[LedgerRow]:
    """What their workflows do: each goes on as far as it can."""
    for row in await reversals(world):
        await post(world, request_of(row))
    return await reversals(world)


async def whole(world: World) -> LedgerRow:
    async with world.database.transaction() as session:
        return await session.get_one(LedgerRow, "txn_1")


async def parts(world: World) -> list[LedgerPartRow]:
    async with world.database.transaction() as session:
        return await parts_read.current(session, "txn_1")


async def test_each_part_has_its_key_and_receipt_in_the_declared_order(world: World, shop: Shop) -> None:
    result = await post(world, wanted(first("JO-2"), first("JO-1"), first("JO-1", 3)))
    assert (result.status, result.documents) == ("posted", [f"{KEY}/{n}" for n in (1, 2, 3)])
    assert shop.order == result.documents
    assert [(part.status, part.documents) for part in await parts(world)] == [
        ("posted", [f"{KEY}/{n}"]) for n in (1, 2, 3)
    ]
    assert shop.books["JO-1", "priority"] == 3, "a version that our own earlier part changed is no conflict"


async def test_a_system_with_transactions_is_sent_one(world: World, shop: Shop) -> None:
    once = World(world.database, world.systems, world.now, world.randomness, "", frozenset({"mes"}))
    await post(once, wanted(first("JO-1"), first("JO-2")))
    assert (shop.order, await parts(world)) == ([KEY], [])


async def test_a_refused_part_takes_the_earlier_ones_back_in_reverse_order(world: World, shop: Shop) -> None:
    shop.refuses.add("JO-3")
    result = await post(world, wanted(first("JO-1"), first("JO-2"), first("JO-3")))
    assert (result.status, result.detail) == ("rejected", "JO-3 is closed")
    assert [part.status for part in await parts(world)] == ["posted", "posted", "refused"]
    last, earlier = await reversals(world)
    assert (await post(world, request_of(earlier))).status == "waiting", "the later part goes first"
    await take_back(world)
    assert shop.order == [f"{KEY}/1", f"{KEY}/2", f"{KEY}/2:reversal", f"{KEY}/1:reversal"]
    assert {shop.books[order, "priority"] for order in ("JO-1", "JO-2")} == {50}
    assert [part.status for part in await parts(world)] == ["reversed", "reversed", "refused"]
    assert ((await whole(world)).status, last.approved_by, last.key) == (
        "dead_lettered", "mos:saga", f"{KEY}/2:reversal",
    )  # fmt: skip


async def test_what_was_taken_back_is_posted_anew_under_another_key(world: World, shop: Shop) -> None:
    request = wanted(first("JO-1"), AddNote(about="order", id="JO-1", text="first"), first("JO-3"))
    shop.refuses.add("JO-3")
    await post(world, request)
    shop.refuses.clear()
    await admin.retry(world.database, "txn_1", Deed(BOSS, utcnow()))
    assert (await post(world, request)).detail == "taking_back"
    await take_back(world)
    assert (await post(world, request)).status == "posted"
    assert shop.order == [f"{KEY}/1", f"{KEY}/2", f"{KEY}/1:reversal", f"{KEY}/1~2", f"{KEY}/3~2"], "the note stays"
    assert shop.books["JO-1", "priority"] == shop.books["JO-3", "priority"] == 1


async def test_a_hold_is_only_released_by_a_person(world: World, shop: Shop) -> None:
    shop.refuses.add("JO-3")
    held = SetOrderStatus(job_orders=["JO-1"], status="held")
    request = wanted(first("JO-2"), held, first("JO-3"))
    await post(world, request)
    release, priority = await take_back(world)
    assert (release.status, release.approved_by, shop.books["JO-1", "status"]) == ("previewed", "", "held")
    assert (priority.held["what"], shop.books["JO-2", "priority"]) == (release.id, 1), "it waits for the later part"
    mended = [outcome.model_dump(mode="json") for outcome in (first("JO-2"), first("JO-1"))]
    with pytest.raises(ConflictError):
        await admin.retry(world.database, "txn_1", Deed(BOSS, utcnow(), "without it"), outcomes=mended)
    await admin.decide_reversal(world.database, release.id, Deed(BOSS, utcnow()), approve=True)
    await take_back(world)
    assert (shop.books["JO-1", "status"], shop.books["JO-2", "priority"]) == ("released", 50)


async def test_what_changed_nothing_has_no_way_back(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await post(world, wanted(first("JO-1")))
    number = await admin.ask_reversal(world.database, "txn_1", Deed(BOSS, utcnow(), "by mistake"))

    async def nothing(*_: Any) -> list[Outcome]:
        return []

    monkeypatch.setattr(shop, "reversal", nothing)
    (row,) = await take_back(world)
    assert (row.id, row.status) == (number, "dead_lettered")
    assert "nothing to take back" in (row.error or "")


async def test_somebody_edits_between_two_parts(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is overwritten: what was posted is taken back, and whoever decided sees the difference."""
    inner = shop.post

    async def edited(transaction: OutcomeTransaction) -> Any:
        receipt = await inner(transaction)
        if transaction.key == f"{KEY}/1":
            shop.edit("JO-2", "priority", 7)
        return receipt

    monkeypatch.setattr(shop, "post", edited)
    request = wanted(first("JO-1"), first("JO-2"))
    assert (await post(world, request)).status == "waiting"
    row = await whole(world)
    assert (row.status, [(one["before"], one["after"]) for one in row.drift["changes"]]) == ("sent_back", [(50, 7)])
    await take_back(world)
    assert (shop.books["JO-1", "priority"], shop.books["JO-2", "priority"]) == (50, 7)
    await admin.decide_again(world.database, "txn_1", Deed(BOSS, utcnow()), approve=True)
    assert (await post(world, request)).status == "posted"
    assert shop.books["JO-2", "priority"] == 1


class Looking(Shop):
    """Its own table of postings can be read, too."""

    async def postings_since(self, moment: datetime) -> list[Booked]:
        return [Booked(key=key, at=moment) for key in self.order]


async def test_no_rule_undoes_what_somebody_changed_since(world: World, shop: Shop) -> None:
    world.systems["mes"] = looking = Looking()  # type: ignore[index]
    looking.books, looking.refuses = shop.books, {"JO-3"}
    await post(world, wanted(first("JO-1"), first("JO-2"), first("JO-3")))
    looking.edit("JO-1", "priority", 7)
    untouched, touched = await take_back(world)
    assert (untouched.status, looking.books["JO-2", "priority"]) == ("posted", 50)
    assert (touched.status, touched.approved_by, looking.books["JO-1", "priority"]) == ("previewed", "", 7)
    await admin.decide_reversal(world.database, touched.id, Deed(BOSS, utcnow()), approve=True)
    await take_back(world)
    assert looking.books["JO-1", "priority"] == 50


async def test_a_lost_answer_is_looked_up_by_the_parts_own_key(world: World, shop: Shop) -> None:
    shop.loses.add(f"{KEY}/2")
    request = wanted(first("JO-1"), first("JO-2"), first("JO-3"))
    with pytest.raises(OutcomeUnknownError):
        await post(world, request)
    assert ((await whole(world)).status, (await parts(world))[1].status) == ("unknown", "unknown")
    assert (await post(world, request)).status == "posted"
    assert shop.order == [f"{KEY}/{n}" for n in (1, 2, 3)]


async def test_what_arrives_after_it_was_looked_up_is_not_posted_beside_it(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow system commits just after the key was looked up: that looks like somebody's change. Decided again, the
    part keeps its key."""
    post_, find, on_its_way = shop.post, shop.find, list[OutcomeTransaction]()

    async def slow(transaction: OutcomeTransaction) -> Any:
        if transaction.key == f"{KEY}/2" and not on_its_way:
            on_its_way.append(transaction)
            raise OutcomeUnknownError("no answer")
        return await post_(transaction)

    async def late(key: str) -> Any:
        found = await find(key)
        if found is None and on_its_way and on_its_way[0].key == key:
            await post_(on_its_way[0])
        return found

    monkeypatch.setattr(shop, "post", slow)
    monkeypatch.setattr(shop, "find", late)
    request = wanted(first("JO-1"), first("JO-2"), first("JO-3"))
    with pytest.raises(OutcomeUnknownError):
        await post(world, request)
    assert (await post(world, request)).status == "waiting"
    assert ((await whole(world)).status, await reversals(world)) == ("sent_back", [])
    await admin.decide_again(world.database, "txn_1", Deed(BOSS, utcnow()), approve=True)
    assert (await post(world, request)).status == "posted"
    assert shop.order == [f"{KEY}/1", f"{KEY}/2", f"{KEY}/3~2"]


class KilledError(BaseException):
    """The worker dies here."""


class Deaths:
    """Dies once before and once after everything that is committed or sent, told apart by what it is about."""

    def __init__(self) -> None:
        self.died: list[str] = []

    def around(self, patch: pytest.MonkeyPatch, owner: Any, name: str, about: Callable[..., str]) -> None:
        inner: Callable[..., Awaitable[Any]] = getattr(owner, name)

        @functools.wraps(inner)
        async def dying(*args: Any, **kwargs: Any) -> Any:
            what = about(*args, **kwargs)
            self._at(f"{what} before")
            result = await inner(*args, **kwargs)
            self._at(f"{what} after")
            return result

        patch.setattr(owner, name, dying)

    def _at(self, point: str) -> None:
        if point not in self.died:
            self.died.append(point)
            raise KilledError(point)


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    found = Deaths()
    found.around(monkeypatch, Life, "move", lambda life, event, **_: f"{life.row.key} {event}")
    found.around(monkeypatch, Parts, "_move", lambda _, part, status, **__: f"{part.key} {status}")
    planned = Parts.planned.__func__  # type: ignore[attr-defined]

    async def plan(cls: type[Parts], world: World, life: Life, system: Any) -> Any:
        found._at(f"{life.row.key} plan before")
        made = await planned(cls, world, life, system)
        found._at(f"{life.row.key} plan after")
        return made

    monkeypatch.setattr(Parts, "planned", classmethod(plan))
    found.around(monkeypatch, Shop, "post", lambda _, transaction: f"{transaction.key} sent")
    return found


async def test_a_stop_holds_what_a_dead_worker_had_only_begun(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any, **__: Any) -> None:
        raise KilledError

    request = wanted(first("JO-1"), first("JO-2"))
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "_move", dies)
        with pytest.raises(KilledError):
            await post(world, request)
    assert (await whole(world)).status == "posting"
    stop = Control(scope="system:mes", stopped=True, reason="works on it")
    await admin.set_control(world.database, stop, by=BOSS, now=utcnow())
    assert ((await post(world, request)).detail, shop.order) == ("stopped", [])
    await admin.set_control(world.database, Control(scope="system:mes"), by=BOSS, now=utcnow())
    assert ((await post(world, request)).status, shop.order) == ("posted", [f"{KEY}/1", f"{KEY}/2"])


async def survive(work: Callable[[], Awaitable[Any]]) -> Any:
    """Until it lives to the end; a worker that died is followed by another."""
    while True:
        try:
            return await work()
        except (KilledError, MosError):
            continue


async def test_it_lives_through_a_death_at_every_move(world: World, shop: Shop, deaths: Deaths) -> None:
    result = await survive(lambda: post(world, wanted(first("JO-1"), first("JO-2"))))
    assert (result.status, shop.order) == ("posted", [f"{KEY}/1", f"{KEY}/2"])
    moves = [f"{KEY} {event}" for event in ("preview", "authorise", "recheck", "plan", "send")]
    moves += [f"{KEY}/{n} {move}" for n in (1, 2) for move in ("posting", "sent", "posted")] + [f"{KEY} post"]
    assert deaths.died == [f"{move} {when}" for move in moves for when in ("before", "after")]


async def test_the_way_back_lives_through_a_death_at_every_move(world: World, shop: Shop, deaths: Deaths) -> None:
    shop.refuses.add("JO-3")
    await survive(lambda: post(world, wanted(first("JO-1"), first("JO-2"), first("JO-3"))))
    for _ in range(2):
        await survive(lambda: take_back(world))
    assert shop.order == [f"{KEY}/1", f"{KEY}/2", f"{KEY}/2:reversal", f"{KEY}/1:reversal"]
    assert [part.status for part in await parts(world)] == ["reversed", "reversed", "refused"]
    back = [
        f"{KEY}/{n}:reversal {move}" for n in (2, 1) for move in ("preview", "authorise", "recheck", "send", "sent")
    ]
    assert {f"{move} {when}" for move in [f"{KEY} refuse", *back] for when in ("before", "after")} <= set(deaths.died)
    async with world.database.transaction() as session:
        facts = list(await session.scalars(select(col(AuditRow.kind)).where(col(AuditRow.subject) == "txn_1")))
    assert facts.count("transaction.taking_back") == 2
