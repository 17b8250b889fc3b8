"""``python -m infra.demo.guide --data DIR``: leads a newcomer through a first exception, noticing what they do."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from infra.demo.play.books import Books
from infra.demo.play.patience import NotHappenedError
from infra.demo.play.peers import Peers, Plant, find_peers
from infra.demo.play.phones import Message, Phones
from infra.plant.catalogue import load_catalogue

T = TypeVar("T")
_PAUSE_S = 0.5
_PLAN_WITHIN_S = 20.0
_WORDS = {
    "production": "planned times of the orders",
    "production.work.center": "the machine's status",
    "production.work.center.downtime": "a downtime with its cause",
    "maintenance.order": "a maintenance order",
}


class Guide:
    """Breaks one machine and tells what to do next, until the ERP holds what came of it."""

    def __init__(self, peers: Peers, seed: int, begun: float) -> None:
        self._peers, self._begun = peers, begun
        self._plant, self._phones, self._books = Plant(peers), Phones(peers), Books(peers)
        self._unit = str(self._plant.draw(seed)["breakdown_a"])
        self._title = load_catalogue().work_unit(self._unit).title
        self._exception, self._since = "", 0.0

    def lead(self) -> None:
        """Raises NotHappenedError when a part of the demo is gone."""
        self._break_down()
        self._answer_as_technician()
        self._decide_as_planner()
        self._finish_as_technician()
        finished = time.time()
        self._plant.clear_machine(self._unit)
        self._show_the_books()
        stopped, command = finished - self._since, finished - self._begun
        _say(f"\nYour first exception is finished: {stopped:.0f} s after the stop, {command:.0f} s after the command.")
        _say(f"Next: fail an inspection or take a rush order at {self._peers.console}/plant")

    def _break_down(self) -> None:
        open_now = [message for message in self._repairs() if message.buttons]
        if open_now:
            _say(f"{self._title} is still down from before: go on with it.")
            self._exception, self._since = open_now[-1].exception, open_now[-1].at
            return
        input(f"Press Enter, and {self._title} breaks down: ")
        if self._unit in self._plant.stopped():
            self._plant.clear_machine(self._unit)
        self._since = time.time()
        self._plant.stop_machine(self._unit)
        self._exception = self._wait(lambda: next((m.exception for m in self._repairs() if m.at > self._since), ""))
        _say(f"\n{self._title} stopped, and {time.time() - self._since:.1f} s later the right people know.")

    def _answer_as_technician(self) -> None:
        _say(f"1. On {self._peers.console}/phones look for 'Repair {self._title}' on Jonas's phone. Press Accept.")
        self._wait(lambda: self._shown("It is yours") or self._shown("Done by"))
        _say("   Accepted; whoever else was asked is told. (Nobody answers for two minutes? Then the lead is asked.)")
        _say("2. Same phone: press '2h', your estimate of the repair. (By SMS: the code, then EST 2h.)")
        self._wait(lambda: self._plan() or self._estimated() or self._repaired())

    def _decide_as_planner(self) -> None:
        if not self._plan_comes():
            _say("   No job order has to move for that, so there is no plan to decide on. A fresh plant has one:")
            _say("   stop the demo, remove its data folder, start again. But first finish this one.")
            return
        _say("   The planner has a plan to decide on; materials and customer service hear of it if it concerns them.")
        _say("3. On Lena's phone read 'New plan' and press 'Push right'.")
        self._wait(lambda: (plan := self._plan()) is not None and "Decided by" in plan.text)
        _say("   Decided. The new times go to the ERP, and the new sequence to the MES.")

    def _finish_as_technician(self) -> None:
        _say("4. On the technician's phone press Done, write the cause and send it.")
        self._wait(self._repaired)

    def _show_the_books(self) -> None:
        _say("   The ERP holds:")
        for posting in self._books.postings(self._exception):
            _say(f"     {posting.create_date:%H:%M:%S} UTC  {_in_words(posting.payload)}")
        _say(f"5. See them at {self._peers.console}/erp, why and by whom at {self._peers.console}/ledger,")
        _say(f"   and the whole story at {self._peers.console}/exceptions/{self._exception}")

    def _repairs(self) -> list[Message]:
        """What anybody was sent about repairing this machine by Slack, oldest first."""
        shown = [m for messages in self._phones.all_received().values() for m in messages if m.via == "slack"]
        return sorted((m for m in shown if f"Repair {self._title}" in m.text), key=lambda m: m.at)

    def _shown(self, words: str) -> bool:
        """Whether somebody's phone says this of the repair, by Slack or SMS."""
        phones = self._phones.all_received().values()
        about = [m for messages in phones for m in messages if f"Repair {self._title}" in m.text]
        return any(words in m.text and m.at >= self._since and m.exception in ("", self._exception) for m in about)

    def _plan(self) -> Message | None:
        plans = [m for m in self._phones.received("lena") if f"New plan for {self._title}" in m.text]
        return next((m for m in plans if m.exception == self._exception), None)

    def _plan_comes(self) -> bool:
        """Where orders were pushed right before, a second breakdown may move none: then nobody is asked to decide."""
        deadline = time.monotonic() + _PLAN_WITHIN_S
        while self._plan() is None and time.monotonic() < deadline and not self._repaired():
            time.sleep(_PAUSE_S)
        return self._plan() is not None

    def _estimated(self) -> bool:
        """Whether the technician's Slack message no longer asks for an estimate."""
        mine = [m for m in self._repairs() if m.exception == self._exception and "It is yours" in m.text]
        return any(not any(button.startswith("answer:estimate") for button in m.buttons) for m in mine)

    def _repaired(self) -> bool:
        return bool(self._books.downtimes(self._exception))

    @staticmethod
    def _wait(look: Callable[[], T]) -> T:
        """A person takes the time that it takes."""
        while not (found := look()):
            time.sleep(_PAUSE_S)
        return found


def _in_words(payload: str) -> str:
    """Which of the ERP's records a posting wrote."""
    models = dict.fromkeys(operation["model"] for operation in json.loads(payload))
    return ", ".join(_WORDS.get(model, model) for model in models)


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Greet, and guide whoever sits at the terminal; without one nothing is broken."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo.guide", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the running demo's data folder")
    parser.add_argument("--seed", type=int, default=1, help="picks the machine")
    parser.add_argument("--begun", type=float, default=time.time(), help="when the command was given, epoch seconds")
    given = parser.parse_args()
    try:
        peers = find_peers(given.data)
        _say(f"\nOpen  {peers.console}  and log in as lena, password {peers.console_password}")
        _say("(lena plans, jonas repairs, grace is quality, sofia manages: the same password for all of them)")
        if sys.stdin.isatty():
            Guide(peers, given.seed, given.begun).lead()
    except NotHappenedError as missed:
        _say(f"The guide stops: {missed}")
        return 1
    except (KeyboardInterrupt, EOFError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
