"""The only place that knows slack_sdk: Web API calls with the domain's errors, and the signature check."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
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
_ABSENT = frozenset({"message_not_found", "channel_not_found", "user_not_found", "users_not_found"})
_DEFAULT_WAIT = 5.0
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_QUIET = logging.getLogger("connectors.slack.sdk")
_QUIET.setLevel(logging.INFO)  # slack_sdk logs whole messages at DEBUG


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

    async def post(self, channel: str, content: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[str, str]:
        """Posts once and returns (ts, channel id). Raises OutcomeUnknownError when Slack may have taken it."""
        answer = await self._call(
            lambda: self._web.chat_postMessage(
                channel=channel, metadata=dict(metadata), unfurl_links=False, unfurl_media=False, **content
            ),
            writes=True,
        )
        return str(answer["ts"]), str(answer["channel"])

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
        return list(answer.get("messages") or []), str((answer.get("response_metadata") or {}).get("next_cursor") or "")

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

    def _connect(self) -> None:
        """One session in the running loop. Connections are not kept: a stale one would make a post look unsure."""
        if self._session is None or self._session.closed:
            limits = aiohttp.ClientTimeout(total=self._config.timeout, sock_connect=self._config.connect_timeout)
            connector = aiohttp.TCPConnector(force_close=True)
            self._session = aiohttp.ClientSession(timeout=limits, connector=connector, trust_env=False)
            self._web.session = self._session


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
        return AuthError("Slack refused the bot token: install the app again and store its token.", detail=detail)
    if status == 503 or code in _NOT_DONE:
        return TransientError("Slack is not available; it is tried again.", detail=detail)
    if status >= 500 or code in _MAYBE_DONE or (status < 400 and not code):
        return _lost(writes, detail)
    code = code or f"http_{status}"
    kind = NotFoundError if code in _ABSENT else RejectedError
    return kind(f"Slack refused the message: {code}.", detail=detail, code=f"slack.{code}")


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
