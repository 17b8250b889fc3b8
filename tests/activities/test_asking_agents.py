"""Asking an agent: whatever it does an answer comes of it, and a stopped one is not asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.story import Projection
from activities.proposing import AgentActivities
from activities.world import World
from admin import agents as admin
from admin.actors import Actor, NotAllowedError
from domain.errors import (
    AuthError,
    InvalidPayloadError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    TransientError,
)
from domain.proposals import Proposal, Question, Wanted
from infra.connect_agents import agents, past_of
from store.read.definitions import agents as read
from store.tables import AuditRow, ContextFactRow
from tests.support.past import closed

OPERATOR = Actor("operator", signed_in=False)
RIGHT = Proposal({"cause": "belt"}, "model-1", confidence=0.9, cases=4, tokens=50)
WRONG = Proposal({"cause": "sabotage"}, "model-1", tokens=50)
Deed = Proposal | Exception | Callable[[], Awaitable[Proposal]]


class Scripted:
    """Does one thing after the other, the last again and again."""

    name = "scripted"

    def __init__(self, *deeds: Deed) -> None:
        self.deeds, self.asked = list(deeds), list[Question]()

    async def propose(self, question: Question) -> Proposal:
        self.asked.append(question)
        deed = self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0]
        if isinstance(deed, Exception):
            raise deed
        return deed if isinstance(deed, Proposal) else await deed()


async def never() -> Proposal:
    await asyncio.Event().wait()
    return RIGHT


def request(**more: Any) -> AgentRequest:
    asked: dict[str, Any] = {
        "agent": "scripted", "definition": "breakdown", "step": "likely", "goal": "Cause of {{ equipment.title }}?",
        "scope": {"equipment": {"title": "Lathe 1"}}, "given": {"equipment": "lathe-1", "stop_code": 7},
        "returns": {"cause": Wanted(choices=["belt", "power"])}, "within_s": 60, "tries": 3, "tokens": 1000,
        "projection": Projection(exception_id="exc_1", rev=1, handling="open", condition="active"),
    }  # fmt: skip
    return AgentRequest.model_validate(asked | more)


async def ask(world: World, asked: Any, **more: Any) -> AgentAnswer:
    named = replace(world, agents={"scripted": asked})
    return await ActivityEnvironment().run(AgentActivities(named).agent, request(**more))


async def test_a_proposal_comes_back_as_it_was_given_and_is_kept(world: World) -> None:
    agent = Scripted(RIGHT)
    answer = await ask(world, agent)
    assert (answer.why, answer.values, answer.model) == ("", {"cause": "belt"}, "model-1")
    assert (answer.confidence, answer.cases, answer.tries, answer.tokens) == (0.9, 4, 1, 50)
    assert answer.goal == agent.asked[0].goal == "Cause of Lathe 1?"
    async with world.database.transaction() as session:
        (kept,) = await session.scalars(select(ContextFactRow).where(col(ContextFactRow.source) == "agent.scripted"))
    assert (kept.asked["step"], kept.value["values"]) == ("likely", {"cause": "belt"})


@pytest.mark.parametrize(
    "deeds, why, tries",
    [
        ([InvalidPayloadError("no JSON"), RIGHT], "", 2),
        ([WRONG, RIGHT], "", 2),
        ([TransientError("ill"), RateLimitedError("slow down", retry_after=0), RIGHT], "", 3),
        ([WRONG], "misfit", 3),
        ([InvalidPayloadError("no JSON")], "misfit", 3),
        ([TransientError("ill")], "unavailable", 3),
        ([TransientError("slow", code="mos.timeout")], "late", 3),
        ([AuthError("wrong key")], "unavailable", 1),
        ([RejectedError("no", code="mos.agent.refused")], "unavailable", 1),
        ([RejectedError("too long", code="mos.agent.budget")], "over_budget", 1),
        ([NotFoundError("no case")], "unsure", 1),
        ([RateLimitedError("slow down", retry_after=3600)], "late", 1),
        ([never], "late", 1),
    ],
)
async def test_it_is_tried_within_its_budget_and_then_answers_why(
    world: World, deeds: list[Deed], why: str, tries: int
) -> None:
    endless = deeds[0] is never or isinstance(deeds[0], RateLimitedError)
    answer = await ask(world, Scripted(*deeds), within_s=0.2 if endless else 60)
    assert (answer.why, answer.tries) == (why, tries)
    assert bool(answer.values) == (why == "")


async def test_tokens_of_all_tries_count_together(world: World) -> None:
    agent = Scripted(WRONG)
    answer = await ask(world, agent, tokens=100, tries=5)
    assert (answer.why, len(agent.asked)) == ("over_budget", 2)
    assert [question.tokens for question in agent.asked] == [100, 50]


@pytest.mark.parametrize(
    "deed", [Proposal({"cause": "belt", "a\x00": 1}, "m\x00"), RejectedError("no", detail="\x00 \ud800")]
)
async def test_signs_that_no_database_takes_are_answers_too(world: World, deed: Deed) -> None:
    answer = await ask(world, Scripted(deed), tries=1)
    assert (answer.why != "", answer.detail.isprintable()) == (True, True)


async def test_too_much_is_not_sent(world: World) -> None:
    agent = Scripted(RIGHT)
    answer = await ask(world, agent, given={"text": "x" * 20_001})
    assert (answer.why, agent.asked) == ("over_budget", [])


async def test_nobody_of_that_name(world: World) -> None:
    assert (await ask(world, Scripted(RIGHT), agent="other")).why == "unavailable"


async def test_a_stopped_one_is_not_asked_until_it_is_started_again(world: World) -> None:
    agent, now = Scripted(RIGHT), world.now()
    await admin.switch(world.database, "scripted", stop=True, reason="it proposes nonsense", by=OPERATOR, now=now)
    answer = await ask(world, agent)
    assert (answer.why, answer.detail, agent.asked) == ("stopped", "it proposes nonsense", [])
    assert [one.name for one in await read.agents(world.database, now) if one.control.stopped] == ["scripted"]
    await admin.switch(world.database, "scripted", stop=False, reason="", by=OPERATOR, now=now)
    assert (await ask(world, agent)).why == ""
    async with world.database.transaction() as session:
        rows = await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "agent.control"))
        assert [row.data["stopped"] for row in rows.all()] == [True, False]


async def test_not_everybody_may_stop_one(world: World) -> None:
    with pytest.raises(NotAllowedError):
        await admin.switch(world.database, "history", stop=True, reason="x", by=Actor("jonas"), now=world.now())


async def test_the_sites_own_records_propose(world: World) -> None:
    """Cause by an answer, plan by an approval; only exceptions of the same definition that are over."""
    for number, cause in enumerate(["belt", "belt", "power", "belt"]):
        await closed(world.database, number, "lathe-1", cause)
    await closed(world.database, 9, "press-1", "power")
    history = agents([], past_of(world.database, world.now))["history"]
    returns = {"cause": Wanted(choices=["belt", "power"]), "plan": Wanted()}
    answer = await ask(world, history, returns=returns, given={"equipment": "lathe-1", "stop_code": 7})
    assert (answer.why, answer.values, answer.cases) == ("", {"cause": "belt", "plan": "wait"}, 5)
    assert answer.confidence == pytest.approx(3 / 4.5, abs=0.001)
    other = await ask(world, history, definition="rush_order")
    assert other.why == "unsure"


async def test_called_again_after_a_crash_it_asks_nobody_twice(world: World) -> None:
    """The answer was committed, and the worker died before it could say so."""
    agent = Scripted(RIGHT, replace(RIGHT, values={"cause": "power"}))
    first = await ask(world, agent)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=2)
    named = replace(world, agents={"scripted": agent})
    assert await environment.run(AgentActivities(named).agent, request()) == first
    assert len(agent.asked) == 1
    assert (await environment.run(AgentActivities(named).agent, request(step="second"))).values == {"cause": "power"}
