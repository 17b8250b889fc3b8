"""The only place that knows slack_sdk: Web API calls with the domain's errors, Socket Mode, and the signature check."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from connectors.roles import CallbackRequest
from connectors.slack.config import SlackConfig
from domain.errors import (
    AuthError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    TransientError,
)

_AUTH = frozenset(
    {
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"),
        *("no_permission", "not_allowed_token_type", "org_login_required", "ekm_access_denied", "access_denied"),
        *("team_access_not_granted", "two_factor_setup_required", "app_access_restricted"),
    }
)
_LIMITED = frozenset({"ratelimited", "rate_limited"})
_MAYBE_DONE = frozenset({"internal_error", "fatal_error"})  # "some aspect of the operation may have succeeded"
_NOT_DONE = frozenset({"service_unavailable", "request_timeout", "team_added_to_org"})
_ABSENT = frozenset({"message_not_found", "thread_not_found", "view_not_found"})
_DEFAULT_WAIT = 5.0
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_QUIET = logging.getLogger("connectors.slack.sdk")
_QUIET.setLevel(logging.INFO)  # slack_sdk logs whole messages at DEBUG
_PING_S = 5.0

Take = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Takes an envelope's type and payload; what it gives is sent along with the acknowledgement, and None withholds it."""


class SlackClient:
    """Calls Slack once: no retry of the SDK's, since its default posts again when the answer to a post was lost."""

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._web = AsyncWebClient(
            token=config.bot_token.get_secret_value(),
            base_url=config.api_base,
            timeout=max(1, round(config.timeout)),
            retry_handlers=[],
            logger=_QUIET,
        )
        self._web.proxy = config.proxy  # the SDK would read HTTPS_PROXY by itself

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, user: str) -> str:
        """The direct message channel with this user."""
        answer = await self._call(lambda: self._web.conversations_open(users=user), writes=False)
        return str(answer["channel"]["id"])

    async def post(
        self, channel: str, content: Mapping[str, Any], metadata: Mapping[str, Any], thread: str = ""
    ) -> tuple[str, str]:
        """Posts once and returns (ts, channel id). Raises OutcomeUnknownError when Slack may have taken it."""
        answer = await self._call(
            lambda: self._web.chat_postMessage(
                channel=channel,
                metadata=dict(metadata),
                unfurl_links=False,
                unfurl_media=False,
                thread_ts=thread or None,
                reply_broadcast=True if thread else None,  # in a thread alone nobody is notified
                **content,
            ),
            writes=True,
        )
        return str(answer["ts"]), str(answer["channel"])

    async def whisper(self, channel: str, user: str, thread: str, content: Mapping[str, Any]) -> None:
        """A text that only this user sees; it is gone when the client is closed."""
        await self._call(
            lambda: self._web.chat_postEphemeral(channel=channel, user=user, thread_ts=thread or None, **content),
            writes=False,
        )

    async def respond(self, url: str, content: Mapping[str, Any]) -> None:
        """The same by a callback's `response_url`, which the caller has compared with the allowed origins. No redirect
        is followed, and no token is sent."""
        body = {"response_type": "ephemeral", "replace_original": False, **content}
        session = self._connect()
        try:
            async with session.post(url, json=body, allow_redirects=False, proxy=self._config.proxy) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransientError("Slack's response URL does not answer.", detail=type(error).__name__) from error
        if status != 200:
            raise RejectedError("Slack's response URL refused.", detail=f"HTTP {status}", code="slack.response_url")

    async def user(self, user: str) -> Mapping[str, Any]:
        """The user object (users.info)."""
        answer = await self._call(lambda: self._web.users_info(user=user), writes=False)
        return answer.get("user") or {}

    async def open_view(self, trigger: str, view: Mapping[str, Any], *, push: bool) -> tuple[str, str]:
        """Opens a modal, or pushes it onto the one that is open; gives (view id, hash)."""
        call = self._web.views_push if push else self._web.views_open
        answer = await self._call(lambda: call(trigger_id=trigger, view=dict(view)), writes=False)
        return str(answer["view"]["id"]), str(answer["view"].get("hash", ""))

    async def update_view(self, view_id: str, hash_: str, view: Mapping[str, Any]) -> None:
        """Replaces a view; with a hash only if nobody has changed it since."""
        await self._call(
            lambda: self._web.views_update(view_id=view_id, hash=hash_ or None, view=dict(view)), writes=False
        )

    async def publish(self, user: str, view: Mapping[str, Any]) -> None:
        """The user's home tab."""
        await self._call(lambda: self._web.views_publish(user_id=user, view=dict(view)), writes=False)

    async def update(self, channel: str, ts: str, content: Mapping[str, Any]) -> None:
        """Replaces a message; Slack keeps its metadata. May be repeated, so a lost answer is transient."""
        await self._call(lambda: self._web.chat_update(channel=channel, ts=ts, **content), writes=False)

    async def history(self, channel: str, oldest: str, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """A page of messages with metadata, newest first, and the next cursor (empty at the end)."""
        answer = await self._call(
            lambda: self._web.conversations_history(
                channel=channel, oldest=oldest, include_all_metadata=True, limit=200, cursor=cursor or None
            ),
            writes=False,
        )
        return _page(answer)

    async def replies(self, channel: str, thread: str, oldest: str, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """A page of a thread, oldest first: the history does not show what was posted into threads."""
        answer = await self._call(
            lambda: self._web.conversations_replies(
                channel=channel,
                ts=thread,
                oldest=oldest,
                include_all_metadata=True,
                limit=200,
                cursor=cursor or None,
            ),
            writes=False,
        )
        return _page(answer)

    async def listen(self, app_token: str, take: Take) -> None:
        """Socket Mode until cancelled: each envelope is acknowledged when `take` has returned. The SDK reconnects, and
        Slack gives what was not acknowledged again. Raises AuthError when the app token is refused."""
        await self._call(lambda: self._web.apps_connections_open(app_token=app_token), writes=False)
        socket = SocketModeClient(app_token, logger=_QUIET, web_client=self._web, ping_interval=_PING_S)
        socket.proxy = self._config.proxy  # the SDK would read HTTPS_PROXY by itself

        async def on_request(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
            answer = await take(request.type, request.payload)
            if answer is not None:
                await client.send_socket_mode_response(
                    SocketModeResponse(request.envelope_id, dict(answer) if answer else None)
                )

        socket.socket_mode_request_listeners.append(on_request)
        try:
            await socket.connect()  # type: ignore[no-untyped-call]
            await asyncio.Event().wait()
        finally:
            await socket.close()  # type: ignore[no-untyped-call]

    async def _call(self, call: Callable[[], Awaitable[Any]], *, writes: bool) -> Mapping[str, Any]:
        self._connect()
        try:
            answer = await call()
        except SlackApiError as error:
            raise _refused(error, writes) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TransientError("Slack cannot be reached; it is tried again.", detail=repr(error)) from error
        except (aiohttp.ClientError, TimeoutError, AttributeError) as error:
            # AttributeError: the SDK's own, on a 200 that is plain text instead of JSON
            raise _lost(writes, repr(error)) from error
        data = answer.data
        return data if isinstance(data, dict) else {}

    def _connect(self) -> aiohttp.ClientSession:
        """One session in the running loop. Connections are not kept: a stale one would make a post look unsure."""
        if self._session is None or self._session.closed:
            limits = aiohttp.ClientTimeout(total=self._config.timeout, sock_connect=self._config.connect_timeout)
            connector = aiohttp.TCPConnector(force_close=True)
            self._session = aiohttp.ClientSession(timeout=limits, connector=connector, trust_env=False)
            self._web.session = self._session
        return self._session


class _At(Clock):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return self._seconds


def signed(request: CallbackRequest, secret: str) -> bool:
    """Did Slack sign these raw bytes within 300 s of `received_at`? The verifier raises on a non-numeric timestamp,
    a signature that is not ASCII and a body that is not UTF-8: all are answered False before it sees them."""
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not signature.isascii():
        return False
    try:
        body = request.body.decode()
    except UnicodeDecodeError:
        return False
    verifier = SignatureVerifier(secret, clock=_At(request.received_at.timestamp()))
    return verifier.is_valid(body=body, timestamp=timestamp, signature=signature)


def _refused(error: SlackApiError, writes: bool) -> MosError:
    """Slack's `error` decides; without a readable one the HTTP status does."""
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    detail = f"HTTP {status} {code} {_needed(data)}".strip()
    if status == 429 or code in _LIMITED:
        return RateLimitedError("Slack asks us to slow down.", retry_after=_wait(response), detail=detail)
    if status in (401, 403) or code in _AUTH:
        advice = "Slack refused the token: install the app again and store its token."
        return AuthError(advice, detail=detail, code=f"slack.{code or status}")
    if status == 503 or code in _NOT_DONE:
        return TransientError("Slack is not available; it is tried again.", detail=detail)
    if status >= 500 or code in _MAYBE_DONE or (status < 400 and not code):
        return _lost(writes, detail)
    code = code or f"http_{status}"
    kind = NotFoundError if code in _ABSENT else RejectedError
    return kind(f"Slack refused the message: {code}.", detail=detail, code=f"slack.{code}")


def _page(answer: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str]:
    more = (answer.get("response_metadata") or {}).get("next_cursor")
    return list(answer.get("messages") or []), str(more or "")


def _lost(writes: bool, detail: str) -> MosError:
    if writes:
        return OutcomeUnknownError("Slack did not answer a message; it is looked up by its key.", detail=detail)
    return TransientError("Slack did not answer; it is asked again.", detail=detail)


def _needed(data: Any) -> str:
    """The missing scope, or what of the blocks was wrong: what an administrator needs, nothing secret."""
    if not isinstance(data, dict):
        return ""
    messages = (data.get("response_metadata") or {}).get("messages") or []
    return " ".join(str(part) for part in (data.get("needed"), data.get("errors"), *messages) if part)


def _wait(response: Any) -> float:
    """Seconds by `Retry-After`; 5 when absent or unreadable."""
    headers = getattr(response, "headers", None) or {}
    text = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(text) if text.isascii() and text.isdecimal() else _DEFAULT_WAIT
