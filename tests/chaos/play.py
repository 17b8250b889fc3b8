"""Exceptions as people live through them: on their phones and at the console, with a crash here and there."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from tests.chaos.points import Journey
from tests.chaos.site import Json, Site, eventually

TECHNICIAN, BY_SMS, PLANNER, QUALITY = "Jonas Weber", "Amira Haddad", "Lena Fischer", "Grace Okafor"
MATERIALS, CUSTOMER_SERVICE = "Tomas Ruiz", "Mei Tanaka"


class Play:
    """Stages in order; a journey's points are armed each before its stage. `thing`: the machine or lot."""

    stages: ClassVar[tuple[str, ...]]
    decisions: ClassVar[list[tuple[str, str, str]]]
    postings: ClassVar[list[str]]

    def __init__(self, site: Site, thing: str, journey: Journey) -> None:
        self.site, self.thing, self.journey = site, thing, journey
        self.began = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.row: Json = {}

    def play(self) -> None:
        """All of it."""
        still = "SELECT id FROM plant_exception WHERE key = %s AND closed_at IS NULL"
        assert not self.site.rows(still, self.thing), "an earlier exception is still open"
        for stage in self.stages:
            begun = time.monotonic()
            for point in self.journey.points:
                if point.stage == stage:
                    self.site.arm(point.seam, skip=point.skip, kill=point.kill)
            getattr(self, f"_{stage}")()
            self.seconds[stage] = round(time.monotonic() - begun, 1)
            eventually(lambda: not self.site.armed(), f"all crashes of '{stage}'", within=60)

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def messages(self, person: str) -> list[Json]:
        """What this person received since it began."""
        return [m for m in self.site.received(person) if float(m["at"]) > self.began.timestamp()]

    def clean_up(self) -> None:
        """Leave the plant as it was."""

    def _opened(self) -> Json | None:
        mine = [row for row in self.site.exceptions() if row["key"] == self.thing and row["opened_at"] > self.began]
        return mine[0] if mine else None

    def _wait_closed(self) -> None:
        closed = "SELECT 1 FROM plant_exception WHERE id = %s AND closed_at IS NOT NULL"
        eventually(lambda: self.site.rows(closed, self.id), "the exception was closed")

    def _button(self, person: str, verb: str) -> tuple[Json, str] | None:
        """A message that shows a button for `verb`, and the button."""
        for message in self.messages(person):
            for button in message.get("buttons", []):
                if button["action_id"].removeprefix("form:").startswith(verb):
                    return message, button["action_id"]
        return None

    def _press(self, person: str, verb: str, **inputs: str) -> None:
        """As people do: when the phone says that it did not work, press again as long as the button is there."""
        message, button = eventually(lambda: self._button(person, verb), f"{person} can press {verb}")
        while not self.site.press(person, message, button, **inputs):
            time.sleep(0.1)
            still = self._button(person, verb)
            if still is None:
                return
            message, button = still

    def _text(self, person: str, words: str) -> None:
        """Nobody is told that an SMS got lost: who hears nothing writes again. Here the network says it at once."""
        while not self.site.text(person, words):
            time.sleep(0.1)


class Breakdown(Play):
    """A machine stops; a technician repairs it; the planner moves the orders."""

    stages = ("break", "accept", "estimate", "approve", "done")
    decisions: ClassVar = [("plan_decision", "lena", "approved"), ("repair", "jonas", "reported")]
    postings: ClassVar = ["erp", "mes", "erp"]

    def clean_up(self) -> None:
        self.site.clear(self.thing)
        runs = "SELECT 1 FROM source_state WHERE key = %s AND state = 'running'"
        eventually(lambda: self.site.rows(runs, self.thing), f"{self.thing} runs again")
        # Before somebody else moves the orders: otherwise the ledger differs from the systems, and rightly says so.
        unread = "SELECT 1 FROM ledger WHERE exception_id = %s AND status = 'posted'"
        eventually(lambda: not self.site.rows(unread, self.id), "every posting was read back")
        self.site.plan.restore()

    def _break(self) -> None:
        self.site.break_down(self.thing)
        self.row = eventually(self._opened, "the breakdown opened an exception")
        eventually(lambda: self._button(TECHNICIAN, "accept"), "one technician was asked")
        eventually(lambda: self.messages(BY_SMS), "the other technician was asked")
        self._nothing_waits()

    def _nothing_waits(self) -> None:
        waits = "SELECT 1 FROM inbox WHERE status IN ('received', 'correlated')"
        eventually(lambda: not self.site.rows(waits), "all signals were delivered")
        eventually(lambda: not self.site.unsent(self.id), "everybody was told")

    def _accept(self) -> None:
        self._press(TECHNICIAN, "accept")
        eventually(lambda: self._button(TECHNICIAN, "done"), "the task is the technician's")
        self._nothing_waits()

    def _estimate(self) -> None:
        self._press(TECHNICIAN, "answer:estimate:2h")
        eventually(lambda: self._button(PLANNER, "approve"), "the planner was asked")

    def _approve(self) -> None:
        self._press(PLANNER, "approve")
        posted = "SELECT system FROM ledger WHERE exception_id = %s AND status IN ('posted', 'reconciled')"
        eventually(lambda: len(self.site.rows(posted, self.id)) == 2, "the plan was posted")

    def _done(self) -> None:
        self._press(TECHNICIAN, "done", cause="worn belt")
        self._wait_closed()


class BySms(Breakdown):
    """The same with the technician who has no Slack."""

    decisions: ClassVar = [("plan_decision", "lena", "approved"), ("repair", "amira", "reported")]

    def _code(self) -> str:
        rows = self.site.rows("SELECT code FROM task WHERE exception_id = %s AND step = 'repair'", self.id)
        return str(rows[0]["code"])

    def _accept(self) -> None:
        self._text(BY_SMS, f"{self._code()} ok")
        eventually(lambda: len(self.messages(BY_SMS)) > 1, "the technician was told that it is theirs")
        self._nothing_waits()

    def _estimate(self) -> None:
        self._text(BY_SMS, f"{self._code()} est 2h")
        eventually(lambda: self._button(PLANNER, "approve"), "the planner was asked")

    def _done(self) -> None:
        self._text(BY_SMS, f"{self._code()} done worn belt")
        self._wait_closed()


class Hold(Play):
    """An inspection fails; the lot is held; quality releases it on the console."""

    stages = ("fail", "dispose")
    decisions: ClassVar = [("disposition", "grace", "approved")]
    postings: ClassVar = ["erp"]

    def _fail(self) -> None:
        self.site.fail_inspection(self.thing)
        self.row = eventually(self._opened, "the failed inspection opened an exception")
        eventually(lambda: self.messages(QUALITY), "quality was asked")

    def _dispose(self) -> None:
        browser = self.site.sign_in("grace")
        task = eventually(self._disposition, "quality's task")
        form = browser.form(self.id, task)
        answered: Callable[[], bool] = lambda: browser.answer(task, form, verb="approve:release", comment="fits")  # noqa: E731
        eventually(answered, "the console took the answer")
        self._wait_closed()

    def _disposition(self) -> str | None:
        rows = self.site.rows("SELECT id FROM task WHERE exception_id = %s AND step = 'disposition'", self.id)
        return str(rows[0]["id"]) if rows else None


class Rush(Play):
    """A customer wants something soon; materials (by SMS) and customer service weigh it, the planner promises."""

    stages = ("announce", "weigh", "promise")
    decisions: ClassVar = [("promise", "lena", "approved")]
    postings: ClassVar = ["erp", "mes"]

    def _announce(self) -> None:
        self.thing = self.site.rush()
        self.row = eventually(self._opened, "the rush sale opened an exception")
        eventually(lambda: self._button(CUSTOMER_SERVICE, "answer"), "customer service was asked")
        eventually(lambda: self.messages(MATERIALS), "materials was asked")

    def _weigh(self) -> None:
        task = eventually(lambda: self.site.task(self.id, "material_check"), "the task of materials")
        self._text(MATERIALS, f"{task['code']} 1")
        self._press(CUSTOMER_SERVICE, "answer:answer:accepts")
        eventually(lambda: self._button(PLANNER, "approve"), "the planner was asked")

    def _promise(self) -> None:
        self._press(PLANNER, "approve")
        self._wait_closed()


KINDS: dict[str, type[Play]] = {"breakdown": Breakdown, "by_sms": BySms, "hold": Hold, "rush": Rush}
