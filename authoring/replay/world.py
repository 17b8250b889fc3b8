"""What systems answer in a replay: what they answered then, else nothing. Nothing is posted anywhere."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from activities.contracts.agents import AgentAnswer, AgentRequest
from authoring.replay.model import AGENT, Fact, History, Place
from authoring.simulator.agents import SimulatedAgent
from authoring.simulator.plant import Plant, Question, SimulatedSystem
from domain.errors import NotFoundError
from domain.values import Json

_SYSTEMS = ("erp", "mes", "machine", "roster", "history")
_PLANNED = "planning."
_NO_PLAN: Mapping[str, Json] = {
    **{name: [] for name in ("options", "orders", "late_orders", "staging")},
    **dict.fromkeys(("planned_start", "planned_end", "version"), ""),
}


class Remembered:
    """The facts of one exception. `unplanned`: options were asked for, and none are recorded."""

    def __init__(self, history: History) -> None:
        self._exact = {(fact.source, fact.where): fact.value for fact in history.facts}
        self._only: dict[str, list[Json]] = {}
        for fact in history.facts:
            self._only.setdefault(fact.source, []).append(fact.value)
        self.unplanned = False

    def plant(self, place: Place) -> Plant:
        """The plant of this exception."""
        systems = {name: SimulatedSystem(name, self._answers(f"{name}.")) for name in _SYSTEMS}
        agents = {
            source.removeprefix(AGENT): SimulatedAgent(known=partial(self.proposed, source))
            for source in self._only
            if source.startswith(AGENT)
        }
        return Plant(place.roster, place.site.timezone, systems, _Planners(self), renders=False, agents=agents)

    def proposed(self, source: str, request: AgentRequest) -> AgentAnswer | None:
        """What the agent answered then; to a question that nobody put to it, nothing is known. The engine holds it
        against the types that the new version wants."""
        try:
            return AgentAnswer.model_validate(self._find(source, {"step": request.step, "given": request.given}))
        except NotFoundError:
            return None

    def planned(self, planner: str, where: Mapping[str, Json]) -> Json:
        """The options that were worked out then. Another question than then (a longer repair, say) gets them too."""
        source = _PLANNED + planner
        if source not in self._only:
            self.unplanned = True
            return {**_NO_PLAN, **where}
        return self._find(source, where)

    def _answers(self, prefix: str) -> dict[str, Json | Question]:
        return {source: self._asks(source) for source in self._only if source.startswith(prefix)}

    def _asks(self, source: str) -> Question:
        return lambda where, _: self._find(source, where)

    def _find(self, source: str, where: Mapping[str, Json]) -> Json:
        """To the same question the same answer; to another one, if only one answer is known, that one."""
        exact = (source, Fact.asked(where))
        if exact in self._exact:
            return self._exact[exact]
        if len(self._only[source]) > 1:
            raise NotFoundError(f"what {source} would have answered is not recorded")
        return self._only[source][0]


class _Planners(dict[str, Any]):
    """Every planner, by name: the simulator asks this before it computes anything itself."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered

    def get(self, planner: str, default: Any = None) -> Any:
        def answer(where: Mapping[str, Json], _: datetime) -> Json:
            return self._remembered.planned(planner, where)

        return answer
