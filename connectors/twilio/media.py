"""Fetches a picture that came with a message: from Twilio's own address and the configured hosts, and nowhere else.

The URL is an outsider's word, although Twilio signed it: it must be a media resource of our account, and our
credentials go to that host only.
"""

import base64
import re
from urllib.parse import SplitResult, urlsplit

from connectors.fetching import MAX_BYTES, Fetcher, Resolve, address_of, refused, resolve
from connectors.pictures import Picture, picture
from connectors.roles import Media
from connectors.twilio.config import TwilioConfig

_SIDS = re.compile(r"/Messages/(?:SM|MM)[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}")


class MediaFetcher:
    """Gives the picture behind a reference, checked and without what hides in it."""

    def __init__(self, config: TwilioConfig, resolver: Resolve = resolve, max_bytes: int = MAX_BYTES) -> None:
        self._config = config
        self._fetcher = Fetcher(
            timeout=config.timeout,
            origins=config.media_origins,
            proxy=config.proxy,
            resolver=resolver,
            max_bytes=max_bytes,
        )

    async def fetch(self, media: Media) -> Picture:
        """Raises what Fetcher.get raises, and RejectedError for what is no picture."""
        return picture(await self._fetcher.get(self._allowed(media.url), self._credentials()))

    def _allowed(self, url: str) -> SplitResult:
        """The media resource of our own account at the configured API, without anything beside it."""
        base, parts = urlsplit(self._config.api_base), address_of(url)
        folder = f"{base.path}/2010-04-01/Accounts/{self._config.account_sid}"
        ours = (parts.scheme, parts.netloc) == (base.scheme, base.netloc) and parts.path.startswith(folder)
        if not ours or not _SIDS.fullmatch(parts.path.removeprefix(folder)) or parts.query or parts.fragment:
            raise refused("not a media resource of our account")
        return parts

    def _credentials(self) -> dict[str, str]:
        pair = f"{self._config.account_sid}:{self._config.tokens[0]}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
