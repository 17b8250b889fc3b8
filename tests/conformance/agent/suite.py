"""What every Agent keeps to. An agent's test subclasses AgentConformance and gives a `mind` fixture."""

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import Protocol

import pytest

from connectors.roles import Agent
from domain.errors import MosError
from domain.proposals import Proposal, Question, misfit


class Mind(Protocol):
    """A real peer, or real records, with a question that it can answer."""

    secret: str
    question: Question

    def agent(self) -> Agent: ...

    def silence(self) -> None:
        """From now on it does not answer in time, or has nothing to go by."""
        ...


class AgentConformance:
    """Proposes what was asked for, and fails with the domain's errors only."""

    async def test_what_it_proposes_is_of_the_wanted_types(self, mind: Mind) -> None:
        found = await mind.agent().propose(mind.question)
        assert misfit(dict(found.values), mind.question.returns) == ""
        assert found.model
        assert found.tokens >= 0
        assert found.confidence is None or 0 <= found.confidence <= 1

    async def test_it_remembers_no_earlier_question(self, mind: Mind) -> None:
        agent = mind.agent()
        first = await agent.propose(mind.question)
        others = replace(mind.question, given={"equipment": "another-one", "stop_code": 99})
        with contextlib.suppress(MosError):
            await agent.propose(others)
        assert (await agent.propose(mind.question)).values == first.values

    async def test_questions_side_by_side_do_not_mix(self, mind: Mind) -> None:
        agent = mind.agent()
        found = await asyncio.gather(*(agent.propose(mind.question) for _ in range(5)))
        assert len({str(sorted(one.values.items())) for one in found}) == 1

    async def test_when_it_can_not_answer_it_says_so_in_our_errors(self, mind: Mind) -> None:
        mind.silence()
        with pytest.raises(MosError):
            await mind.agent().propose(mind.question)

    async def test_a_cancelled_question_ends(self, mind: Mind) -> None:
        asked = asyncio.ensure_future(mind.agent().propose(mind.question))
        await asyncio.sleep(0)
        asked.cancel()
        (ended,) = await asyncio.gather(asked, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError | Proposal)

    async def test_neither_secret_nor_data_is_in_any_log(self, mind: Mind, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await mind.agent().propose(mind.question)
        assert mind.secret not in caplog.text
        assert str(mind.question.given["equipment"]) not in caplog.text
