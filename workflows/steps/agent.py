"""`agent`: a proposal is asked for. Whatever happens the procedure goes on: with the proposal, or with what its author
provided for. Nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts import calls
from activities.contracts.agents import AgentAnswer, AgentRequest
from domain.errors import ConfigError, MosError
from domain.language.agents import LONGEST
from domain.language.definition import AgentStep
from domain.proposals import MOST_CHOICES, MOST_GIVEN, Wanted, misfit
from domain.values import Json, canonical, duration, iso
from workflows.engine.runtime import EffectFailedError
from workflows.engine.stepping import run_steps

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: AgentStep) -> None:
    """The result has the values by name, `source` (agent | otherwise), `why` (empty, or why there is no proposal),
    `at`, `agent`, `model`, and `confidence` and `cases` where the agent knows them."""
    if "refused" not in place.kept:
        await place.engine.turn()
        given: dict[str, Json] = {}
        try:
            given = place.frame.resolve(step.given)
            longer = len(canonical(given)) - MOST_GIVEN
            answer = await _ask(place, step, given) if longer <= 0 else _too_much(longer)
            given = given if longer <= 0 else {}
        except (MosError, ValueError) as error:  # an authored value that can't be worked out holds nobody up
            answer = AgentAnswer(why="unavailable", detail=str(error))
        _take(place, step, given, answer)
        place.kept["refused"] = bool(answer.why)
    if place.kept["refused"]:
        await run_steps(place.frame, place.engine, step.instead, place.inside("instead"))


def _too_much(longer: int) -> AgentAnswer:
    return AgentAnswer(why="over_budget", detail=f"it would be given {longer} characters more than {MOST_GIVEN}")


async def _ask(place: Place, step: AgentStep, given: dict[str, Json]) -> AgentAnswer:
    """Asked once; how often it is tried is the effect's own. What comes back is held against the types again."""
    engine, returns = place.engine, {name: _wanted(place, step, name) for name in step.returns}
    within = min(place.frame.span(step.within), duration(LONGEST))
    projection = engine.projection()
    request = AgentRequest(
        agent=step.use,
        definition=place.frame.definition.definition,
        step=step.agent,
        goal=step.goal,
        scope={name: place.frame.scope[name] for name in ("equipment", "site")},
        given=given,
        returns=returns,
        within_s=within.total_seconds(),
        tries=step.at_most.tries,
        tokens=step.at_most.tokens,
        projection=projection,
    )
    try:
        answer = await engine.effect(engine.runtime.agent(request), within + calls.AGENT.start_to_close)
    except EffectFailedError as error:
        late = error.code == "mos.timeout"
        return AgentAnswer(why="late" if late else "unavailable", detail="" if late else error.message)
    engine.story.written(projection)
    wrong = misfit(answer.values, returns) if not answer.why else ""
    return answer.model_copy(update={"why": "misfit", "detail": wrong, "values": {}}) if wrong else answer


def _wanted(place: Place, step: AgentStep, name: str) -> Wanted:
    """With the choices as they are now. Raises ConfigError where there is nothing to choose from."""
    returned = step.returns[name]
    if not returned.among:
        return returned.wanted(returned.choices or None)
    found = place.frame.resolve(returned.among)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"'{name}': an agent chooses from a list of texts")
    if not 0 < len(found) <= MOST_CHOICES:
        raise ConfigError(f"'{name}': 1 to {MOST_CHOICES} to choose from are wanted, this is {len(found)}")
    return returned.wanted(list(dict.fromkeys(found)))


def _take(place: Place, step: AgentStep, given: dict[str, Json], answer: AgentAnswer) -> None:
    """The result, and the line that keeps what was asked, what it was given, and what came of it."""
    engine = place.engine
    known = {"confidence": answer.confidence, "cases": answer.cases}
    own: dict[str, Json] = {
        "why": answer.why,
        "at": iso(engine.runtime.now()),
        "agent": step.use,
        "model": answer.model,
    }
    own |= {name: value for name, value in known.items() if value is not None and not answer.why}
    values = place.frame.resolve(step.otherwise) if answer.why else answer.values
    place.frame.put(step.agent, {**values, "source": "otherwise" if answer.why else "agent", **own})
    engine.note(
        "agent_refused" if answer.why else "agent_proposed", place.path, task=step.agent, agent=step.use,
        goal=answer.goal or step.goal, given=given, values=values, model=answer.model, why=answer.why,
        detail=answer.detail[:400], confidence=answer.confidence, cases=answer.cases, tries=answer.tries,
        tokens=answer.tokens, took_s=answer.took_s,
    )  # fmt: skip
