"""`wait`: until a condition holds, a signal comes, or a moment is there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from domain.language.definition import WaitStep
from domain.values import Json

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: WaitStep) -> None:
    """The result has `met` (for a moment alone: true when it came), and `signal`, the facts of the one waited for."""
    engine = place.engine
    place.kept.setdefault("from_seq", engine.story.highest_seq)
    met = await engine.wait(lambda: _held(place, step), _end(place, step) - engine.runtime.now())
    signal = _signal(place, step)
    met = met or not (step.until or step.signal)
    place.frame.put(step.wait, {"met": met} | ({"signal": signal} if signal else {}))
    engine.note("waited", place.path, task=step.wait, met=met)


def _end(place: Place, step: WaitStep) -> datetime:
    ends = [place.deadline("within", step.within)] if step.within else []
    if step.at:
        if "at" not in place.kept:
            now = place.engine.runtime.now()
            place.kept["at"] = place.frame.moment(now, step.at, place.engine.calendar).isoformat()
        ends.append(datetime.fromisoformat(place.kept["at"]))
    return min(ends)


def _held(place: Place, step: WaitStep) -> bool:
    if step.until and place.engine.met(step.until, place.frame):
        return True
    return _signal(place, step) is not None


def _signal(place: Place, step: WaitStep) -> Json:
    """The facts of the first fitting signal that joined since the step began."""
    wanted = step.signal
    if wanted is None:
        return None
    for signal in place.engine.story.recent:
        if signal.seq > place.kept["from_seq"] and signal.type in wanted.type:
            inner = place.frame.inner("", {"signal": signal.facts})
            if place.engine.met(wanted.when, inner):
                return signal.facts
    return None
