"""A schedule of another system by its address: its settings, and the one safe way in which it is fetched.

A secret part of the address and the token are secrets of the connection (`address`, `token`): they are put in when it
is fetched, and stand in no message.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.fetching import Fetcher, Resolve, is_public, resolve
from connectors.roster_files import LIMIT, document
from connectors.zones import Zone
from domain.errors import ConfigError, InvalidPayloadError, TransientError
from domain.rosters.model import Identifier
from domain.values import Json

ADDRESS, TOKEN = "{address}", "{token}"
_DAYS = {"{since}": -1, "{until}": 56}
_CODE = "roster.fetch"


class FeedConfig(BaseModel):
    """`url`, or `parts` (name -> url) where the file is put together from several answers. `{address}` in one stands
    for the secret of this name, `{since}` and `{until}` for yesterday and the day in eight weeks. With a secret `token`
    the header `header` is sent, as `authorization` says.

    `minutes` between two looks; `timeout` (seconds) for all of one. `allow`: hosts that may be asked without TLS and
    may have a private address. `redirects`: other hosts that it may redirect to, once. `schedules`: those here that it
    may replace although they did not come from it. `despite_problems`: take what can be read. `stale_after` hours
    without success it is warned of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Identifier
    url: str = ""
    parts: dict[str, str] = {}
    header: str = Field(default="Authorization", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")
    authorization: str = Field(default=f"Bearer {TOKEN}", max_length=200)
    accept: str = Field(default="", max_length=200)
    minutes: int = Field(default=15, ge=1, le=1440)
    timeout: float = Field(default=20.0, gt=0, le=60)
    allow: list[str] = []
    redirects: list[str] = []
    schedules: list[Identifier] = []
    despite_problems: bool = False
    stale_after: int = Field(default=24, ge=1, le=720)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if bool(self.url) == bool(self.parts):
            raise ValueError("give url, or parts")
        if TOKEN not in self.authorization:
            raise ValueError(f"authorization: write {TOKEN} where the secret goes")
        for url in self.urls.values():
            _check(url, self.allow)
        if len({_origin(urlsplit(url)) for url in self.urls.values()}) > 1:
            raise ValueError("parts: all from one host: the token goes there")
        for origin in self.redirects:
            if _origin(_check(origin, self.allow)) != origin:
                raise ValueError("redirects: scheme and host only, such as https://files.example.com")
        return self

    @property
    def urls(self) -> dict[str, str]:
        """By the name of the part; the whole file has none."""
        return self.parts or {"": self.url}

    @property
    def host(self) -> str:
        """What may be shown of the address."""
        return urlsplit(next(iter(self.urls.values()))).netloc


class CalendarConfig(FeedConfig):
    """An iCalendar feed fills the one `schedule`. `timezone`: where the calendar names none itself."""

    schedule: Identifier
    title: str = Field(default="", max_length=120)
    timezone: Zone | None = None
    days: int = Field(default=400, ge=1, le=800)


def _check(url: str, allow: list[str]) -> SplitResult:
    """https, or a host that the site allows; a private address only there. Raises ValueError."""
    parts = urlsplit(url)
    host, _ = parts.hostname or "", parts.port  # a port that is none is a ValueError
    if parts.scheme not in ("http", "https") or not host or "{" in parts.netloc or "@" in parts.netloc:
        raise ValueError("an address looks like https://calendar.example.com/{address}/basic.ics; no user or password")
    if host not in allow and (parts.scheme != "https" or _is_private(host)):
        raise ValueError(f"{host}: use https and a public address, or name the host in allow")
    return parts


def _is_private(host: str) -> bool:
    try:
        return not is_public(str(ip_address(host)))
    except ValueError:
        return False


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


class FeedClient:
    """Fetches the file behind one feed."""

    def __init__(self, config: FeedConfig, secrets: Mapping[str, str], resolver: Resolve = resolve) -> None:
        self._config, self._secrets = config, secrets
        self._fetcher = Fetcher(
            timeout=config.timeout,
            origins=[*{_origin(urlsplit(url)) for url in config.urls.values()}, *config.redirects],
            resolver=resolver,
            max_bytes=LIMIT,
            private=config.allow,
            what="feed",
            code=_CODE,
        )

    async def get(self, now: datetime) -> bytes:
        """Raises what Fetcher.get raises, InvalidPayloadError and ConfigError (a secret is missing)."""
        found = {}
        try:
            async with asyncio.timeout(self._config.timeout):
                for name, url in self._config.urls.items():
                    found[name] = await self._fetcher.get(self._address(url, now), self._headers())
        except TimeoutError as error:
            told = f"not whole after {self._config.timeout:g} s"
            raise TransientError("The feed cannot be fetched; it is tried again.", detail=told) from error
        return found[""] if "" in found else _joined(found)

    def hidden(self, text: str) -> str:
        """Without our secrets, which a page or an error may quote."""
        for secret in filter(None, self._secrets.values()):
            text = text.replace(secret, "…").replace(quote(secret), "…")
        return text

    def _address(self, url: str, now: datetime) -> SplitResult:
        for name, days in _DAYS.items():
            url = url.replace(name, f"{now + timedelta(days=days):%Y-%m-%d}")
        if ADDRESS not in url:
            return urlsplit(url)
        if not self._secrets.get("address"):
            raise ConfigError(f"the address has {ADDRESS}: name its secret as 'address'")
        return urlsplit(url.replace(ADDRESS, quote(self._secrets["address"], safe="/%@:=&?+~")))

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": self._config.accept} if self._config.accept else {}
        if token := self._secrets.get("token"):
            if not token.isprintable() or not token.isascii():
                raise ConfigError("the secret 'token' is no single line of plain characters")
            headers[self._config.header] = self._config.authorization.replace(TOKEN, token)
        return headers


def _joined(found: Mapping[str, bytes]) -> bytes:
    """One JSON object of the answers under their names. Raises InvalidPayloadError, also for half a list."""
    whole: dict[str, Json] = {}
    for name, data in found.items():
        answer = document(data)
        whole[name] = answer.get(name, answer)
        if answer.get("next") or answer.get("more"):
            raise InvalidPayloadError(f"'{name}' has more pages: ask for larger ones in its address")
    return json.dumps(whole).encode()


def build(config: FeedConfig, secrets: Mapping[str, str]) -> FeedClient:
    """The client for these settings."""
    return FeedClient(config, secrets)
