"""The only place that knows twilio: messages over httpx with the domain's errors, the signature check, TwiML."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from connectors import http
from connectors.roles import CallbackRequest
from connectors.twilio.config import TwilioConfig
from connectors.twilio.mapping import Form
from domain.errors import AuthError, MosError, NotFoundError, OutcomeUnknownError, RejectedError, TransientError

_LIMIT = 200
_Client: Any = Client  # the library carries no types
_Validator: Any = RequestValidator
_Reply: Any = MessagingResponse
_Spoken: Any = VoiceResponse


class _Transport(AsyncHttpClient):
    """Twilio's HTTP over httpx, to the configured host.

    Not twilio's own AsyncTwilioHttpClient: it ignores its `timeout` argument (a call without one waits for ever) and
    warns of deprecation with aiohttp 3.14; nor its synchronous one in threads: it cannot be cancelled.
    """

    def __init__(self, config: TwilioConfig) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True, timeout=config.timeout)
        self._base = urlsplit(config.api_base)
        self._http = httpx.AsyncClient(
            timeout=config.timeout,
            limits=http.IDLE,
            proxy=config.proxy,
            trust_env=False,
            follow_redirects=False,
            verify=http.trust(config.api_base),
        )

    async def request(  # type: ignore[override] # twilio's own asynchronous base breaks its synchronous one
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One call. `timeout` is the client's; redirects are never followed. Raises as connectors.http.exchange."""
        query = cast(Mapping[str, str] | None, params)
        request = self._http.build_request(method, self._local(uri), params=query, data=data, headers=headers)
        if auth is not None:
            request.headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        answer = await http.exchange(self._http, request, writes=method.upper() != "GET", system="Twilio")
        return Response(answer.status_code, answer.text, headers=answer.headers)

    def _local(self, url: str) -> str:
        """The same path at the configured host: edge and region could only name *.twilio.com."""
        parts = urlsplit(url)
        return urlunsplit((self._base.scheme, self._base.netloc, self._base.path + parts.path, parts.query, ""))

    async def close(self) -> None:
        await self._http.aclose()


class TwilioClient:
    """Sends once: the Messages API knows no idempotency key, so a lost answer is looked up, never repeated."""

    def __init__(self, config: TwilioConfig) -> None:
        self._transport = _Transport(config)
        nothing = {"": ""}  # an empty mapping would make the library read the process environment
        self._clients = [
            _Client(config.account_sid, token, http_client=self._transport, environment=nothing)
            for token in config.tokens
        ]

    async def close(self) -> None:
        await self._transport.close()

    async def create(self, **parameters: str) -> str:
        """Sends one message and returns its sid. Raises OutcomeUnknownError when Twilio may have taken it."""
        return await self._created(lambda client: client.messages.create_async(**parameters))

    async def call(self, **parameters: object) -> str:
        """Starts one call and returns its sid. Raises OutcomeUnknownError when Twilio may have started it."""
        return await self._created(lambda client: client.calls.create_async(**parameters))

    async def sent_to(self, to: str) -> list[tuple[str, str, datetime | None]]:
        """The newest messages to a number: (sid, body, created). Not filtered by DateSent: that filter has whole days,
        and a message still queued has no such date."""
        found = await self._listed(lambda client: client.messages.stream_async(to=to, limit=_LIMIT))
        return [(str(item.sid), str(item.body or ""), item.date_created) for item in found]

    async def called(self, to: str, sender: str) -> list[tuple[str, datetime | None]]:
        """The newest calls from us to a number: (sid, created)."""
        found = await self._listed(lambda client: client.calls.stream_async(to=to, from_=sender, limit=_LIMIT))
        return [(str(item.sid), item.date_created or item.start_time) for item in found]

    async def _created(self, act: Callable[[Any], Awaitable[Any]]) -> str:
        try:
            created = await self._by_token(act)
        except TwilioException as error:
            raise _refused(error) from error
        except (json.JSONDecodeError, KeyError) as error:
            raise _unread(repr(error)) from error
        if not created.sid:
            raise _unread("no sid")
        return str(created.sid)

    async def _listed(self, act: Callable[[Any], Awaitable[Any]]) -> list[Any]:
        try:
            return [item async for item in await self._by_token(act)]
        except TwilioException as error:
            raise _refused(error) from error
        except (json.JSONDecodeError, KeyError) as error:
            raise TransientError("Twilio's answer cannot be read; it is asked again.", detail=repr(error)) from error

    async def _by_token(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        """With the token in force; while tokens are rotated the other one is tried when it is refused. The one that
        works comes first from then on."""
        for number, client in enumerate(self._clients):
            try:
                done = await act(client)
            except AuthError:
                if number == len(self._clients) - 1:
                    raise
            else:
                self._clients.insert(0, self._clients.pop(number))
                return done
        raise AssertionError("there is always a token")


def _unread(detail: str) -> OutcomeUnknownError:
    return OutcomeUnknownError("Twilio's answer to a message cannot be read; it is looked up.", detail=detail)


def _refused(error: TwilioException) -> MosError:
    """By Twilio's error code; 401, 403, 429 and 5xx never come this far."""
    if not isinstance(error, TwilioRestException | TwilioServiceException):
        return RejectedError("Twilio's library refused the call.", detail=repr(error), code="twilio.library")
    text = error.msg if isinstance(error, TwilioRestException) else error.title
    detail = f"HTTP {error.status} {error.code}: {text}"
    if error.code == 20003:
        return AuthError("Twilio refused our credentials: renew them in its connector's settings.", detail=detail)
    kind = NotFoundError if error.status == 404 else RejectedError
    return kind(f"Twilio refused the message: {error.code}.", detail=detail, code=f"twilio.{error.code}")


def signed(request: CallbackRequest, fields: Form | None, secret: str, algorithm: str) -> bool:
    """Did Twilio sign this URL with these form fields, or (`fields` None) with this JSON body?

    The library's own `validate` raises on a body without bodySHA256 and takes an empty one for signed, so the hash is
    checked here. The algorithm is the configured one: the header of the request never chooses it.
    """
    signature = request.headers.get("x-twilio-signature", "")
    if fields is None and not _hash_holds(request):
        return False
    validator, url = _Validator(secret), urlsplit(request.url)
    computed = [validator.compute_signature(one, fields or {}, algorithm) for one in _with_and_without_port(url)]
    return sum(hmac.compare_digest(one.encode(), signature.encode()) for one in computed) > 0


def _with_and_without_port(url: SplitResult) -> list[str]:
    """Twilio signs the URL with or without a port."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    return [url.geturl(), url._replace(netloc=host).geturl(), url._replace(netloc=f"{host}:{port}").geturl()]


def _hash_holds(request: CallbackRequest) -> bool:
    claimed = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), claimed.lower().encode())


def twiml(text: str = "") -> str:
    """The answer to a callback (`text/xml`): empty, or a message whose text is escaped."""
    response = _Reply()
    if text:
        response.message(text)
    return str(response)


def spoken(text: str, language: str) -> str:
    """Say it and hang up; without a text only hang up. The library escapes: what people wrote stays text (C27)."""
    response = _Spoken()
    if text:
        response.say(text, language=language)
    response.hangup()
    return str(response)


def asking(text: str, language: str, answer_url: str, silence_url: str, *, digits: int = 1) -> str:
    """Say it while one key may be pressed (or up to `digits`, ended by the hash key): they go to `answer_url`, silence
    goes on at `silence_url`."""
    response = _Spoken()
    ended = {"finish_on_key": "#"} if digits > 1 else {}
    keys = response.gather(input="dtmf", num_digits=digits, timeout=6, action=answer_url, method="POST", **ended)
    keys.say(text, language=language)
    response.redirect(silence_url, method="POST")
    return str(response)
