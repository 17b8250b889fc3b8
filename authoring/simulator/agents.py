"""Agents of a simulated plant: they answer what they are told to, late, wrong or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.contracts.agents import AgentAnswer, AgentRequest
from authoring.simulator.plant import Outage
from domain.proposals import misfit
from domain.values import Json

Known = Callable[[AgentRequest], AgentAnswer | None]


@dataclass(frozen=True)
class SimulatedAgent:
    """`answers`: step -> values, as it would give them: what does not fit is refused as in production. `takes`: how
    long it thinks. `stopped`: somebody threw its switch. `known`: answers it from a record instead."""

    answers: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    outages: Sequence[Outage] = ()
    takes: timedelta = timedelta()
    stopped: bool = False
    confidence: float | None = None
    known: Known | None = None

    def answer(self, request: AgentRequest, now: datetime) -> tuple[AgentAnswer, timedelta]:
        """What comes of the question, and after how long."""
        within = timedelta(seconds=request.within_s)
        if self.stopped:
            return _none(request, "stopped"), timedelta()
        if any(outage.covers(now) for outage in self.outages):
            return _none(request, "unavailable", f"{request.agent} is down"), timedelta()
        if self.takes >= within:
            return _none(request, "late"), within
        return self._thought(request), self.takes

    def _thought(self, request: AgentRequest) -> AgentAnswer:
        if self.known is not None:
            return self.known(request) or _none(request, "unsure")
        values = self.answers.get(request.step)
        if values is None:
            return _none(request, "unsure")
        wrong = misfit(dict(values), request.returns)
        if wrong:
            return _none(request, "misfit", wrong)
        return AgentAnswer(
            values=dict(values), confidence=self.confidence, model="scenario", goal=request.goal, tries=1
        )


def unknown(request: AgentRequest) -> AgentAnswer:
    """No agent of this name is connected."""
    return _none(request, "unavailable", f"no agent '{request.agent}' is connected")


def _none(request: AgentRequest, why: str, detail: str = "") -> AgentAnswer:
    return AgentAnswer(why=why, detail=detail, goal=request.goal)
