"""Composition: from the connectors document and the settings to connected systems, sources and channels."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from connectors.roles import Agent, Channel, Manifest, Normaliser, Source, System
from domain.errors import ConfigError
from domain.language import misfits
from domain.rosters.people import ChannelName
from domain.values import Json
from infra.settings import Settings, SmtpSettings, child_environment
from intake import own_signals
from intake import sources as intake_sources

if TYPE_CHECKING:
    from connectors.roster_feeds import FeedClient
    from connectors.slack.connector import SlackChannel
    from connectors.twilio.memory import Memory

Model = TypeVar("Model", bound=BaseModel)

# What the settings of a kind look like, and where its `build` is: each is imported when first needed, so that a vendor
# library that no connection uses is never loaded, and settings are checked without any.
_KINDS = {
    "erpnext": ("erpnext.config:ErpNextConfig", "erpnext.connector"),
    "history": ("history.config:HistoryConfig", "history.connector"),
    "mes_http": ("mes_http.config:MesConfig", "mes_http.connector"),
    "mqtt": ("mqtt.config:MqttConfig", "mqtt.connector"),
    "odoo": ("odoo.config:OdooConfig", "odoo.connector"),
    "opcua": ("opcua.config:OpcUaConfig", "opcua.connector"),
    "openai_compatible": ("openai_compatible.config:ModelConfig", "openai_compatible.connector"),
    "rest": ("rest.config:RestConfig", "rest.connector"),
    "roster_goalert": ("roster_feeds:FeedConfig", "roster_feeds"),
    "roster_grafana": ("roster_feeds:FeedConfig", "roster_feeds"),
    "roster_ical": ("roster_feeds:CalendarConfig", "roster_feeds"),
    "roster_pagerduty": ("roster_feeds:FeedConfig", "roster_feeds"),
    "sap": ("sap.config:SapConfig", "sap.connector"),
    "tryton": ("tryton.config:TrytonConfig", "tryton.building"),
}


class Connection(BaseModel):
    """One entry of the connectors document. Secrets are references: `file:<path>` or `env:<NAME>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    role: str  # erp | mes | source | channel | agent | roster
    config: dict[str, Any] = {}
    secrets: dict[str, str] = {}


_CONNECTIONS = TypeAdapter(list[Connection])


def read_connections(document: Json) -> list[Connection]:
    """The document's entries. Raises ConfigError naming what is wrong."""
    try:
        return _CONNECTIONS.validate_python(document)
    except ValidationError as error:
        raise ConfigError(f"connectors document: {misfits.first(error, list[Connection], hidden=True)}") from None


def systems(connections: list[Connection]) -> dict[str, System]:
    """ERP and MES by role."""
    return {item.role: _build(item) for item in connections if item.role in ("erp", "mes")}


def atomic(connections: list[Connection]) -> frozenset[str]:
    """The roles whose system posts everything of a transaction or nothing."""
    posting = [item for item in connections if item.role in ("erp", "mes")]
    return frozenset(item.role for item in posting if _manifest(item).atomic)


def _manifest(connection: Connection) -> Manifest:
    """As this connection's own settings decide it."""
    module = importlib.import_module(f"connectors.{connection.kind}.manifest")
    decided = getattr(module, "manifest_for", None)
    found: Manifest = decided(connection.config) if decided and connection.config else module.MANIFEST
    return found


def sources(connections: list[Connection]) -> list[Source]:
    """Everything that the listener listens to."""
    return [_build(item) for item in connections if item.role == "source"]


def channels(
    settings: Settings, connections: Sequence[Connection] = (), memory: "Memory | None" = None
) -> dict[ChannelName, Channel]:
    """Every channel that is set. `connections` may say more of Twilio (its templates: role channel, kind twilio);
    `memory` is what its channels ask of the past. Raises ConfigError when one is set by half (C6)."""
    found: dict[ChannelName, Channel] = {}
    channel, mail, twilio = slack(settings), settings.smtp, settings.twilio
    if channel is not None:
        found[ChannelName.SLACK] = channel
    if _set("TWILIO", ACCOUNT_SID=twilio.account_sid, AUTH_TOKEN=twilio.auth_token, FROM=twilio.from_):
        found |= _twilio(settings, connections, memory)
    if _set("MOS_SMTP", HOST=mail.host, FROM=mail.from_):
        found[ChannelName.EMAIL] = _email(mail)
    return found


def modules(settings: Settings) -> list[str]:
    """What the channels that are set will import."""
    given = {
        "slack.connector": settings.slack.bot_token,
        "twilio.connector": settings.twilio.account_sid,
        "twilio.whatsapp": settings.twilio.account_sid,
        "twilio.voice": settings.twilio.account_sid,
        "email.connector": settings.smtp.host,
    }
    return [f"connectors.{name}" for name, value in given.items() if value]


async def close(opened: Iterable[object]) -> None:
    """Ends what channels keep open to their vendors."""
    for channel in opened:
        if isinstance(channel, _Closable):
            await channel.close()


@runtime_checkable
class _Closable(Protocol):
    async def close(self) -> None: ...


def _set(prefix: str, **values: object) -> bool:
    missing = [f"{prefix}_{name}" for name, value in values.items() if not value]
    if missing and len(missing) < len(values):
        raise ConfigError(f"set {', '.join(missing)} too, or none of {prefix}_*")
    return not missing


def slack(settings: Settings) -> "SlackChannel | None":
    """Slack, if it is set. Raises ConfigError when it is set by half (C6)."""
    given = settings.slack
    if not _set(
        "SLACK",
        BOT_TOKEN=given.bot_token,
        SIGNING_SECRET=given.signing_secret,
        TEAM_ID=given.team_id,
        APP_ID=given.app_id,
    ):
        return None
    from connectors.slack.config import SlackConfig
    from connectors.slack.connector import build

    return build(
        _valid(
            SlackConfig,
            "slack",
            {
                "bot_token": given.bot_token,
                "signing_secret": given.signing_secret,
                "team_id": given.team_id,
                "app_id": given.app_id,
                "api_base": given.api_base,
            },
        )
    )


def _twilio(
    settings: Settings, connections: Sequence[Connection], memory: "Memory | None"
) -> dict[ChannelName, Channel]:
    """SMS; WhatsApp and calls where their numbers are set."""
    from connectors.twilio import voice, whatsapp
    from connectors.twilio.config import TwilioConfig
    from connectors.twilio.connector import build

    twilio = settings.twilio
    more = [item.config for item in connections if (item.role, item.kind) == ("channel", "twilio")]
    told = {
        "account_sid": twilio.account_sid,
        "auth_token": twilio.auth_token,
        "auth_token_secondary": twilio.auth_token_secondary,
        "numbers": [twilio.from_],
        "whatsapp_number": twilio.whatsapp_from or "",
        "public_url": settings.public_url,
        "api_base": twilio.api_base,
        **({"media_origins": twilio.media_origins.split()} if twilio.media_origins else {}),
    }
    config = _valid(TwilioConfig, "twilio", {**(more[0] if more else {}), **told})
    found: dict[ChannelName, Channel] = {ChannelName.SMS: build(config, memory)}
    if config.whatsapp_number:
        found[ChannelName.WHATSAPP] = whatsapp.build(config, memory)
    if twilio.voice:
        found[ChannelName.VOICE] = voice.build(config, memory)
    return found


def _email(mail: SmtpSettings) -> Channel:
    from connectors.email.config import EmailConfig
    from connectors.email.connector import build

    told = {
        "host": mail.host,
        "port": mail.port or 0,
        "security": mail.security,
        "username": mail.username,
        "password": mail.password,
        "sender": mail.from_,
        "sender_name": mail.from_name,
        "ca_file": str(mail.ca_file) if mail.ca_file else None,
    }
    return build(_valid(EmailConfig, "email", told))


def _valid(model: type[Model], name: str, values: Mapping[str, Any]) -> Model:
    """Raises ConfigError that names the setting, never its value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"connector '{name}': {misfits.first(error, model, hidden=True)}") from None


def check_document(document: Json) -> None:
    """Are all settings of these connections right? Looks at no secret and calls nobody. Raises ConfigError."""
    for connection in read_connections(document):
        if connection.role != "channel":
            settings_of(connection)


def system(connection: Connection) -> System:
    """One ERP or MES. Raises ConfigError for wrong settings or a secret that can't be read."""
    built: System = _build(connection)
    return built


def agent(connection: Connection) -> Agent:
    """One agent that needs nothing of ours. Raises ConfigError."""
    built: Agent = _build(connection)
    return built


def feed(connection: Connection) -> "FeedClient":
    """What fetches one feed. Raises ConfigError."""
    built: FeedClient = _build(connection)
    return built


def settings_of(connection: Connection) -> BaseModel:
    """Its settings, checked. Raises ConfigError."""
    if connection.kind not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise ConfigError(f"connector '{connection.name}': no kind '{connection.kind}': use {known}")
    module, _, name = _KINDS[connection.kind][0].partition(":")
    model: type[BaseModel] = getattr(importlib.import_module(f"connectors.{module}"), name)
    return _valid(model, connection.name, {"name": connection.name, **connection.config})


def _build(connection: Connection) -> Any:
    config = settings_of(connection)
    build = importlib.import_module(f"connectors.{_KINDS[connection.kind][1]}").build
    return build(config, {name: resolve_secret(reference) for name, reference in connection.secrets.items()})


def resolve_secret(reference: str) -> str:
    """The secret behind `file:<path>` or `env:<NAME>`. Raises ConfigError that names the reference, never the value."""
    kind, _, name = reference.partition(":")
    if kind == "file" and Path(name).is_file():
        return Path(name).read_text(encoding="utf-8").strip()
    environment = child_environment({})
    if kind == "env" and name in environment:
        return environment[name]
    raise ConfigError(f"secret '{reference}' can't be read: give file:<path> or env:<NAME>")


def normalisers() -> Mapping[str, Normaliser]:
    """Which mapping reads which kind of raw signal. The mappings are pure: no vendor library is loaded."""
    from connectors.mqtt import mapping as mqtt
    from connectors.opcua import mapping as opcua
    from connectors.webhook import mapping as webhook

    return {
        opcua.STATE: opcua.read_state,
        opcua.CONDITION: opcua.read_condition,
        mqtt.UNS: mqtt.read_state,
        webhook.CLOUDEVENT: webhook.read_cloudevent,
        intake_sources.SOURCE_STATE: intake_sources.read_state,
        own_signals.OPERATOR_REPORT: own_signals.read_report,
        own_signals.NOBODY_TO_ASK: own_signals.read_nobody,
        own_signals.LEDGER_DIFFERENCE: own_signals.read_ledger,
    }
