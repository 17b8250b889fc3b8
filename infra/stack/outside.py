"""Parts that somebody else runs: are they there, and do they let us in? Vendor clients are imported only when asked."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from domain.errors import ConfigError
from infra.settings import Settings
from infra.stack import probes
from infra.stack.part import Outside

_SECONDS = 5


def database(url: str) -> Outside:
    """`url` as in MOS_DATABASE_URL; the password is never shown."""
    plain = "postgresql://" + url.split("://", 1)[1]
    where = _place(plain, 5432)

    async def check() -> None:
        import psycopg

        try:
            connection = await psycopg.AsyncConnection.connect(plain, connect_timeout=_SECONDS)
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[-1:]
            raise ConfigError(f"PostgreSQL at {where} (MOS_DATABASE_URL) refuses us: {''.join(reason)}") from None
        await connection.close()

    return Outside("postgres", where, check)


def temporal(settings: Settings) -> Outside:
    address = settings.temporal_address or ""

    async def check() -> None:
        from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
        from temporalio.client import Client
        from temporalio.service import RPCError, RPCStatusCode, TLSConfig

        tls: TLSConfig | bool = False
        if settings.temporal_tls_ca or settings.temporal_tls_cert:
            tls = TLSConfig(
                server_root_ca_cert=_bytes(settings.temporal_tls_ca),
                client_cert=_bytes(settings.temporal_tls_cert),
                client_private_key=_bytes(settings.temporal_tls_key),
            )
        space = settings.temporal_namespace
        try:
            client = await Client.connect(address, namespace=space, tls=tls)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=space))
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise ConfigError(
                    f"Temporal at {address} has no namespace {space}: create it, or set MOS_TEMPORAL_NAMESPACE"
                ) from None
            raise ConfigError(f"Temporal at {address} (MOS_TEMPORAL_ADDRESS) refuses us: {error.status.name}") from None
        except RuntimeError:
            raise ConfigError(
                f"Temporal can't be reached at {address}: correct MOS_TEMPORAL_ADDRESS or start it"
            ) from None

    return Outside("temporal", address, check)


def broker(url: str) -> Outside:
    """`url` as in MOS_MQTT_URL; asks with MQTT 5, then 3.1.1. With mqtts:// only the TLS handshake is tried."""
    parts = urlsplit(url)
    where = _place(url, 8883 if parts.scheme == "mqtts" else 1883)
    host, _, port = where.rpartition(":")

    async def check() -> None:
        if parts.scheme == "mqtts":
            there = await probes.tcp(host, int(port), ssl.create_default_context())
        else:
            there = await probes.mqtt(host, int(port), 5) or await probes.mqtt(host, int(port), 4)
        if not there:
            raise ConfigError(f"No MQTT broker answers at {where}: correct MOS_MQTT_URL or start it")

    return Outside("mqtt", where, check)


def _place(url: str, port: int) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or port}"


def _bytes(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror}): correct MOS_TEMPORAL_TLS_*") from None
