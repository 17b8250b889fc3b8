"""Basic authentication, the session cookie, and the CSRF token that belongs to it."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe

COOKIE = "SAP_SESSIONID_STD_100"
_PER_SYSTEM = 1000


@dataclass(frozen=True)
class Session:
    """A session; new ones are told to the client with their cookie."""

    id: str
    token: str
    new: bool = False


class Sessions:
    """Who is let in, and which token goes with which session."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._tokens: dict[str, str] = {}

    def user(self, authorization: str) -> str | None:
        """The user of a Basic header with the right password."""
        kind, _, text = authorization.partition(" ")
        try:
            name, _, word = base64.b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            return None
        known = self._users.get(name)
        if kind.lower() != "basic" or known is None or not hmac.compare_digest(known.encode(), word.encode()):
            return None
        return name

    def fetch(self, cookie: str) -> Session:
        """The session of a cookie, or a new one, for `X-CSRF-Token: Fetch`."""
        if cookie in self._tokens:
            return Session(cookie, self._tokens[cookie])
        for old in list(self._tokens)[:-_PER_SYSTEM]:
            del self._tokens[old]
        made = Session(token_urlsafe(24), token_urlsafe(18), new=True)
        self._tokens[made.id] = made.token
        return made

    def valid(self, cookie: str, token: str) -> bool:
        """Whether the token belongs to the cookie's session."""
        known = self._tokens.get(cookie)
        return known is not None and hmac.compare_digest(known.encode(), token.encode())

    def expire(self) -> None:
        """End all sessions, as the system does after a while."""
        self._tokens.clear()
