"""Single effects: what a query that can't be answered leaves, and what a posting waits for."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from activities.authorising import AuthorityActivities
from activities.context import ContextActivities
from activities.contracts.model import AuthoriseRequest, GatherRequest, PostRequest, Query
from activities.contracts.story import Projection
from activities.posting import PostingActivities
from activities.world import World
from domain.books.outcomes import HoldLot, OutcomeTransaction, System
from domain.errors import AuthError, ConflictError, MosError, OutcomeUnknownError, TransientError
from domain.values import Json
from store.tables import AuditRow, LedgerRow
from store.write.books import ledger

NOTHING = Projection(exception_id="exc_1", rev=1, handling="open", condition="active")


async def rows(world: World, table: type[Any]) -> list[Any]:
    async with world.database.transaction() as session:
        return list((await session.scalars(select(table))).all())


class Slow:
    name = "slow"

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        await asyncio.Event().wait()


async def test_each_query_fails_alone_and_says_why(world: World) -> None:
    world = World(world.database, {**world.systems, "slow": Slow()}, world.now, world.randomness, world.public_url)  # type: ignore[dict-item]
    queries = [
        Query(name="plan", source="mes.plan", where={}, within_s=60),
        Query(name="late", source="slow.x", where={}, within_s=0.01, otherwise=[]),
        Query(name="none", source="wms.x", where={}, within_s=60, otherwise="unknown"),
        Query(name="odd", source="erp.odd", where={}, within_s=60),
    ]
    request = GatherRequest(exception_id="exc_1", queries=queries, projection=NOTHING)
    found = await ActivityEnvironment().run(ContextActivities(world).gather, request)
    assert found.values["plan"]["version"] == "1"
    assert (found.values["late"], found.values["none"], found.values["odd"]) == ([], "unknown", None)
    assert found.gaps == {
        "late": "no answer within 0.01 s",
        "none": "no wms is connected: add it to the site's connectors",
        "odd": "no query erp.odd",
    }


def hold(system: System = System.ERP) -> PostRequest:
    transaction = OutcomeTransaction(
        id="txn_1", key="exc_1:0:1", exception_id="exc_1", system=system, outcomes=[HoldLot(lot="L", reason="r")],
        decision="dec_1",
    )  # fmt: skip
    return PostRequest(transaction=transaction, step="0")


async def decided(world: World) -> None:
    """Somebody decided what `hold` posts."""
    async with world.database.transaction() as session:
        row = {"id": "dec_1", "exception_id": "exc_1", "step": "0", "task_id": "tsk_1", "person": "grace"}
        said = {"channel": "console", "verdict": "approved", "authority": "disposition", "shown_hash": "h"}
        await ledger.add_decision(session, row | said | {"at": world.now()})


async def test_a_posting_waits_for_the_operator(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are refused are mended by people: the posting is tried until then, and said once."""
    posting, erp = PostingActivities(world), world.systems["erp"]
    await decided(world)

    async def refused(_: OutcomeTransaction) -> None:
        raise AuthError("the ERP refused our key")

    with monkeypatch.context() as broken:
        broken.setattr(erp, "post", refused)
        for _ in range(3):
            with pytest.raises(TransientError):
                await ActivityEnvironment().run(posting.post, hold())
    (waiting,) = await rows(world, LedgerRow)
    assert (waiting.status, waiting.error) == ("posting", "the ERP refused our key")
    assert [fact.kind for fact in await rows(world, AuditRow)].count("transaction.posting") == 1
    assert (await ActivityEnvironment().run(posting.post, hold())).status == "posted"
    (posted,) = await rows(world, LedgerRow)
    assert (posted.status, posted.error, posted.attempts) == ("posted", None, 4)


async def test_another_worker_is_posting_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was taken for dead: the key is taken, and not committed yet. That is no refusal."""
    posting, erp = PostingActivities(world), world.systems["erp"]
    await decided(world)

    async def taken(_: OutcomeTransaction) -> None:
        raise ConflictError("the key is used", code="erp.key_reused")

    with monkeypatch.context() as racing:
        racing.setattr(erp, "post", taken)
        with pytest.raises(OutcomeUnknownError):
            await ActivityEnvironment().run(posting.post, hold())
    (row,) = await rows(world, LedgerRow)
    assert row.status == "unknown"
    assert (await ActivityEnvironment().run(posting.post, hold())).status == "posted"


async def test_a_posting_to_nobody_waits_too(world: World) -> None:
    alone = World(world.database, {}, world.now, world.randomness, world.public_url)
    with pytest.raises(MosError, match="no erp is connected"):
        await ActivityEnvironment().run(PostingActivities(alone).post, hold())


async def test_a_posting_again_gives_the_first_answer(world: World) -> None:
    posting = PostingActivities(world)
    await decided(world)
    first, again = [await ActivityEnvironment().run(posting.post, hold()) for _ in range(2)]
    assert first == again
    assert len(world.systems["erp"].tries) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "person, authority, area, channel, risk, code",
    [
        ("lena", "reschedule", "machining", "slack", "low", ""),
        ("lena", "disposition", "", "console", "low", "not_allowed"),
        ("nobody", "reschedule", "", "console", "low", "not_allowed"),
        ("jonas", "report_downtime", "machining", "slack", "low", ""),
        ("jonas", "report_downtime", "finishing", "slack", "low", "not_allowed"),
        ("grace", "disposition", "", "slack", "high", "sign_in"),
        ("grace", "disposition", "", "console", "high", "sign_in"),  # not signed
    ],
)
async def test_authority(
    world: World, person: str, authority: str, area: str, channel: str, risk: str, code: str
) -> None:
    request = AuthoriseRequest(person=person, authority=authority, area=area, channel=channel, risk=risk)
    granted = await ActivityEnvironment().run(AuthorityActivities(world).authorise, request)
    assert (granted.allowed, granted.code) == (not code, code)
