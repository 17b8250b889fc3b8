"""A language model as an Agent: the question out, a proposal back, no tools, no memory."""

from collections.abc import Mapping

from connectors.openai_compatible import mapping
from connectors.openai_compatible.client import ModelClient
from connectors.openai_compatible.config import ModelConfig
from connectors.roles import Agent
from domain.proposals import Proposal, Question


class Model:
    """One model on one server."""

    def __init__(self, config: ModelConfig, client: ModelClient) -> None:
        self.name = config.name
        self._config, self._client = config, client

    async def propose(self, question: Question) -> Proposal:
        """Sends nothing but the goal, what is given, and the wanted types."""
        body = mapping.request(question, self._config)
        return mapping.proposal(await self._client.complete(body), body)

    async def close(self) -> None:
        await self._client.close()


def build(config: ModelConfig, secrets: Mapping[str, str]) -> Agent:
    """`secrets`: `api_key`, where the server wants one."""
    return Model(config, ModelClient(config, secrets.get("api_key", "")))
