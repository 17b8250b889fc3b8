"""Settings of one Slack app in one workspace. Both secrets are required: without them nothing is sent or believed."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class SlackConfig(BaseModel):
    """`team_id` and `app_id` are compared with every callback. `response_origins` (scheme, host, port) are the only
    places a callback's `response_url` may point to, `file_origins` those that files are fetched from: Slack's, or that
    of another `api_base`. `timeout` in seconds covers one call; connecting takes at most `connect_timeout` of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot_token: SecretStr = Field(min_length=1)
    signing_secret: SecretStr = Field(min_length=1)
    team_id: str = Field(pattern=r"^[TE][A-Z0-9]{2,}$")
    app_id: str = Field(pattern=r"^A[A-Z0-9]{2,}$")
    api_base: str = "https://slack.com/api/"
    response_origins: list[str] = []
    file_origins: list[str] = []
    timeout: float = Field(default=10, gt=0, le=60)
    connect_timeout: float = Field(default=4, gt=0, le=60)
    proxy: str | None = None

    @property
    def origins(self) -> list[str]:
        """Where a `response_url` may lead."""
        return self.response_origins or [self._at("https://hooks.slack.com")]

    @property
    def files(self) -> list[str]:
        """Where a file may lie."""
        return self.file_origins or [self._at("https://files.slack.com")]

    def _at(self, host: str) -> str:
        parts = urlsplit(self.api_base)
        return host if parts.hostname == "slack.com" else f"{parts.scheme}://{parts.netloc}"

    @field_validator("api_base")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            raise ValueError("api_base is a URL such as https://slack.com/api/")
        return value.rstrip("/") + "/"

    @field_validator("bot_token", "signing_secret")
    @classmethod
    def _not_blank(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            raise ValueError("is blank")
        return value
