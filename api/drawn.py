"""One exception on the drawing of the version that it runs under: what has happened, what waits for whom, how long."""

from authoring.drawing import Drawing, as_written, draw
from authoring.drawing_story import Asked, Event, Happened, overlay
from store.read import authoring
from store.read.authoring import Database
from store.read.console import Page, TaskRow


async def drawn(database: Database, found: Page) -> Drawing | None:
    """None when its version is not in the records, as with rows older than the versions."""
    row = await authoring.version_of(database, found.exception.version)
    return overlay(draw(as_written(row.content, row.source_text)), _happened(found)) if row else None


def _happened(found: Page) -> Happened:
    row, names = found.exception, found.names
    events = [
        Event(line.at, line.kind, line.step, names.get(line.person or "", line.person or ""), line.data)
        for line in found.timeline
    ]
    tasks = [Asked(task.step, task.opened_at, task.closed_at, _people(task, names)) for task in found.tasks]
    return Happened(row.opened_at, row.closed_at, events, tasks, (row.state or {}).get("steps", []))


def _people(task: TaskRow, names: dict[str, str]) -> tuple[str, ...]:
    """Who has it, else who was asked."""
    asked = [task.person] if task.person else task.asked
    return tuple(names.get(person, person) for person in asked)
