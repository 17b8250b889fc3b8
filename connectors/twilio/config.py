"""Settings of one Twilio account. The auth token is required: it also signs every callback."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class TwilioConfig(BaseModel):
    """`numbers` are ours in E.164; the first one sends unless `messaging_service_sid` does. `public_url` is where
    Twilio reaches us, without a path; `status_path` below it takes the delivery states. `signature` is what the account
    signs with: the header of a callback never chooses it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: SecretStr = Field(min_length=1)
    numbers: list[str] = Field(min_length=1)
    messaging_service_sid: str = Field(default="", pattern=r"^(MG[0-9a-fA-F]{32})?$")
    public_url: str
    status_path: str = "/twilio/status"
    api_base: str = "https://api.twilio.com"
    signature: Literal["HMAC_SHA1", "HMAC_SHA256"] = "HMAC_SHA1"
    timeout: float = Field(default=10, gt=0, le=60)  # seconds
    proxy: str | None = None

    @field_validator("api_base", "public_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            raise ValueError("is a URL such as https://mos.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.auth_token.get_secret_value().strip():
            raise ValueError("auth_token is blank")
        if any(not number.startswith("+") or not number[1:].isdecimal() for number in self.numbers):
            raise ValueError("numbers are in E.164, such as +420601000001")
        return self
