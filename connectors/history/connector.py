"""The agent `history`: what did earlier exceptions like this one come to?"""

from datetime import timedelta

from connectors.history.client import Past
from connectors.history.config import HistoryConfig
from connectors.history.mapping import Vote, nearest, vote
from connectors.roles import Agent
from domain.errors import NotFoundError
from domain.proposals import Proposal, Question

_MODEL = "history/1"


class History:
    """Deterministic: no model, no network, nothing learnt but what people answered and decided."""

    def __init__(self, config: HistoryConfig, past: Past) -> None:
        self.name = config.name
        self._config, self._past = config, past

    async def propose(self, question: Question) -> Proposal:
        """Its confidence is the smallest share of votes that any of the values got, `cases` the smallest number.

        Raises NotFoundError when fewer cases than it needs are alike, or ended with such a value."""
        config = self._config
        cases = await self._past(question.definition, timedelta(days=config.days))
        near = nearest(question.given, cases, config.alike, config.neighbours)
        votes = {name: vote(name, wanted, near) for name, wanted in question.returns.items()}
        found: dict[str, Vote] = {}
        for name, one in votes.items():
            if one is None or one.cases < config.cases:
                told = f"{one.cases if one else 0} exceptions like this one ended with it, {config.cases} are needed"
                raise NotFoundError(f"'{name}': {told}")
            found[name] = one
        return Proposal(
            values={name: one.value for name, one in found.items()},
            model=_MODEL,
            confidence=round(min(one.share for one in found.values()), 3),
            cases=min(one.cases for one in found.values()),
        )


def build(config: HistoryConfig, past: Past) -> Agent:
    """`past` reads the records."""
    return History(config, past)
