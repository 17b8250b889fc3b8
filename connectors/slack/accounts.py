"""Which Slack accounts count (C8): not deactivated ones, guests, bots or people of other organisations."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.errors import MosError, NotFoundError, RejectedError, TransientError

_FRESH, _USABLE = timedelta(minutes=10), timedelta(hours=12)
_KEPT = 10_000
_BARRED = ("deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "is_invited_user")


class Accounts:
    """Asks Slack (users.info) and remembers for ten minutes; while Slack does not answer, for twelve hours."""

    def __init__(self, look_up: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        self._look_up = look_up
        self._known: OrderedDict[str, tuple[datetime, str]] = OrderedDict()

    async def barred(self, user: str, now: datetime) -> str:
        """Why this account has no power (`is_restricted`, `unknown` ...), or empty. Raises TransientError when nobody
        can say: an account that nobody vouches for decides nothing."""
        since, known = self._known.get(user, (None, ""))
        if since is not None and now - since < _FRESH:
            return known
        try:
            found = judge(await self._look_up(user))
        except (RejectedError, NotFoundError):
            found = "unknown"
        except MosError as error:
            if since is not None and now - since < _USABLE:
                return known
            raise TransientError("Slack can't say who this is; try again.", detail=error.message) from error
        self._known[user] = (now, found)
        self._known.move_to_end(user)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found


def judge(user: Mapping[str, Any]) -> str:
    """The first mark of a `user` object (docs.slack.dev, User object) that takes its power away, or empty."""
    return next((mark for mark in _BARRED if user.get(mark)), "")
