"""Slack refuses for a while, as when it is overloaded: people are told later, each once, and the console says why."""

from typing import Any

from tests.chaos.play import TECHNICIAN, Breakdown
from tests.chaos.site import Console, Json, eventually

SLOW_DOWN, NO_ANSWER = "Slack asks us to slow down.", "Slack did not answer"


class Troubled(Breakdown):
    """A breakdown during which Slack refuses posts, then posts and edits."""

    def order(self, kind: str, method: str, times: int, **more: Any) -> None:
        fault = {"vendor": "slack", "kind": kind, "method": method, "times": times, **more}
        self.site.phones.post("/faults", json=fault).raise_for_status()

    def _break(self) -> None:
        browser = self.site.sign_in("lena")  # before it happens: it stands on the page for some seconds only
        self.order("rate_limit", "chat.postMessage", 2, retry_after=3)
        self.order("server_error", "chat.postMessage", 3)
        self.order("server_error", "conversations.history", 2)
        self.site.break_down(self.thing)
        self.row = eventually(self._opened, "the breakdown opened an exception")
        self.seen(browser, SLOW_DOWN)
        self.seen(browser, NO_ANSWER)
        eventually(lambda: self._button(TECHNICIAN, "accept"), "the technician was asked all the same")
        self._nothing_waits()

    def _accept(self) -> None:
        self.order("rate_limit", "chat.update", 2, retry_after=1)
        self.order("server_error", "chat.update", 2)
        super()._accept()

    def seen(self, browser: Console, error: str) -> None:
        """It stands on the exception's page, and with its tries in the outbox."""
        eventually(lambda: error in browser.page(f"/exceptions/{self.id}"), f"the console says: {error}")

    def tried_again(self) -> list[Json]:
        return self.site.rows("SELECT * FROM outbox WHERE exception_id = %s AND attempts > 1", self.id)
