"""The only place that knows asyncua: a connection that yields plain changes. See machine-signal notes in README.md."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.common.node import Node
from asyncua.common.subscription import DataChangeEvent, OpcEvent, OverflowPolicy, Subscription
from asyncua.crypto import security_policies
from asyncua.ua import uaerrors
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from connectors.opcua.config import OpcUaConfig
from domain.errors import AuthError, ConfigError, TransientError
from domain.values import Json

_QUEUE = 100_000
_REFUSED = (
    uaerrors.BadUserAccessDenied,
    uaerrors.BadIdentityTokenInvalid,
    uaerrors.BadIdentityTokenRejected,
    uaerrors.BadCertificateUntrusted,
    uaerrors.BadCertificateInvalid,
    uaerrors.BadCertificateUriInvalid,
    uaerrors.BadSecurityChecksFailed,
)
_REFRESH_START = ua.NodeId(ua.Int32(ObjectIds.RefreshStartEventType))
_REFRESH_END = ua.NodeId(ua.Int32(ObjectIds.RefreshEndEventType))
_ALARM = ua.NodeId(ua.Int32(ObjectIds.AlarmConditionType))
_CONDITION = ua.NodeId(ua.Int32(ObjectIds.ConditionType))
_CONDITION_REFRESH = ua.NodeId(ua.Int32(ObjectIds.ConditionType_ConditionRefresh))


@dataclass(frozen=True)
class ValueChange:
    """A monitored value. `status` is the StatusCode's name; anything but Good is signal quality."""

    node: str
    value: Json
    at: datetime
    status: str
    good: bool


@dataclass(frozen=True)
class ConditionChange:
    """A condition event, its fields as plain JSON values."""

    source_node: str
    at: datetime
    fields: dict[str, Json]


@dataclass(frozen=True)
class RefreshMark:
    """ConditionRefresh began (`started`) or ended."""

    started: bool


Change = ValueChange | ConditionChange | RefreshMark


class OpcUaClient:
    """One connection with one subscription. `connect` raises AuthError, ConfigError or TransientError; later losses are
    repaired by the library, which recreates the subscription with its items and sends their present values again."""

    def __init__(self, config: OpcUaConfig, password: str) -> None:
        # At DEBUG asyncua prints whole requests, the session's password among them: never here.
        logging.getLogger("asyncua.client.ua_client").setLevel(logging.INFO)
        self._config = config
        self._client = Client(config.url, auto_reconnect=True, reconnect_max_delay=config.reconnect_max_delay)
        self._client.application_uri = config.application_uri
        if config.user:
            self._client.set_user(config.user)
            self._client.set_password(password)
        self._subscription: Subscription | None = None
        self._names: dict[ua.NodeId, str] = {}

    async def connect(self) -> None:
        with self._told():
            if self._config.policy != "None":
                await self._secure()
            await self._client.connect()
            self._subscription = await self._client.create_subscription(
                self._config.publishing_ms, queue_maxsize=_QUEUE, overflow=OverflowPolicy.DISCONNECT
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The library's errors in our words: a plain UaError is a mismatch of settings (no such endpoint)."""
        who = f"OPC UA server {self._config.url}"
        try:
            yield
        except _REFUSED as error:
            raise AuthError(f"{who} refused our user or certificate: correct them.", detail=repr(error)) from error
        except (OSError, TimeoutError, UaStatusCodeError) as error:
            raise TransientError(f"{who} cannot be reached; it is tried again.", detail=repr(error)) from error
        except UaError as error:
            raise ConfigError(f"{who} has no such endpoint: check policy and mode.", detail=repr(error)) from error

    async def _secure(self) -> None:
        folder = self._config.certificate_folder
        assert folder is not None
        certificate, key = await self._client.setup_self_signed_certificate(
            folder / "client.pem", folder / "client.der"
        )
        (folder / "client.pem").chmod(0o600)
        await self._client.set_security(
            getattr(security_policies, f"SecurityPolicy{self._config.policy}"),
            certificate=certificate,
            private_key=key,
            server_certificate=_path_text(self._config.server_certificate),
            mode=ua.MessageSecurityMode[self._config.mode],
        )

    async def close(self) -> None:
        """Leave; a server that is gone is no error."""
        with contextlib.suppress(OSError, TimeoutError, UaError):
            await self._client.disconnect()

    async def watch(self, nodes: Sequence[str]) -> dict[str, str]:
        """Subscribe to values. Gives the nodes that the server refused, with its reason."""
        assert self._subscription is not None
        with self._told():
            items = [await self._node(text) for text in nodes]
            results = await self._subscription.subscribe_data_change(items, queuesize=self._config.queue_size)
        refused = zip(nodes, results, strict=True)
        return {node: result.name for node, result in refused if isinstance(result, ua.StatusCode)}

    async def watch_conditions(self) -> bool:
        """Subscribe to alarms at the Server object. False when this server has none."""
        assert self._subscription is not None
        types = (_ALARM, _REFRESH_START, _REFRESH_END)
        try:
            await self._subscription.subscribe_alarms_and_conditions(evtypes=types, queuesize=self._config.queue_size)
        except UaStatusCodeError:
            return False
        return True

    async def refresh_conditions(self) -> bool:
        """Ask for the standing conditions again (OPC 10000-9, 5.5.7). False when this server cannot, or has none."""
        assert self._subscription is not None
        subscription = ua.Variant(self._subscription.subscription_id, ua.VariantType.UInt32)
        try:
            await self._client.get_node(_CONDITION).call_method(_CONDITION_REFRESH, subscription)
        except (UaError, OSError, TimeoutError):
            return False
        return True

    async def read(self, nodes: Sequence[str]) -> list[Json]:
        """The present values; None for one that is not Good, or for all of them when the server does not answer."""
        try:
            async with asyncio.timeout(self._config.companion_timeout):
                items = [await self._node(text) for text in nodes]
                answers = await self._client.read_attributes(items, AttributeIds.Value)
        except (UaError, OSError, TimeoutError):
            return [None] * len(nodes)
        return [_value(answer) if _good(answer) else None for answer in answers]

    async def changes(self, limit: int) -> AsyncIterator[list[Change]]:
        """Batches of up to `limit` in the order of arrival: whatever had arrived when the last batch was done."""
        arrived: asyncio.Queue[Change] = asyncio.Queue(maxsize=limit)
        feeding = asyncio.create_task(self._feed(arrived))
        try:
            while True:
                batch = [await arrived.get()]
                while len(batch) < limit and not arrived.empty():
                    batch.append(arrived.get_nowait())
                yield batch
        finally:
            feeding.cancel()

    async def _feed(self, arrived: asyncio.Queue[Change]) -> None:
        assert self._subscription is not None
        async for event in self._subscription:
            change = self._plain(event)
            if change is not None:
                await arrived.put(change)

    async def follow(self, lost: Callable[[str], Awaitable[None]], back: Callable[[], Awaitable[None]]) -> None:
        """Tell when the connection goes and comes, until cancelled."""
        connected = True
        async with self._client.subscribe_state() as states:
            while True:
                state = await states.next_change()
                if state is UaClientState.CONNECTED and not connected:
                    connected = True
                    await back()
                elif state is UaClientState.RECONNECTING and connected:
                    connected = False
                    await lost("connection lost")

    async def _node(self, text: str) -> Node:
        node = self._client.get_node(await self._resolve(text))
        self._names[node.nodeid] = text
        return node

    async def _resolve(self, text: str) -> str:
        if not text.startswith("nsu="):
            return text
        namespace, _, rest = text.removeprefix("nsu=").partition(";")
        return f"ns={await self._client.get_namespace_index(namespace)};{rest}"

    def _plain(self, event: object) -> Change | None:
        if isinstance(event, DataChangeEvent):
            data = event.data.monitored_item.Value
            name = self._names.get(event.node.nodeid, event.node.nodeid.to_string())
            return ValueChange(name, _json(event.value), _source_time(data), _status(data).name, _good(data))
        if isinstance(event, OpcEvent):
            return _condition(event.event)
        return None


def _condition(event: Any) -> Change | None:
    kind = event.EventType
    if kind in (_REFRESH_START, _REFRESH_END):
        return RefreshMark(started=kind == _REFRESH_START)
    condition_id = _node_text(getattr(event, "NodeId", None)) or str(event.ConditionName)
    branch = _node_text(getattr(event, "BranchId", None))
    fields = {
        "condition_id": f"{condition_id}/{branch}" if branch else condition_id,
        "event_id": bytes(event.EventId or b"").hex(),
        "condition": event.ConditionName,
        "source_name": event.SourceName,
        "severity": event.Severity,
        "message": event.Message.Text if event.Message else "",
        "active": bool(getattr(event, "ActiveState/Id", False)),
        "acked": bool(getattr(event, "AckedState/Id", False)),
        "retain": bool(event.Retain),
    }
    return ConditionChange(_node_text(event.SourceNode), _aware(event.Time), fields)


def _node_text(node: ua.NodeId | None) -> str:
    return "" if node is None or node.is_null() else str(node.to_string())


def _status(data: ua.DataValue) -> ua.StatusCode:
    return data.StatusCode or ua.StatusCode()  # absent means Good (OPC 10000-6)


def _good(data: ua.DataValue) -> bool:
    return bool(_status(data).is_good())


def _value(data: ua.DataValue) -> Json:
    return _json(data.Value.Value if data.Value else None)


def _json(value: object) -> Json:
    if isinstance(value, ua.LocalizedText):
        return value.Text
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _source_time(data: ua.DataValue) -> datetime:
    """SourceTimestamp, else ServerTimestamp, else now: a server that gives neither cannot be deduplicated."""
    return _aware(data.SourceTimestamp or data.ServerTimestamp)


def _aware(moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _path_text(path: Path | None) -> str | None:
    return str(path) if path else None
