"""The only place that knows asyncua: a connection that yields plain changes. See machine-signal notes in README.md."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.common.node import Node
from asyncua.common.subscription import DataChangeEvent, OpcEvent, OverflowPolicy, Subscription
from asyncua.crypto import security_policies
from asyncua.observer import Observer, SubscriptionEvent
from asyncua.ua import uaerrors
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from connectors.opcua.changes import Change, ConditionChange, RefreshMark, ValueChange
from connectors.opcua.config import OpcUaConfig
from domain.errors import AuthError, ConfigError, MosError, TransientError
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
_PASSING = (
    uaerrors.BadTimeout,
    uaerrors.BadCommunicationError,
    uaerrors.BadConnectionClosed,
    uaerrors.BadSecureChannelClosed,
    uaerrors.BadSecureChannelIdInvalid,
    uaerrors.BadSessionClosed,
    uaerrors.BadSessionIdInvalid,
    uaerrors.BadSubscriptionIdInvalid,
)
_REFRESH_START = ua.NodeId(ua.Int32(ObjectIds.RefreshStartEventType))
_REFRESH_END = ua.NodeId(ua.Int32(ObjectIds.RefreshEndEventType))
_ALARM = ua.NodeId(ua.Int32(ObjectIds.AlarmConditionType))
_CONDITION = ua.NodeId(ua.Int32(ObjectIds.ConditionType))
_GONE = ("BadSubscriptionIdInvalid", "BadNoSubscription")
_ANSWER_S = 4
_NO_TIME = datetime(1601, 1, 1, tzinfo=UTC)  # what a server that has none sends
_CONDITION_REFRESH = ua.NodeId(ua.Int32(ObjectIds.ConditionType_ConditionRefresh))


class OpcUaClient:
    """One connection with one subscription. `connect` raises AuthError, ConfigError or TransientError. Later losses are
    repaired by the library as long as the server keeps the subscription; else `follow` and `changes` end."""

    def __init__(self, config: OpcUaConfig, password: str) -> None:
        # At DEBUG asyncua prints whole requests, the session's password among them: never here.
        logging.getLogger("asyncua.client.ua_client").setLevel(logging.INFO)
        self._config = config
        self._client = Client(
            config.url,
            timeout=_ANSWER_S,
            watchdog_intervall=_ANSWER_S,  # at 1, its default, a busy server counts as lost
            auto_reconnect=True,
            reconnect_max_delay=config.reconnect_max_delay,
        )
        self._client.application_uri = config.application_uri
        if config.user:
            self._client.set_user(config.user)
            self._client.set_password(password)
        self._subscription: Subscription | None = None
        self._remade = self._client.uaclient.observer = _Remade()
        self._names: dict[ua.NodeId, str] = {}
        self._heard: set[str] = set()
        self._refused: list[str] = []
        session = self._client.uaclient.session
        session.republish = _only_what_there_is(session.republish)  # type: ignore[assignment]

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
        """Subscribe to values. Gives the nodes that the server refused, with its reason: `follow` tries them again."""
        assert self._subscription is not None
        with self._told():
            found = {text: await self._node(text) for text in nodes}
            items = [node for node in found.values() if node is not None]
            size = self._config.queue_size
            results = await self._subscription.subscribe_data_change(items, queuesize=size) if items else []
        known = zip([text for text, node in found.items() if node is not None], results, strict=True)
        refused = {text: "its namespace is not there" for text, node in found.items() if node is None}
        refused |= {text: result.name for text, result in known if isinstance(result, ua.StatusCode)}
        self._refused = list(refused)
        return refused

    async def watch_conditions(self) -> bool:
        """Subscribe to alarms at the Server object. False when this server has none."""
        assert self._subscription is not None
        types = (_ALARM, _REFRESH_START, _REFRESH_END)
        size = self._config.queue_size
        with self._told():
            try:
                await self._subscription.subscribe_alarms_and_conditions(evtypes=types, queuesize=size)
            except _PASSING:
                raise
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
                found = [await self._node(text) for text in nodes]
                items = [node for node in found if node is not None]
                answers = iter(await self._client.read_attributes(items, AttributeIds.Value) if items else ())
        except (UaError, OSError, TimeoutError):
            return [None] * len(nodes)
        return [_good_value(next(answers)) if node is not None else None for node in found]

    async def changes(self, limit: int) -> AsyncIterator[list[Change]]:
        """Batches of up to `limit` in the order of arrival: whatever had arrived when the last batch was done. Ends
        with the subscription, after what had arrived by then."""
        arrived: asyncio.Queue[Change | None] = asyncio.Queue(maxsize=limit)
        feeding = asyncio.create_task(self._feed(arrived))
        feeding.add_done_callback(lambda _: _wake(arrived))
        try:
            while not (feeding.done() and arrived.empty()):
                batch = [await arrived.get()]
                while len(batch) < limit and not arrived.empty():
                    batch.append(arrived.get_nowait())
                if found := [change for change in batch if change is not None]:
                    yield found
            feeding.result()
        finally:
            feeding.cancel()

    async def _feed(self, arrived: asyncio.Queue[Change | None]) -> None:
        assert self._subscription is not None
        async for event in self._subscription:
            change = self._plain(event)
            if change is not None:
                await arrived.put(change)

    async def follow(self, lost: Callable[[str], Awaitable[None]], back: Callable[[], Awaitable[None]]) -> None:
        """Tell when the connection goes and comes, until the subscription is no longer the one that we made."""
        connected = self._client.uaclient.state is UaClientState.CONNECTED
        async with self._client.subscribe_state() as states:
            while True:
                try:
                    state = await states.next_change(self._config.look_every)
                except TimeoutError:
                    if await self._ended(lost):
                        return
                    continue
                if state is UaClientState.CONNECTED and not connected:
                    connected = True
                    await back()
                elif state is UaClientState.RECONNECTING and connected:
                    connected = False
                    await lost("connection lost")

    async def _ended(self, lost: Callable[[str], Awaitable[None]]) -> bool:
        """A subscription that the library made anew may lack items, and one that the server dropped is silent for ever:
        neither looks like a lost connection. Where all is well, nodes that were refused are tried again."""
        assert self._subscription is not None
        if self._client.uaclient.state is not UaClientState.CONNECTED:
            return False
        if not self._remade.seen and self._subscription.subscription_id is not None:
            if not await self._dropped(self._subscription):
                if self._refused:
                    with contextlib.suppress(MosError):
                        await self.watch(self._refused)
                return False
            await lost("the server dropped the subscription")
        with contextlib.suppress(OSError, TimeoutError, UaError):
            await self._subscription.delete()
        return True

    async def _dropped(self, subscription: Subscription) -> bool:
        """Ask the server. One that doesn't answer is the library's to notice."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                results = await subscription.set_publishing_mode(True)
        except UaStatusCodeError as error:
            return ua.StatusCode(ua.UInt32(error.code)).name in _GONE
        except (UaError, OSError, TimeoutError):
            return False
        self._client.uaclient.session.ensure_publish_loop()
        return any(result.name in _GONE for result in results)

    async def _node(self, text: str) -> Node | None:
        """None when the server has no such namespace."""
        try:
            node = self._client.get_node(await self._resolve(text))
        except ValueError:
            return None
        self._names[node.nodeid] = text
        return node

    async def _resolve(self, text: str) -> str:
        if not text.startswith("nsu="):
            return text
        namespace, _, rest = text.removeprefix("nsu=").partition(";")
        return f"ns={await self._client.get_namespace_index(namespace)};{rest}"

    def _plain(self, event: object) -> Change | None:
        if isinstance(event, DataChangeEvent):
            return self._value(event)
        if isinstance(event, OpcEvent):
            return _condition(event.event, event.replayed)
        return None

    def _value(self, event: DataChangeEvent) -> ValueChange:
        data = event.data.monitored_item.Value
        name = self._names.get(event.node.nodeid, event.node.nodeid.to_string())
        value, good = _json(event.value), _good(data)
        present = name not in self._heard
        (self._heard.add if good else self._heard.discard)(name)
        return ValueChange(name, value, _source_time(data), _status(data).name, good, present, event.replayed)


class _Remade(Observer):
    """Has the library made the subscription anew? Its number doesn't tell: a server that starts again counts again."""

    seen = False

    def on_subscription_event(self, subscription_id: int | None, event: SubscriptionEvent) -> None:
        self.seen = self.seen or event is SubscriptionEvent.RECREATED


Republish = Callable[[int, int], Coroutine[Any, Any, ua.NotificationMessage]]


def _only_what_there_is(republish: Republish) -> Republish:
    """asyncua's servers answer with an empty message where the standard says BadMessageNotAvailable (OPC 10000-4,
    5.14.6), and its client would ask for the next one for ever."""

    async def asked(subscription: int, number: int) -> ua.NotificationMessage:
        message = await republish(subscription, number)
        if not message.SequenceNumber:
            raise uaerrors.BadMessageNotAvailable
        return message

    return asked


def _wake(arrived: asyncio.Queue[Change | None]) -> None:
    """Whoever waits is told that nothing comes any more; where the queue is full, nobody waits."""
    with contextlib.suppress(asyncio.QueueFull):
        arrived.put_nowait(None)


def _condition(event: Any, replayed: bool) -> Change | None:
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
    return ConditionChange(_node_text(event.SourceNode), _aware(event.Time), fields, replayed)


def _node_text(node: ua.NodeId | None) -> str:
    return "" if node is None or node.is_null() else str(node.to_string())


def _status(data: ua.DataValue) -> ua.StatusCode:
    return data.StatusCode or ua.StatusCode()  # absent means Good (OPC 10000-6)


def _good(data: ua.DataValue) -> bool:
    return bool(_status(data).is_good())


def _good_value(data: ua.DataValue) -> Json:
    return _json(data.Value.Value if data.Value else None) if _good(data) else None


def _json(value: object) -> Json:
    if isinstance(value, ua.LocalizedText):
        return value.Text
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _source_time(data: ua.DataValue) -> datetime | None:
    return _aware(data.SourceTimestamp) or _aware(data.ServerTimestamp)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware if aware > _NO_TIME else None


def _path_text(path: Path | None) -> str | None:
    return str(path) if path else None
