"""A definition that is still being written, replayed over the last days beside the version that is live."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from authoring.diff import diff
from authoring.replay import comparing, recorded, running
from authoring.replay.answering import Model
from authoring.replay.comparing import About
from authoring.replay.model import Place, Recording
from authoring.replay.running import Effort, Side
from domain.language.definition import Definition
from domain.values import Json
from store.read.definitions.authoring import Database

MOST_SIGNALS = 20_000
_SECONDS_A_SIDE = 20.0  # a person waits for it; a longer one is for `mos replay`


async def rehearse(
    database: Database,
    draft: Definition,
    live: tuple[int, Definition] | None,
    place: Place,
    since: datetime,
    now: datetime,
) -> dict[str, Json]:
    """The difference report as data (see `authoring.replay.comparing`). `live`: number and content of the version to
    compare with; without it there is only what the draft would have done. At most MOST_SIGNALS signals are read."""
    async with database.transaction() as session:
        recording = await recorded.read(session, draft.definition, since, now, limit=MOST_SIGNALS)
    return await asyncio.to_thread(_report, recording, draft, live, place, now)


def _report(
    recording: Recording, draft: Definition, live: tuple[int, Definition] | None, place: Place, now: datetime
) -> dict[str, Json]:
    before = _side(recording, live[1], place, f"v{live[0]}, live") if live else None
    after = _side(recording, draft, place, "this draft")
    changes: Sequence[str] = [change.sentence for change in diff(live[1], draft)] if live else []
    about = About(draft.definition, now, Model(), changes)
    return comparing.report(before, after, recording, place, about)


def _side(recording: Recording, definition: Definition, place: Place, label: str) -> Side:
    return running.replay(definition, recording, place, label=label, effort=Effort(within_s=_SECONDS_A_SIDE))
