"""One exception as it is played: who was messaged since its signal, and when what happened."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from infra.demo.play.books import Books
from infra.demo.play.console import Browser
from infra.demo.play.patience import NotHappenedError, Patience, demand
from infra.demo.play.peers import Peers, Plant
from infra.demo.play.phones import Message, Phones
from infra.plant.erp.reader import Posting

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass
class Line:
    """What the summary tells of one exception. Moments are epoch seconds."""

    title: str
    signal: float = 0.0
    first_phone: float = 0.0
    decision: float = 0.0
    posting: float = 0.0
    messaged: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    failed: str = ""


@dataclass
class Stage:
    """Everything that the player may touch."""

    peers: Peers
    plant: Plant
    phones: Phones
    books: Books
    patience: Patience
    say: Say
    browsers: dict[str, Browser] = field(default_factory=dict)

    def browser(self, who: str) -> Browser:
        """This person's browser, logged in."""
        if who not in self.browsers:
            self.browsers[who] = Browser(self.peers, who)
            self.browsers[who].log_in()
        return self.browsers[who]


class Scene:
    """The player's hands and eyes for one exception."""

    def __init__(self, stage: Stage, title: str) -> None:
        self.stage, self.line = stage, Line(title)
        self.exception = ""
        received = stage.phones.all_received()
        self._before = {who: {message.id for message in messages} for who, messages in received.items()}

    def say(self, text: str) -> None:
        """Tell on the screen, with the seconds since the signal."""
        since = f"{time.time() - self.line.signal:6.1f} s" if self.line.signal else " " * 8
        self.stage.say(f"  {since}  {text}")

    def cause(self, act: Callable[[], T], told: str) -> T:
        """Cause the signal."""
        self.line.signal = time.time()
        done = act()
        self.say(told)
        return done

    def new(self, who: str) -> list[Message]:
        """What this person was sent since the signal."""
        return [message for message in self.stage.phones.received(who) if message.id not in self._before[who]]

    def until(self, look: Callable[[], T | None], what: str, logs: str = "worker") -> T:
        """Wait for something. Raises NotHappenedError."""
        return self.stage.patience.until(look, what, logs)

    def hears(self, who: str, *words: str, button: str = "") -> Message:
        """Wait until this person reads a message with these words (and this button) and remember its exception."""

        def look() -> Message | None:
            fitting = [
                m for m in self.new(who) if all(w in m.text for w in words) and (not button or button in m.buttons)
            ]
            return fitting[-1] if fitting else None

        what = f"{who} gets no message with {', '.join(repr(w) for w in words)}" + (
            f" and '{button}'" if button else ""
        )
        message = self.until(look, what, "listener api worker phones")
        self.exception = self.exception or message.exception
        return message

    def press(self, who: str, message: Message, button: str, inputs: dict[str, str] | None = None) -> None:
        """Press a button on Slack."""
        self.stage.phones.press(who, message, button, inputs)
        self.say(f"{who} presses '{button}' on Slack")

    def text(self, who: str, words: str) -> None:
        """Answer by SMS."""
        self.stage.phones.text(who, words)
        self.say(f"{who} sends the SMS '{words}'")

    def reads(self, who: str, message: Message, *words: str) -> Message:
        """Wait until the message, as it is shown now, has these words."""

        def look() -> Message | None:
            shown = next((m for m in self.new(who) if m.id == message.id), None)
            return shown if shown and all(word in shown.text for word in words) else None

        return self.until(look, f"{who}'s message never comes to say {', '.join(repr(word) for word in words)}")

    def decided(self) -> None:
        """Note that the decision was given now."""
        self.line.decision = time.time()

    def posted(self, count: int, what: str) -> list[Posting]:
        """Wait for so many postings of this exception in the ERP."""

        def look() -> list[Posting] | None:
            found = self.stage.books.postings(self.exception)
            return found if len(found) >= count else None

        what = f"the ERP holds no {what} ({count}. posting of {self.exception})"
        found = self.until(look, what, "worker erp")
        self.say(f"the ERP holds: {what_of(found[-1])}")
        return found

    def settle(self, postings: int, messaged: set[str], not_messaged: set[str]) -> None:
        """Check at the end: so many postings and no more, each key once; who heard of it, nobody twice, and who not."""
        found = self.stage.books.postings(self.exception)
        demand(len(found) == postings, f"{len(found)} postings of {self.exception} instead of {postings}")
        keys = {posting.key for posting in found}
        demand(len(keys) == len(found), f"a posting's key was used twice: {sorted(keys)}")
        heard = {who for who in self.stage.phones.people if self.new(who)}
        demand(messaged <= heard, f"never messaged: {', '.join(sorted(messaged - heard))}")
        demand(not heard & not_messaged, f"messaged without need: {', '.join(sorted(heard & not_messaged))}")
        for who in heard:
            twice = [text for text, times in Counter(m.text for m in self.new(who)).items() if times > 1]
            demand(not twice, f"{who} got the same message twice: {twice}")
        self._note(heard)

    def _note(self, heard: set[str]) -> None:
        people = self.stage.phones.people
        self.line.messaged = tuple(who for who in people if who in heard)
        self.line.others = tuple(who for who in people if who not in heard)
        self.line.first_phone = min(message.at for who in heard for message in self.new(who))

    def play(self, act: Callable[["Scene"], None]) -> Line:
        """Play it to the end or to the first thing that does not happen."""
        self.stage.say(f"\n{self.line.title}")
        try:
            act(self)
        except NotHappenedError as missed:
            self.line.failed = str(missed)
            self.say(f"FAILED: {missed}")
        return self.line


def what_of(posting: Posting) -> str:
    """One posting in a few words."""
    return f"posting {posting.key.partition(':')[2]} for {posting.decision.split(' ')[0] or 'standing authority'}"
