"""Which version is in force: forwards, back, for a part, from the shadow; one of each, and always by somebody."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select
from sqlmodel import col

from admin.actors import Actor, NotAllowedError
from admin.definitions import rollout
from admin.definitions.publish import publish_definition
from admin.definitions.rollout import Move
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from infra.commands import rollout as rollout_command
from store.db import Database
from store.read.definitions import versions as read
from store.tables import AuditRow
from tests.admin.conftest import NOW, OTTO, SIGRID
from tests.admin.test_drafts import TEXT

SHELL = Actor("operator", signed_in=False)
MOVE = Move(SHELL, NOW, "because")
Act = Callable[[Database, str, Move], Awaitable[object]]


async def publish(database: Database, *roles: str) -> list[str]:
    """One version a role, the last one live."""
    return [
        await publish_definition(
            database, TEXT.replace("planner", role), "demo.yaml", author="eva", signed_off_by="sigrid", now=NOW
        )
        for role in roles
    ]


async def slots(database: Database) -> dict[str, str]:
    async with database.transaction() as session:
        rows = await read.rollouts(session, "demo")
        numbers = {row.version: f"v{row.number}" for row in await read.versions(session)}
    return {row.slot: numbers[row.version] for row in rows}


async def test_back_and_back_again(staffed: Database) -> None:
    """Two steps back from v3 are v1, not v3 again."""
    await publish(staffed, "a", "b", "c")
    assert await slots(staffed) == {"live": "v3"}
    assert (await rollout.roll_back(staffed, "demo", MOVE)).number == 2  # type: ignore[union-attr]
    assert (await rollout.roll_back(staffed, "demo", MOVE)).number == 1  # type: ignore[union-attr]
    with pytest.raises(ConflictError, match="retire it"):
        await rollout.roll_back(staffed, "demo", MOVE)
    await rollout.go_live(staffed, "demo", "v3", MOVE)
    await rollout.roll_back(staffed, "demo", MOVE)
    assert await slots(staffed) == {"live": "v1"}


async def test_a_trial_is_promoted_or_ended(published: Database) -> None:
    await publish(published, "a", "b")
    await rollout.go_live(published, "demo", "v1", MOVE)
    await rollout.try_out(published, "demo", "v2", MOVE, areas=["turning"], share=50)
    assert await slots(published) == {"live": "v1", "trial": "v2"}
    assert await rollout.roll_back(published, "demo", MOVE)
    assert await slots(published) == {"live": "v1"}
    await rollout.try_out(published, "demo", "v2", MOVE, share=10)
    await rollout.try_out(published, "demo", "v2", MOVE, share=20)  # more of it
    assert (await rollout.promote(published, "demo", MOVE)).number == 2
    assert await slots(published) == {"live": "v2"}
    await rollout.roll_back(published, "demo", MOVE)
    assert await slots(published) == {"live": "v1"}


async def test_the_shadow_is_beside_all_that(staffed: Database) -> None:
    await publish(staffed, "a", "b")
    await rollout.watch(staffed, "demo", "v1", MOVE)
    assert await slots(staffed) == {"live": "v2", "shadow": "v1"}
    await rollout.stop_watching(staffed, "demo", MOVE)
    with pytest.raises(NotFoundError):
        await rollout.stop_watching(staffed, "demo", MOVE)
    await rollout.watch(staffed, "demo", "v1", MOVE)
    await rollout.go_live(staffed, "demo", "v1", MOVE)  # it leaves the shadow
    assert await slots(staffed) == {"live": "v1"}


async def test_retired_and_back(staffed: Database) -> None:
    await publish(staffed, "a")
    assert await rollout.retire(staffed, "demo", MOVE) == 0
    assert await slots(staffed) == {}
    with pytest.raises(ConflictError):
        await rollout.retire(staffed, "demo", MOVE)
    await rollout.go_live(staffed, "demo", "v1", MOVE)
    assert await slots(staffed) == {"live": "v1"}


async def test_who_was_quicker_is_not_undone(staffed: Database) -> None:
    """Two people see v3 go wrong and press at once: one step back, not two."""
    _, _, third = await publish(staffed, "a", "b", "c")
    press = Move(SIGRID, NOW, "pages the wrong people", seen=third)
    results = await asyncio.gather(
        *(rollout.roll_back(staffed, "demo", press) for _ in range(2)), return_exceptions=True
    )
    (lost,) = [result for result in results if isinstance(result, ConflictError)]
    assert "Sigrid Sand changed the rollout" in lost.message
    assert await slots(staffed) == {"live": "v2"}


@pytest.mark.parametrize(
    "areas, share, why",
    [
        (["turnin"], 50, "did you mean 'turning'"),
        ([], 100, "no trial"),
        ([], 101, "0 to 100"),
        ([], -1, "0 to 100"),
    ],
)
async def test_trials_that_are_none(published: Database, areas: list[str], share: int, why: str) -> None:
    await publish(published, "a", "b")
    with pytest.raises(InvalidPayloadError, match=why):
        await rollout.try_out(published, "demo", "v1", MOVE, areas=areas, share=share)
    with pytest.raises(ConflictError, match="live everywhere"):
        await rollout.try_out(published, "demo", "v2", MOVE, share=10)


@pytest.mark.parametrize("wanted", ["v9", "9", "abcdef012345", "trial", "ab", ""])
async def test_versions_that_are_not_there(staffed: Database, wanted: str) -> None:
    await publish(staffed, "a")
    with pytest.raises(NotFoundError, match="there are v1"):
        await rollout.go_live(staffed, "demo", wanted, MOVE)
    with pytest.raises(NotFoundError, match="mos versions"):
        await rollout.go_live(staffed, "missing", "v1", MOVE)


@pytest.mark.parametrize("wanted", ["v1", "1", "newest", "live", "hash"])
async def test_versions_by_any_name(staffed: Database, wanted: str) -> None:
    (version,) = await publish(staffed, "a")
    async with staffed.transaction() as session:
        found = await read.find(session, "demo", version[:8] if wanted == "hash" else wanted)
    assert found.version == version


@pytest.mark.parametrize(
    "act",
    [
        lambda database, name, move: rollout.go_live(database, name, "v1", move),
        lambda database, name, move: rollout.try_out(database, name, "v1", move, share=5),
        lambda database, name, move: rollout.watch(database, name, "v1", move),
        rollout.stop_watching,
        lambda database, name, move: rollout.promote(database, name, move),
        lambda database, name, move: rollout.roll_back(database, name, move),
        rollout.retire,
    ],
)
async def test_it_takes_the_authority(staffed: Database, act: Act) -> None:
    await publish(staffed, "a", "b")
    with pytest.raises(NotAllowedError):
        await act(staffed, "demo", Move(OTTO, NOW))
    assert await slots(staffed) == {"live": "v2"}


async def test_every_change_is_in_the_audit(staffed: Database) -> None:
    await publish(staffed, "a", "b")
    await rollout.roll_back(staffed, "demo", Move(SIGRID, NOW, "too loud"))
    await rollout.retire(staffed, "demo", MOVE)
    async with staffed.transaction() as session:
        rows = list(await session.scalars(select(AuditRow).order_by(col(AuditRow.id))))
    told = [(row.kind, row.actor, row.data["evidence"]) for row in rows if row.subject == "demo"]
    assert told == [
        ("definition.published", "sigrid", "named by the operator"),
        ("rollout.live", "eva", "named by the operator"),
        ("definition.published", "sigrid", "named by the operator"),
        ("rollout.live", "eva", "named by the operator"),
        ("rollout.rolled_back", "sigrid", "signed in"),
        ("rollout.retired", "operator", "named by the operator"),
    ]
    assert rows[-2].data["reason"] == "too loud"


async def test_published_again_is_live_again(staffed: Database) -> None:
    first, second = await publish(staffed, "a", "b")
    assert await publish(staffed, "a") == [first]
    assert await slots(staffed) == {"live": "v1"}
    async with staffed.transaction() as session:
        assert [row.version for row in await read.versions(session)] == [second, first]


@pytest.mark.parametrize("reason", ["", "  "])
def test_the_command_asks_for_a_reason_as_the_console_does(reason: str) -> None:
    with pytest.raises(InvalidPayloadError, match="--reason"):
        rollout_command.rollout("breakdown", rollout_command.Action.BACK, by="sofia", reason=reason)
