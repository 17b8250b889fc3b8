"""A replay for somebody who waits for a page: bounded, in a process of its own, as report data."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from authoring.diff import diff
from authoring.replay import comparing, recorded, running
from authoring.replay.answering import Model
from authoring.replay.comparing import About
from authoring.replay.model import Place, Recording
from authoring.replay.running import Effort
from domain.language.definition import Definition
from domain.values import Json
from store.read import site as site_read


@dataclass(frozen=True)
class Bounds:
    """The most that a page may ask for; what is left out is said in the report."""

    span: timedelta = timedelta(days=30)
    signals: int = 20_000
    exceptions: int = 1_000  # of each side
    within_s: float = 20.0  # of each side


@dataclass(frozen=True)
class Wanted:
    """`after`: the definition (with what it calls, `versions.bundle`) and how it is called. `before`: the same;
    None compares with what happened."""

    after: tuple[Definition, str]
    before: tuple[Definition, str] | None = None
    model: Model = field(default_factory=Model)


async def read(
    session: AsyncSession, definition: str, span: timedelta, now: datetime, bounds: Bounds | None = None
) -> tuple[Recording, Place]:
    """What was recorded in the time up to `now`, and where it is replayed. The session is needed no longer then."""
    bounds = bounds or Bounds()
    place = Place(await site_read.site(session), await site_read.roster(session))
    since = now - min(span, bounds.span)
    return await recorded.read(session, definition, since, now, limit=bounds.signals), place


async def replay(
    wanted: Wanted, recording: Recording, place: Place, now: datetime, bounds: Bounds | None = None
) -> dict[str, Json]:
    """The difference report (see `comparing.report`, `rendering.html`), made in a process of its own."""
    pool = running.pool_of(1)
    try:
        job = (wanted, recording, place, now, bounds or Bounds())
        return await asyncio.get_running_loop().run_in_executor(pool, compare, *job)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # nobody waits any more; it ends within its bounds


def compare(wanted: Wanted, recording: Recording, place: Place, now: datetime, bounds: Bounds) -> dict[str, Json]:
    """The same here and now."""
    begun = time.monotonic()
    effort = Effort(most=bounds.exceptions, within_s=bounds.within_s)

    def side(of: tuple[Definition, str]) -> running.Side:
        return running.replay(of[0], recording, place, label=of[1], model=wanted.model, effort=effort)

    before = side(wanted.before) if wanted.before else running.happened(recording)
    changes = [one.sentence for one in diff(wanted.before[0], wanted.after[0])] if wanted.before else []
    about = About(recording.definition, now, wanted.model, changes)
    report = comparing.report(before, side(wanted.after), recording, place, about)
    return report | {"seconds": round(time.monotonic() - begun, 2)}
