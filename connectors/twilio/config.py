"""Settings of one Twilio account. The auth token is required: it also signs every callback."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_CONTENT = re.compile(r"(task|yours|approve[1-7]|notify|code)\.[a-z]{2}")
_SID = re.compile(r"HX[0-9a-fA-F]{32}")


class TwilioConfig(BaseModel):
    """`numbers` are ours in E.164; the first one sends and calls, unless `messaging_service_sid` sends.
    `whatsapp_number` is our WhatsApp sender in E.164, without a prefix; `contents` its approved templates: `task.en` ->
    `HX...`. `public_url` is where Twilio reaches us, without a path; `status_path` below it takes the delivery states.
    `signature` is what the account signs with: the header of a callback never chooses it. While tokens are rotated,
    `auth_token_secondary` is the other one: callbacks signed with either are believed. `media_origins` are the hosts
    that media may be fetched from beside `api_base`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: SecretStr = Field(min_length=1)
    auth_token_secondary: SecretStr | None = None
    numbers: list[str] = Field(min_length=1)
    messaging_service_sid: str = Field(default="", pattern=r"^(MG[0-9a-fA-F]{32})?$")
    whatsapp_number: str = Field(default="", pattern=r"^(\+[0-9]{7,15})?$")
    contents: dict[str, str] = {}
    public_url: str
    status_path: str = "/twilio/status"
    voice_path: str = "/twilio/voice"
    ring_seconds: int = Field(default=30, ge=5, le=120)
    api_base: str = "https://api.twilio.com"
    media_origins: list[str] = ["https://media.twiliocdn.com"]
    signature: Literal["HMAC_SHA1", "HMAC_SHA256"] = "HMAC_SHA1"
    timeout: float = Field(default=10, gt=0, le=60)  # seconds
    proxy: str | None = None

    @field_validator("api_base", "public_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            raise ValueError("is a URL such as https://mos.example.com")
        return value.rstrip("/")

    @field_validator("media_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
                raise ValueError("are scheme and host, such as https://media.twiliocdn.com")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if any(not token.strip() for token in self.tokens):
            raise ValueError("auth_token is blank")
        if any(not number.startswith("+") or not number[1:].isdecimal() for number in self.numbers):
            raise ValueError("numbers are in E.164, such as +420601000001")
        for name, sid in self.contents.items():
            if not _CONTENT.fullmatch(name) or not _SID.fullmatch(sid):
                raise ValueError(f"contents: {name}: write <task|yours|approve1..7|notify|code>.<language>: HX...")
        return self

    @property
    def tokens(self) -> list[str]:
        """The token that we call with, then the other one while they are rotated."""
        both = (self.auth_token, self.auth_token_secondary)
        return [token.get_secret_value() for token in both if token is not None]
