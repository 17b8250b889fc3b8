"""What goes wrong with one HTTP exchange on the wire, and plans that draw it from a seed."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What can be done to an exchange. Where each belongs: `PLACES`."""

    NONE = "none"
    BEFORE_SEND = "before_send"  # the connection is cut, and nothing of the request arrives
    MID_REQUEST = "mid_request"  # the system gets a part of the request
    AFTER_COMMIT = "after_commit"  # the system has answered, and nothing of the answer arrives
    MID_RESPONSE = "mid_response"  # a part of the answer arrives
    DELAY_REQUEST = "delay_request"
    DELAY_RESPONSE = "delay_response"
    DUPLICATE = "duplicate"  # the system gets the request twice, one after the other
    DUPLICATE_AT_ONCE = "duplicate_at_once"
    LATE = "late"  # the connection is cut, and the request arrives all the same, some time afterwards
    STALL_REQUEST = "stall_request"  # a part of the request arrives, and the rest some time afterwards
    STALL_RESPONSE = "stall_response"
    DUPLICATE_PART = "duplicate_part"  # the system gets a part of the request, and then all of it
    DUPLICATE_CUT = "duplicate_cut"  # the system gets the request twice, and a part of the answer arrives
    # As the four that cut, but the connection stays open, and nobody says a word: only the caller's patience ends it.
    SILENT_BEFORE_SEND = "silent_before_send"
    SILENT_MID_REQUEST = "silent_mid_request"
    SILENT_AFTER_COMMIT = "silent_after_commit"
    SILENT_MID_RESPONSE = "silent_mid_response"


class Cut(StrEnum):
    """Where a message is cut: the boundary classes of HTTP/1.1 bytes."""

    FIRST_BYTE = "first_byte"
    IN_HEAD = "in_head"
    AFTER_HEAD = "after_head"  # all headers, nothing of the body
    IN_BODY = "in_body"
    LAST_BYTE = "last_byte"  # everything but the last byte


BREAKING = (Fault.BEFORE_SEND, Fault.MID_REQUEST, Fault.AFTER_COMMIT, Fault.MID_RESPONSE)
DOUBLING = (Fault.DUPLICATE, Fault.DUPLICATE_AT_ONCE, Fault.LATE)
SLOWING = (Fault.DELAY_REQUEST, Fault.DELAY_RESPONSE)
HALVING = (Fault.STALL_REQUEST, Fault.STALL_RESPONSE, Fault.DUPLICATE_PART, Fault.DUPLICATE_CUT)
SILENT = (
    Fault.SILENT_BEFORE_SEND,
    Fault.SILENT_MID_REQUEST,
    Fault.SILENT_AFTER_COMMIT,
    Fault.SILENT_MID_RESPONSE,
)
DRAWN = (*BREAKING, *DOUBLING, *SLOWING)
"""By a Plan that is told nothing else. A silence costs the caller's whole patience."""
EVERY = (*DRAWN, *HALVING, *SILENT)


class Place(StrEnum):
    """Of an exchange, in the order of time."""

    BEFORE_SEND = "before send"
    MID_REQUEST = "mid-request"
    AFTER_COMMIT = "after commit, before the response"
    MID_RESPONSE = "mid-response"


PLACES: dict[str, dict[Place, tuple[Fault, ...]]] = {
    "cut": {
        Place.BEFORE_SEND: (Fault.BEFORE_SEND,),
        Place.MID_REQUEST: (Fault.MID_REQUEST,),
        Place.AFTER_COMMIT: (Fault.AFTER_COMMIT,),
        Place.MID_RESPONSE: (Fault.MID_RESPONSE,),
    },
    "drop": dict(zip(Place, ((fault,) for fault in SILENT), strict=True)),
    "delay": {
        Place.BEFORE_SEND: (Fault.DELAY_REQUEST, Fault.LATE),
        Place.MID_REQUEST: (Fault.STALL_REQUEST,),
        Place.AFTER_COMMIT: (Fault.DELAY_RESPONSE,),
        Place.MID_RESPONSE: (Fault.STALL_RESPONSE,),
    },
    "duplicate": {
        Place.BEFORE_SEND: (Fault.DUPLICATE_AT_ONCE,),
        Place.MID_REQUEST: (Fault.DUPLICATE_PART,),
        Place.AFTER_COMMIT: (Fault.DUPLICATE,),
        Place.MID_RESPONSE: (Fault.DUPLICATE_CUT,),
    },
}
"""What goes wrong, and where, each with each."""


@dataclass(frozen=True)
class Drawn:
    """The fault of one exchange; `seconds` for those that wait."""

    fault: Fault = Fault.NONE
    cut: Cut = Cut.IN_BODY
    seconds: float = 0.0


class Plan:
    """Draws a fault for each request. The same seed and the same order of requests give the same faults.

    `rate` is the share of requests that something happens to; `kinds` what may happen; `only` which requests are meant.
    """

    def __init__(
        self,
        seed: int,
        *,
        rate: float = 0.5,
        kinds: Sequence[Fault] = DRAWN,
        seconds: float = 0.1,
        only: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 (a seed makes a run repeatable)
        self._rate, self._kinds, self._seconds, self._only = rate, tuple(kinds), seconds, only

    def draw(self, request: bytes) -> Drawn:
        """The fault for this request (its raw bytes)."""
        if not self._only(request) or self._random.random() >= self._rate:
            return Drawn()
        fault, cut = self._random.choice(self._kinds), self._random.choice(list(Cut))
        return Drawn(fault, cut, self._random.random() * self._seconds)


class Script:
    """The faults in this order, one for each request that is meant; nothing happens afterwards."""

    def __init__(self, *faults: Drawn, only: Callable[[bytes], bool] = lambda _: True) -> None:
        self._faults, self._only = list(faults), only

    def draw(self, request: bytes) -> Drawn:
        """The next fault."""
        return self._faults.pop(0) if self._faults and self._only(request) else Drawn()


def cut_at(message: bytes, cut: Cut) -> int:
    """How many bytes of a message pass."""
    head = message.find(b"\r\n\r\n") + 4
    places = {
        Cut.FIRST_BYTE: 1,
        Cut.IN_HEAD: head // 2,
        Cut.AFTER_HEAD: head,
        Cut.IN_BODY: head + (len(message) - head) // 2,
        Cut.LAST_BYTE: len(message) - 1,
    }
    return max(1, min(places[cut], len(message) - 1))
