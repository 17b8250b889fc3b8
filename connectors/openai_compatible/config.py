"""Settings of the connection to a model. The API key is a secret and comes apart; a local server may need none."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelConfig(BaseModel):
    """`url` up to and with the version (`http://127.0.0.1:11434/v1`); `model` as the server calls it. `timeout`:
    seconds for one try. `answer_tokens`: at most so many for one answer, sent under the name `limit_field` (newer
    servers of OpenAI take `max_completion_tokens`). `strict` off: for servers that know no `json_schema`, any JSON
    object is asked for, and the schema stands in the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    url: str = Field(pattern=r"^https?://[^\s?#]+$")
    model: str = Field(min_length=1, max_length=200)
    timeout: float = Field(default=30.0, gt=0, le=600)
    answer_tokens: int = Field(default=800, ge=16, le=20_000)
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    strict: bool = True
