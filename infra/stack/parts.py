"""Puts the stack together from the settings: which parts we run, which are outside, what the product is told."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import ConfigError
from infra.settings import Settings, bare_environment, child_environment
from infra.stack import broker, outside, probes
from infra.stack.folder import DataFolder, write_private
from infra.stack.keys import Keys, random_token, webhook_secret
from infra.stack.part import Outside, Part
from infra.stack.ports import Ports
from infra.stack.postgres import EmbeddedPostgres
from infra.stack.temporal import EmbeddedTemporal

_HOST = "127.0.0.1"
_ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("api", "worker", "listener")


@dataclass
class Ground:
    """What builders of parts share. `product_env` is handed to every product process: extra parts may add to it.
    `addresses` goes to <data>/run/endpoints.json. `admin_url(db)` is the embedded PostgreSQL's superuser URL."""

    settings: Settings
    folder: DataFolder
    ports: Ports
    keys: Keys
    product_env: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    admin_url: Callable[[str], str] | None = None

    def own_env(self) -> dict[str, str]:
        """Environment for a process of ours that is part of the product (or of the demo, told the same things)."""
        return child_environment({"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **self.product_env})


ExtraParts = Callable[[Ground], Sequence[Part]]


@dataclass(frozen=True)
class Stack:
    """Everything the supervisor needs."""

    ground: Ground
    parts: Sequence[Part]
    outside: Sequence[Outside]

    def save(self) -> None:
        """Write down ports and addresses for the next start, and the product's environment for other terminals."""
        self.ground.ports.save(self.ground.addresses)
        lines = [f"{name}='{value}'\n" for name, value in self.ground.product_env.items()]
        write_private(self.ground.folder.running_environment, "".join(lines))


def assemble(
    settings: Settings, folder: DataFolder, *, without: Collection[str] = (), extra_parts: Sequence[ExtraParts] = ()
) -> Stack:
    """The stack of one data folder. `without` leaves product parts out. Raises ConfigError before anything runs.

    Call it holding the folder's lock, after `folder.prepare`: it chooses ports and makes secrets.
    """
    unknown = sorted(set(without) - set(PRODUCT))
    if unknown:
        raise ConfigError(f"No product part is named {', '.join(unknown)}: the parts are {', '.join(PRODUCT)}")
    ground = Ground(settings, folder, Ports(folder), Keys(folder))
    embedded: list[Part] = []
    outsiders: list[Outside] = []
    for build in (_postgres, _temporal, _mqtt):
        part = build(ground)
        (embedded if isinstance(part, Part) else outsiders).append(part)  # type: ignore[arg-type]
    _tell_product(ground)
    extra = [part for build_extra in extra_parts for part in build_extra(ground)]
    gates = tuple(part.name for part in extra if part.oneshot)
    product = [] if set(without) == set(PRODUCT) else _product(ground, without, gates)
    return Stack(ground, [*embedded, *extra, *product], outsiders)


def own_part(ground: Ground, name: str, arguments: Sequence[str], **fields: object) -> Part:
    """A part that is a `mos` command of ours, with the product's environment. `fields` as in Part."""
    argv = [sys.executable, "-m", "infra.cli", *arguments]
    env, cwd = ground.own_env(), ground.folder.root
    return Part(name=name, argv=argv, mos=tuple(arguments), env=env, cwd=cwd, **fields)  # type: ignore[arg-type]


def _postgres(ground: Ground) -> Part | Outside:
    given = ground.settings.database_url
    if given is not None:
        ground.product_env["MOS_DATABASE_URL"] = given.get_secret_value()
        found = outside.database(given.get_secret_value())
        ground.addresses["postgres"] = found.address
        return found
    port = ground.ports.take("postgres", ground.settings.postgres_port, "MOS_POSTGRES_PORT")
    server = EmbeddedPostgres(ground.folder, ground.keys, port)
    ground.notes += [
        f"Opened {path} for passing (o+x): PostgreSQL runs as another user than root" for path in server.check()
    ]
    ground.product_env["MOS_DATABASE_URL"] = server.url()
    ground.admin_url = lambda database: server.url("postgres", database)
    part = server.part()
    ground.addresses["postgres"] = part.address
    return part


def _temporal(ground: Ground) -> Part | Outside:
    settings = ground.settings
    ground.product_env["MOS_TEMPORAL_NAMESPACE"] = settings.temporal_namespace
    if settings.temporal_address is not None:
        ground.product_env["MOS_TEMPORAL_ADDRESS"] = ground.addresses["temporal"] = settings.temporal_address
        return outside.temporal(settings)
    server = EmbeddedTemporal(
        ground.folder,
        ground.ports,
        namespace=settings.temporal_namespace,
        durable=settings.temporal_durable,
        port=settings.temporal_port,
        ui_port=settings.temporal_ui_port,
    )
    server.check()
    ground.product_env["MOS_TEMPORAL_ADDRESS"] = ground.addresses["temporal"] = server.address
    ground.addresses["temporal_ui"] = server.ui
    return server.part()


def _mqtt(ground: Ground) -> Part | Outside:
    settings = ground.settings
    if settings.mqtt_url is not None:
        ground.product_env["MOS_MQTT_URL"] = settings.mqtt_url.get_secret_value()
        found = outside.broker(settings.mqtt_url.get_secret_value())
        ground.addresses["mqtt"] = found.address
        return found
    port = ground.ports.take("mqtt", settings.mqtt_port, "MOS_MQTT_PORT")
    port5 = ground.ports.take("mqtt5", settings.mqtt5_port, "MOS_MQTT5_PORT")
    ground.addresses |= {"mqtt": f"mqtt://{_HOST}:{port}", "mqtt5": f"mqtt://{_HOST}:{port5}"}
    ground.product_env["MOS_MQTT_URL"] = ground.addresses["mqtt5"]
    file = ground.folder.run / "mqtt.toml"

    async def ready() -> bool:
        return await probes.mqtt(_HOST, port, 4) and await probes.mqtt(_HOST, port5, 5)

    return Part(
        name="mqtt",
        argv=broker.command(file),
        env=bare_environment(),
        cwd=ground.folder.run,
        ready=ready,
        alive=ready,
        prepare=lambda: write_private(file, broker.configuration(port, port5)),
        address=f"{_HOST}:{port5}",
        note=f"MQTT 5; MQTT 3.1.1 on {port}; keeps nothing over a restart",
        grace=3,
    )


def _tell_product(ground: Ground) -> None:
    settings, keys = ground.settings, ground.keys
    port = ground.ports.take("api", settings.api_port, "MOS_API_PORT", host=settings.api_host)
    url = settings.public_url or f"http://{_reachable(settings.api_host)}:{port}"
    ground.addresses["api"] = url

    def secret(value: object, name: str, make: Callable[[], str]) -> str:
        return keys.get(name, make) if value is None else ""

    given = {
        "MOS_DATA_DIR": str(ground.folder.root),
        "MOS_API_HOST": settings.api_host,
        "MOS_API_PORT": str(port),
        "MOS_PUBLIC_URL": url,
        "MOS_LOG_LEVEL": settings.log_level,
        "MOS_WEBHOOK_SECRET": secret(settings.webhook_secret, "webhook", webhook_secret),
        "MOS_SESSION_SECRET": secret(settings.session_secret, "session", random_token),
        "MOS_API_TOKEN": secret(settings.api_token, "api_token", random_token),
        "MOS_AUDIT_KEY": secret(settings.audit_key, "audit_key", random_token),
    }
    ground.product_env |= {name: value for name, value in given.items() if value}


def _product(ground: Ground, without: Collection[str], gates: tuple[str, ...]) -> list[Part]:
    """The schema first, then extra oneshot parts (`gates`), then the processes. The api answers /healthz; the others
    touch <data>/run/<name>.ready."""
    schema = own_part(ground, "schema", ["db", "upgrade"], after=("postgres",), oneshot=True)
    host, port = _reachable(ground.settings.api_host), int(ground.product_env["MOS_API_PORT"])
    api = own_part(
        ground,
        "api",
        ["run", "api"],
        after=("schema", "temporal", *gates),
        ready=lambda: probes.http_ok(host, port, "/healthz"),
        address=f"{host}:{port}",
        note=ground.addresses["api"],
    )
    parts = [
        schema,
        api,
        _by_file(ground, "worker", ("schema", "temporal", *gates)),
        _by_file(ground, "listener", ("schema", "mqtt", *gates)),
    ]
    return [part for part in parts if part.name not in without]


def _by_file(ground: Ground, name: str, after: tuple[str, ...]) -> Part:
    file = ground.folder.ready_file(name)

    def prepare() -> None:
        file.unlink(missing_ok=True)

    return own_part(
        ground, name, ["run", name], after=after, ready=lambda: probes.file_there(file), prepare=prepare, grace=15
    )


def _reachable(host: str) -> str:
    return _HOST if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
