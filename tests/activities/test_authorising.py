"""The authorise activity: who asked for it, who voted under another name, who lent it."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.authorising import AuthorityActivities
from activities.contracts.model import Authorised, AuthoriseRequest
from activities.world import World
from admin.actors import Actor, NotAllowedError
from admin.authority import lend, publish_matrix
from domain.errors import ConfigError, InvalidPayloadError
from store.tables import ContactRow
from store.write import inbox
from tests.support.plant import utcnow

MATRIX: dict[str, Any] = {
    "actions": {"reschedule": {"risk": "normal", "not_requester": True}},
    "grants": [
        {"id": "planner", "action": "reschedule", "to": {"role": "planner"}, "limits": {"money": 100}},
        {"id": "manager", "action": "reschedule", "to": {"person": "sofia"}},
    ],
}


async def ask(world: World, person: str, **more: Any) -> Authorised:
    request = AuthoriseRequest(person=person, authority="reschedule", channel="slack", impact={"money": 50}, **more)
    return await ActivityEnvironment().run(AuthorityActivities(world).authorise, request)


@pytest.fixture
async def ruled(world: World) -> World:
    await publish_matrix(world.database, MATRIX, author="eng", now=utcnow())
    return world


async def test_who_asked_for_it_may_not_decide_it(ruled: World) -> None:
    assert (await ask(ruled, "lena", requesters=["lena"])).code == "own_request"
    assert (await ask(ruled, "sofia", requesters=["lena"])).granted["grant"] == "manager"


async def test_a_limit_is_held_against_the_figure(ruled: World) -> None:
    over = await ask(ruled, "lena", task_id="", verb="approve:x")
    assert (over.allowed, over.granted["limits"]) == (True, {"money": 100.0})
    request = AuthoriseRequest(person="lena", authority="reschedule", channel="slack", impact={})
    unknown = await ActivityEnvironment().run(AuthorityActivities(ruled).authorise, request)
    assert (unknown.code, unknown.over) == ("over_limit", ["money"])


async def test_c11_the_lender_who_voted_is_not_counted_twice(ruled: World) -> None:
    now = utcnow()
    await lend(
        ruled.database, to_person="mei", actions=["reschedule"], start=now, end=now + timedelta(hours=1),
        reason="a meeting", by=Actor("lena"), now=now,
    )  # fmt: skip
    assert (await ask(ruled, "mei")).granted["lent_by"] == "lena"
    assert (await ask(ruled, "mei", others=["lena"])).code == "four_eyes"
    assert (await ask(ruled, "mei", requesters=["lena"])).code == "own_request"
    with pytest.raises(NotAllowedError):  # what was lent is not lent on
        await lend(
            ruled.database, to_person="jonas", actions=["reschedule"], start=now, end=now + timedelta(hours=1),
            reason="me too", by=Actor("mei"), now=now,
        )  # fmt: skip


@pytest.mark.parametrize("days", [-1, 0, 91])
async def test_c13_a_delegation_has_an_end_that_is_near(ruled: World, days: int) -> None:
    now = utcnow()
    with pytest.raises(InvalidPayloadError):
        await lend(
            ruled.database, to_person="mei", actions=["reschedule"], start=now, end=now + timedelta(days=days),
            reason="holidays", by=Actor("lena"), now=now,
        )  # fmt: skip


async def test_a_grant_to_nobody_is_not_published(world: World) -> None:
    wrong = {"grants": [{"id": "x", "action": "reschedule", "to": {"person": "lenna"}}]}
    with pytest.raises(ConfigError, match="lenna"):
        await publish_matrix(world.database, wrong, author="eng", now=utcnow())


@pytest.mark.parametrize("risk, counts", [("low", True), ("normal", False)])
async def test_c9_a_new_address_decides_nothing_that_the_matrix_raises(world: World, risk: str, counts: bool) -> None:
    """The step said low, so the press was let in; what it takes is looked up when it is decided."""
    matrix = MATRIX | {"actions": {"reschedule": {"risk": risk}}}
    await publish_matrix(world.database, matrix, author="eng", now=utcnow())
    async with world.database.transaction() as session:
        address = ContactRow(channel="sms", address="+447700900999", person="lena", verified_at=utcnow())
        address.usable_from = utcnow() + timedelta(hours=3)
        session.add(address)
        body = {"channel": "sms", "address": "+447700900999", "verb": "choose"}
        await inbox.add_answer(
            session, source="sms", event_id="SM1", kind="sms.text", body=body, received_at=utcnow()
        )  # fmt: skip
    request = AuthoriseRequest(person="lena", authority="reschedule", channel="sms", press="SM1", impact={"money": 5})
    found = await ActivityEnvironment().run(AuthorityActivities(world).authorise, request)
    assert (found.allowed, found.code) == (counts, "" if counts else "new_address")
