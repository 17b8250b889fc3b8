"""One exception on the drawing of the version that it runs under: what has happened, what waits for whom, how long."""

from authoring.drawing import Drawing, as_written, draw
from authoring.drawing_story import Asked, Event, Happened, overlay
from domain.errors import NotFoundError
from domain.values import Json
from store.read import console
from store.read.console import Page, TaskRow
from store.read.definitions import authoring
from store.read.definitions.authoring import Database


async def drawn(database: Database, found: Page) -> Drawing | None:
    """None when its version is not in the records, as with rows older than the versions."""
    row = await authoring.version_of(database, found.exception.version)
    if row is None:
        return None
    definition = as_written(row.content, row.source_text)
    return overlay(draw(definition, parameters=await _parameters(database, row.definition)), _happened(found))


async def _parameters(database: Database, name: str) -> dict[str, Json]:
    """The site's own values."""
    try:
        site = await console.site(database)
    except NotFoundError:
        return {}
    found = site.parameters.get(name)
    return found if isinstance(found, dict) else {}


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
