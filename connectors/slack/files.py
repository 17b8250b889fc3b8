"""Fetches a picture that was put into a conversation with the app (docs.slack.dev, File object: `url_private`).

The URL stands in a callback that Slack signed, but a remote file's leads anywhere: only Slack's own file host is asked,
and it alone is given the token. A redirect is Slack's way of saying that the token may not read files.
"""

from urllib.parse import SplitResult

from connectors.fetching import MAX_BYTES, Fetcher, Resolve, address_of, refused, resolve
from connectors.pictures import Picture, picture
from connectors.roles import Media
from connectors.slack.config import SlackConfig


class FileFetcher:
    """Gives the picture behind a reference, checked and without what hides in it."""

    def __init__(self, config: SlackConfig, resolver: Resolve = resolve, max_bytes: int = MAX_BYTES) -> None:
        self._config = config
        self._fetcher = Fetcher(timeout=config.timeout, proxy=config.proxy, resolver=resolver, max_bytes=max_bytes)

    async def fetch(self, media: Media) -> Picture:
        """Raises what Fetcher.get raises (a redirect is refused: the app needs `files:read`), and RejectedError for
        what is no picture."""
        token = self._config.bot_token.get_secret_value()
        data = await self._fetcher.get(self._allowed(media.url), {"Authorization": f"Bearer {token}"})
        return picture(data)

    def _allowed(self, url: str) -> SplitResult:
        parts = address_of(url)
        if f"{parts.scheme}://{parts.netloc}" not in self._config.files or not parts.path.startswith("/files-"):
            raise refused("not a file at Slack")
        return parts
