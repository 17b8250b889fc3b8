"""Trying an agent before it is connected: one question that has one right answer."""

from connectors.probing import Finding
from connectors.roles import Agent
from domain.errors import MosError
from domain.proposals import Question, Wanted, misfit

_QUESTION = Question(
    goal="Which colour stands in the data?",
    given={"colour": "blue"},
    returns={"colour": Wanted(choices=["blue", "red"]), "hours": Wanted(kind="integer", least=0, most=9)},
    tokens=4_000,
)


async def probe(agent: Agent) -> list[Finding]:
    """Does it answer, is the answer of the wanted types, and is it right?"""
    reached, fitting, right = "reach it and ask it", "answer with the wanted types", "answer what stands in the data"
    try:
        found = await agent.propose(_QUESTION)
    except MosError as error:
        return [Finding(reached, False, f"{error.message} {error.detail}".strip())]
    finally:
        close = getattr(agent, "close", None)
        if close is not None:
            await close()
    wrong = misfit(dict(found.values), _QUESTION.returns)
    told = found.values.get("colour") == "blue"
    advice = "try --set strict=false, or another model"
    return [
        Finding(f"{reached}: {found.model}", True),
        Finding(fitting, not wrong, f"{wrong}: {advice}"),
        Finding(right, told, "it proposes nonsense: use another model", blocks=False),
    ]
