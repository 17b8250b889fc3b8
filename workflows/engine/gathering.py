"""Context: queries in waves, gaps that show, what is required is waited for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from activities.contracts.model import GatherRequest, Query
from domain import expressions
from domain.correlation import PRIORITIES
from domain.definition import ContextQuery
from domain.errors import MosError
from domain.values import Json
from workflows.engine.frame import Frame
from workflows.engine.story import named
from workflows.engine.trouble import tell_owner

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_PAUSES = (5, 10, 20, 40, 60)  # seconds between attempts at what is required; the last goes on


async def gather_context(engine: Interpreter, frame: Frame) -> None:
    """In waves: queries that read other queries wait for them; all others run together."""
    known = {name for name in engine.gathered if name.startswith(frame.prefix)}
    waiting = {n: q for n, q in frame.definition.context.items() if frame.prefix + n not in known}
    first = not engine.gathered and frame.prefix == ""
    while waiting or first:
        first = False
        ready = [n for n, q in waiting.items() if not (_roots(q.where) & (set(waiting) - {n}))] or list(waiting)
        wave = {name: waiting.pop(name) for name in ready}
        await engine.turn(start=True)
        await _ask(engine, frame, wave)
        await _until_had(engine, frame, {name: query for name, query in wave.items() if query.required})
        engine.gathered |= {frame.prefix + name for name in wave}
    if frame.prefix == "":
        _settle_priority(engine)


async def refresh(engine: Interpreter, frame: Frame, names: list[str]) -> None:
    """Ask these queries again: a decision or a posting must not rest on old facts."""
    await engine.turn()
    owner = frame
    while owner.parent is not None:
        owner = owner.parent
    await _ask(engine, owner, {name: owner.definition.context[name] for name in names})


async def _ask(engine: Interpreter, frame: Frame, wanted: dict[str, ContextQuery]) -> None:
    story, title = engine.story, engine.definition.title
    queries = list(_queries(engine, frame, wanted))
    projection = engine.projection()
    request = GatherRequest(
        exception_id=story.given.exception_id,
        queries=queries,
        title=title if frame.prefix == "" else "",
        scope=named(engine.root.scope, title),
        projection=projection,
    )
    result = await engine.effect(engine.runtime.gather(request))
    story.written(projection)
    frame.values |= result.values
    for name in set(wanted) - set(result.gaps) & set(result.values):
        story.gaps.pop(name, None)
    story.gaps |= result.gaps
    had = sorted(set(result.values) - set(result.gaps))
    engine.note("context", known=had, gaps=dict(result.gaps))


async def _until_had(engine: Interpreter, frame: Frame, required: dict[str, ContextQuery]) -> None:
    """The author says that the steps can't do without: asked again until it answers; the owner is told."""
    attempt = 0
    while missing := {name: query for name, query in required.items() if name in engine.story.gaps}:
        if attempt == 0:
            what = ", ".join(sorted(missing))
            await engine.turn()
            place = engine.place(frame, f"{frame.prefix}context")
            await tell_owner(engine, place, "context_missing", what, "; ".join(engine.story.gaps[n] for n in missing))
        await engine.runtime.wait(lambda: False, timedelta(seconds=_PAUSES[min(attempt, len(_PAUSES) - 1)]))
        attempt += 1
        await engine.turn(start=True)
        await _ask(engine, frame, missing)


def _queries(engine: Interpreter, frame: Frame, wanted: dict[str, ContextQuery]) -> Iterator[Query]:
    """A query whose arguments are not to be had is a gap as well."""
    for name, query in wanted.items():
        try:
            yield _query(frame, name, query)
        except (MosError, ValueError) as error:
            engine.story.gaps[name] = str(error)


def _query(frame: Frame, name: str, query: ContextQuery) -> Query:
    return Query(
        name=name,
        source=query.from_,
        where=frame.resolve(query.where),
        within_s=frame.span(query.within).total_seconds(),
        otherwise=query.otherwise,
        retries=query.retries,
    )


def _settle_priority(engine: Interpreter) -> None:
    """Looked at again now that the context is known; what can't be evaluated leaves it as it was."""
    opens = engine.definition.opens
    if opens is None or not expressions.is_expression(opens.priority):
        return
    try:
        priority = str(engine.root.resolve(opens.priority))
    except MosError as error:
        engine.note("condition_failed", code=error.code, reason=error.message)
        return
    if priority not in PRIORITIES:
        reason = f"'{priority}' is no priority: {', '.join(PRIORITIES)}"
        engine.note("condition_failed", code="mos.expression.priority", reason=reason)
    elif priority != engine.story.priority:
        engine.story.priority = priority
        engine.note("priority", priority=priority)


def _roots(where: Json) -> set[str]:
    """The first names of the expressions in a query, as far as they could be other queries (not what follows a dot)."""
    return set(_NAME.findall(" ".join(expressions.expressions_in(where))))
