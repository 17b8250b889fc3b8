"""Asking an agent: whatever it does, an answer comes of it in time, and nothing else does."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio import activity

from activities import project
from activities.contracts import calls
from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.world import World
from connectors.roles import Agent
from domain.errors import (
    AuthError,
    ConfigError,
    InvalidPayloadError,
    MosError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
)
from domain.proposals import MOST_GIVEN, Proposal, Question, misfit, printable, tokens_of
from domain.values import Json, canonical
from store.read.definitions import agents as read
from store.write import facts
from templates.text import render_text

_FOR_GOOD = (AuthError, ConfigError, NotFoundError, RejectedError)
_BUDGET, _TIMEOUT = "mos.agent.budget", "mos.timeout"


class AgentActivities:
    """Agents are untrusted: what comes back is held against the wanted types, and every failure is an answer."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.AGENT.name)
    async def agent(self, request: AgentRequest) -> AgentAnswer:
        """Ask, within its time and budget, unless somebody stopped it.

        Idempotency: reads only, plus the projection and what was answered, the first time; called again after a crash
        it asks nobody if an answer was kept. Raises: nothing of the agent's. Timeouts: `within_s`.
        """
        begun, exception_id = time.monotonic(), request.projection.exception_id
        asked: dict[str, Json] = {"step": request.step, "given": request.given}
        if activity.info().attempt > 1:
            async with self._world.database.transaction() as session:
                known = await read.answered(session, exception_id, request.agent, asked)
            if known is not None:
                return AgentAnswer.model_validate(known)
        answer = await self._answer(request)
        told = {"detail": printable(answer.detail), "model": printable(answer.model)}
        answer = answer.model_copy(update=told | {"took_s": round(time.monotonic() - begun, 2)})
        kept = (f"agent.{request.agent}", asked, answer.model_dump(mode="json"))
        async with self._world.database.transaction() as session:
            await project.write(session, request.projection)
            await facts.keep(session, exception_id, [kept], self._world.now())
        return answer

    async def _answer(self, request: AgentRequest) -> AgentAnswer:
        async with self._world.database.transaction() as session:
            reason = await read.stopped(session, request.agent)
        if reason is not None:
            return AgentAnswer(why="stopped", detail=reason)
        agent = self._world.agents.get(request.agent)
        if agent is None:
            return AgentAnswer(why="unavailable", detail=f"no agent '{request.agent}' is connected")
        if len(canonical(request.given)) > MOST_GIVEN:
            return AgentAnswer(why="over_budget", detail=f"more than {MOST_GIVEN} characters are given")
        try:
            goal = render_text(request.goal, request.scope)
        except ConfigError as error:
            return AgentAnswer(why="unavailable", detail=error.message)
        return (await _Asking(agent, request, goal).run()).model_copy(update={"goal": goal})


@dataclass
class _Asking:
    """All tries of one question."""

    agent: Agent
    request: AgentRequest
    goal: str
    tokens: int = 0
    tries: int = 0
    last: AgentAnswer = field(default_factory=lambda: AgentAnswer(why="late"))
    clock: Callable[[], float] = time.monotonic

    async def run(self) -> AgentAnswer:
        """A proposal, or why there is none; never later than it may be."""
        try:
            async with asyncio.timeout(self.request.within_s):
                await self._tries()
        except TimeoutError:
            self.last = AgentAnswer(why="late", detail=self.last.detail)
        return self.last.model_copy(update={"tries": self.tries, "tokens": self.tokens})

    async def _tries(self) -> None:
        while self.tries < self.request.tries:
            self.tries += 1
            pause = await self._once()
            if pause is None:
                return
            if self.tries < self.request.tries:
                await asyncio.sleep(pause)

    async def _once(self) -> float | None:
        """Seconds until it may be tried again; None: this was the last time."""
        left = self.request.tokens - self.tokens
        if left <= 0:
            self.last = AgentAnswer(why="over_budget", detail=f"{self.tokens} tokens are used: {self.last.detail}")
            return None
        try:
            proposal = await self.agent.propose(self._question(left))
        except MosError as error:
            self.tokens += tokens_of([self.goal, self.request.given])  # it may have been read all the same
            return self._failed(error)
        self.tokens += proposal.tokens
        return self._judged(proposal)

    def _question(self, left: int) -> Question:
        asked = self.request
        return Question(self.goal, asked.given, asked.returns, left, asked.definition, asked.step)

    def _judged(self, proposal: Proposal) -> float | None:
        wrong = misfit(dict(proposal.values), self.request.returns)
        if wrong:
            self.last = AgentAnswer(why="misfit", detail=wrong, model=proposal.model)
            return 0
        values: dict[str, Json] = dict(proposal.values)
        self.last = AgentAnswer(
            values=values, confidence=proposal.confidence, cases=proposal.cases, model=proposal.model
        )
        return None

    def _failed(self, error: MosError) -> float | None:
        """An unreadable answer or an ill server may be better the next time; a refusal will not."""
        self.last = AgentAnswer(why=_why(error), detail=f"{error.message} {error.detail}".strip())
        if isinstance(error, RateLimitedError):
            return error.retry_after
        return None if isinstance(error, _FOR_GOOD) else 0.2 * self.tries


def _why(error: MosError) -> str:
    if isinstance(error, NotFoundError):
        return "unsure"
    if isinstance(error, InvalidPayloadError):
        return "misfit"
    if error.code == _BUDGET:
        return "over_budget"
    return "late" if error.code == _TIMEOUT else "unavailable"
