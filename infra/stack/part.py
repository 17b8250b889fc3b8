"""What the supervisor is told about one child process."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import MosError

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Restart:
    """When to start a dead child again. Times in seconds; a death sooner than `quick` after the start is a quick one,
    and the `give_up`-th quick one in a row ends the whole run."""

    give_up: int = 4
    quick: float = 10.0
    first_pause: float = 0.2
    longest_pause: float = 5.0

    def pause(self, quick_deaths: int) -> float:
        return float(min(self.first_pause * 2 ** max(quick_deaths - 1, 0), self.longest_pause))


@dataclass(frozen=True)
class Part:
    """One child process: `argv` is executed. With `mos`, the arguments of one of our own commands, it is forked from a
    process that has the product loaded already, if there is one.

    `after` names the parts that must be ready first; it is stopped before them. `prepare` is called before each start.
    `alive` is asked every `alive_every` s once it is ready; after three noes in a row it is killed and started again. A
    `oneshot` part is ready when it has ended with exit code 0; another exit code stops everything. `user` is
    (uid, gid) to run as. `grace`: seconds between `stop_signal` and SIGKILL. `note` follows the address on the screen.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    ready: Probe | None = None
    alive: Probe | None = None
    alive_every: float = 10.0
    after: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
    address: str = ""
    note: str = ""
    oneshot: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    ready_within: float = 60.0
    restart: Restart = field(default_factory=Restart)
    user: tuple[int, int] | None = None
    mos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outside:
    """A part that somebody else runs: only looked at, once, at the start. `check` raises ConfigError."""

    name: str
    address: str
    check: Callable[[], Awaitable[None]]


class PartFailed(MosError):
    """A part could not be started or kept running; `detail` holds the last lines of its log."""

    code = "mos.stack.part_failed"

    def __init__(self, part: str, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.part = part
        self.detail = detail
