"""Which accounts count, asked rarely: fresh for ten minutes, usable for twelve hours while Slack is silent (C8)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from connectors.slack.accounts import Accounts, judge
from domain.errors import AuthError, MosError, RateLimitedError, RejectedError, TransientError
from tests.connectors.slack.lab import TS


class Slack:
    """Answers with `user`, or fails with `error`."""

    def __init__(self) -> None:
        self.user: dict[str, Any] = {}
        self.error: MosError | None = None
        self.asked = 0

    async def look_up(self, user: str) -> Mapping[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.user


@pytest.mark.parametrize("mark", ["deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_bot"])
def test_c8_marks_that_take_power(mark: str) -> None:
    assert judge({"id": "U1", "is_admin": True, mark: True}) == mark
    assert judge({"id": "U1", mark: False}) == ""


async def test_c8_somebody_who_left_has_no_power_after_ten_minutes() -> None:
    slack = Slack()
    accounts = Accounts(slack.look_up)
    assert [await accounts.barred("U1", TS) for _ in range(3)] == ["", "", ""]
    assert slack.asked == 1
    slack.user = {"deleted": True}
    assert await accounts.barred("U1", TS + timedelta(minutes=9)) == ""
    assert await accounts.barred("U1", TS + timedelta(minutes=10)) == "deleted"


@pytest.mark.parametrize(
    "error", [TransientError("away"), AuthError("no scope"), RateLimitedError("slower", retry_after=1)]
)
async def test_c8_while_slack_is_silent_the_last_word_holds_for_half_a_day(error: MosError) -> None:
    slack = Slack()
    accounts = Accounts(slack.look_up)
    await accounts.barred("U1", TS)
    slack.error = error
    assert await accounts.barred("U1", TS + timedelta(hours=11)) == ""
    for user, at in (("U1", TS + timedelta(hours=12)), ("U2", TS)):
        with pytest.raises(TransientError):
            await accounts.barred(user, at)


async def test_c8_an_account_that_slack_does_not_know_has_no_power() -> None:
    slack = Slack()
    slack.error = RejectedError("no", code="slack.user_not_found")
    assert await Accounts(slack.look_up).barred("U1", TS) == "unknown"
