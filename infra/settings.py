"""Every setting of the product, read from the environment here and nowhere else.

Names start with `MOS_`, except the vendors' own (`SLACK_*`, `TWILIO_*`). Unset means: the embedded part is used.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import ConfigError
from domain.language import misfits


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _postgres_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise ValueError("must look like postgresql://user:password@host:5432/mos")
    return url


def _mqtt_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("mqtt://", "mqtts://")):
        raise ValueError("must look like mqtt://host:1883 or mqtts://user:password@host:8883")
    return url


def _host_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("must look like host:7233")
    return address


def _base_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url


Port = Annotated[int, Field(ge=1, le=65535)]
File = Annotated[Path, AfterValidator(_absolute)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]


def _config(prefix: str) -> SettingsConfigDict:
    """Without the filter each line of a file is held against each of the settings: half a second for nothing."""
    return SettingsConfigDict(
        env_prefix=prefix, env_ignore_empty=True, extra="ignore", frozen=True, dotenv_filtering="only_existing"
    )


class SlackSettings(BaseSettings):
    """The Slack app; the base URL ends in a slash (slack-sdk joins method names to it)."""

    model_config = _config("SLACK_")

    api_base: BaseUrl = "https://slack.com/api/"
    bot_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    team_id: str | None = None
    app_id: str | None = None


class TwilioSettings(BaseSettings):
    """The Twilio account that sends SMS and WhatsApp and calls; numbers are E.164. `voice` off: it never calls.
    `media_origins`: the hosts that Twilio hands pictures out from, with spaces between."""

    model_config = _config("TWILIO_")

    api_base: BaseUrl = "https://api.twilio.com"
    account_sid: str | None = None
    auth_token: SecretStr | None = None
    auth_token_secondary: SecretStr | None = None
    from_: Annotated[str | None, Field(validation_alias="TWILIO_FROM")] = None
    whatsapp_from: str | None = None
    media_origins: str = ""
    voice: bool = True


class SmtpSettings(BaseSettings):
    """The mail server that takes our e-mail; `from` is our address."""

    model_config = _config("MOS_SMTP_")

    host: str | None = None
    port: Port | None = None
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    from_: Annotated[str | None, Field(validation_alias="MOS_SMTP_FROM")] = None
    from_name: str = ""
    ca_file: File | None = None


class Settings(BaseSettings):
    """What one installation is told. Ports are loopback ports of the embedded parts; unset = a free one is chosen."""

    model_config = _config("MOS_")

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(default=Path(".mos"), validate_default=True)
    log_level: Level = "INFO"
    min_free_mb: Annotated[int, Field(ge=0)] = 512

    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = None
    postgres_port: Port | None = None

    temporal_address: Annotated[str, AfterValidator(_host_port)] | None = None
    temporal_namespace: str = "mos"
    temporal_tls_cert: File | None = None
    temporal_tls_key: File | None = None
    temporal_tls_ca: File | None = None
    temporal_durable: bool = False
    engine_generation: Annotated[int, Field(ge=1)] | None = None
    temporal_port: Port | None = None
    temporal_ui_port: Port | None = None

    mqtt_url: Annotated[SecretStr, AfterValidator(_mqtt_url)] | None = None
    mqtt_port: Port | None = None
    mqtt5_port: Port | None = None

    api_host: str = "127.0.0.1"
    api_port: Port | None = None
    public_url: BaseUrl | None = None
    webhook_secret: SecretStr | None = None
    session_secret: SecretStr | None = None
    api_token: SecretStr | None = None
    audit_key: SecretStr | None = None
    audit_public_keys: str = ""
    trusted_proxies: str = "127.0.0.1"
    oidc_issuer: BaseUrl | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None

    slack_app_token: SecretStr | None = None
    slack: SlackSettings = Field(default_factory=SlackSettings)
    twilio: TwilioSettings = Field(default_factory=TwilioSettings)
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)

    @model_validator(mode="after")
    def _tls_pair(self) -> "Settings":
        if (self.temporal_tls_cert is None) != (self.temporal_tls_key is None):
            raise ValueError("set both MOS_TEMPORAL_TLS_CERT and MOS_TEMPORAL_TLS_KEY, or neither")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> "Settings":
        given = [bool(one) for one in (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)]
        if any(given) and not all(given):
            raise ValueError("set MOS_OIDC_ISSUER, MOS_OIDC_CLIENT_ID and MOS_OIDC_CLIENT_SECRET, or none of them")
        return self

    def sqlalchemy_url(self) -> str:
        """The database URL with the psycopg 3 driver named. Raises ConfigError when none is set."""
        if self.database_url is None:
            raise ConfigError("No database: start the stack with `mos up`, or set MOS_DATABASE_URL")
        url = self.database_url.get_secret_value()
        return "postgresql+psycopg://" + url.split("://", 1)[1]


def load_settings(*, running: bool = False) -> Settings:
    """Read the settings. With `running`, addresses and secrets that are unset come from the stack running on the
    same data folder, so that a command in a second terminal finds it. Raises ConfigError: one line, what to set."""
    try:
        settings = Settings()
        return _attached(settings) if running else settings
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with `extra` laid over it, for a child that is part of the product."""
    return {**os.environ, **extra}


def bare_environment() -> dict[str, str]:
    """For third-party children: nothing that could steer them (TEMPORAL_*, PG*, PYTHON*) is handed down."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}


def running_environment_file(data_dir: Path) -> Path:
    """Where `mos up` keeps what it hands to the product's processes (mode 0600), while it runs: NAME='value' lines."""
    return data_dir / "run" / "product.env"


def _attached(settings: Settings) -> Settings:
    file = running_environment_file(settings.data_dir)
    if not file.exists():
        return settings
    slack, twilio = SlackSettings(_env_file=file), TwilioSettings(_env_file=file)
    smtp = SmtpSettings(_env_file=file)
    return Settings(_env_file=file, data_dir=settings.data_dir, slack=slack, twilio=twilio, smtp=smtp)


def _explain(error: ValidationError) -> str:
    prefixes = {"SlackSettings": "SLACK_", "TwilioSettings": "TWILIO_", "SmtpSettings": "MOS_SMTP_"}
    prefix = prefixes.get(error.title, "MOS_")
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        message = misfits.words(problem)
        name = "_".join(str(part) for part in problem["loc"]).upper()
        lines.append(f"{prefix}{name.removeprefix(prefix)}: {message}" if name else message)
    return "Setting to correct: " + "; ".join(lines)
