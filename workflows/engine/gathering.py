"""Context: queries in waves, gaps that show, what is required is waited for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from activities.contracts import calls
from activities.contracts.model import GatherRequest, Query
from domain.correlation import PRIORITIES
from domain.errors import MosError
from domain.language import expressions
from domain.language.definition import ContextQuery
from domain.values import Json
from workflows.engine.frame import Frame, Place
from workflows.engine.story import named
from workflows.engine.trouble import tell_owner

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_TITLE, _PRIORITY = "title", "opens.priority"  # done once, as the queries are
_PAUSES = (5, 10, 20, 40, 60)  # seconds between attempts at what is required; the last goes on


async def gather_context(engine: Interpreter, frame: Frame) -> None:
    """In waves: queries that read other queries wait for them; all others run together."""
    known = {name for name in engine.gathered if name.startswith(frame.prefix)}
    waiting = {n: q for n, q in frame.definition.context.items() if frame.prefix + n not in known}
    place = engine.place(frame, f"{frame.prefix}context")
    await _until_had(place, waiting)  # an earlier run waited for these
    first = _TITLE not in engine.gathered and frame.prefix == ""
    while waiting or first:
        first = False
        ready = [n for n, q in waiting.items() if not (_roots(q.where) & (set(waiting) - {n}))] or list(waiting)
        wave = {name: waiting.pop(name) for name in ready}
        await engine.turn(start=True)
        await _ask(engine, frame, wave)
        missing = {name: query for name, query in wave.items() if query.required and name in engine.story.gaps}
        place.kept["missing"] = sorted(missing)
        engine.gathered |= {_TITLE} | {frame.prefix + name for name in wave if name not in missing}
        await _until_had(place, missing)
    if frame.prefix == "":
        _settle_priority(engine)


async def refresh(engine: Interpreter, frame: Frame, names: list[str]) -> None:
    """Ask these queries again: a decision or a posting must not rest on old facts."""
    await engine.turn()
    await look_up(engine, frame, names)


async def look_up(engine: Interpreter, frame: Frame, names: list[str]) -> None:
    """The same at once, for an answer that is being handled: it ends before the run does."""
    owner = frame
    while owner.parent is not None:
        owner = owner.parent
    await _ask(engine, owner, {name: owner.definition.context[name] for name in names}, keep=True)


async def _ask(engine: Interpreter, frame: Frame, wanted: dict[str, ContextQuery], *, keep: bool = False) -> None:
    """`keep`: what can't be had now stays as it was known; that it is old shows as a gap."""
    story, title = engine.story, engine.definition.title
    queries = list(_queries(engine, frame, wanted))
    projection = engine.projection()
    request = GatherRequest(
        exception_id=story.given.exception_id,
        queries=queries,
        title=title if frame.prefix == "" else "",
        scope=named(engine.root.scope, engine.definition.title_words),
        projection=projection,
    )
    result = await engine.effect(engine.runtime.gather(request), _within(request))
    story.written(projection)
    frame.values |= {name: value for name, value in result.values.items() if not (keep and name in result.gaps)}
    for name in set(wanted) - set(result.gaps) & set(result.values):
        story.gaps.pop(name, None)
    story.gaps |= result.gaps
    had = sorted(set(result.values) - set(result.gaps))
    engine.note("context", known=had, gaps=dict(result.gaps))


async def _until_had(place: Place, waiting: dict[str, ContextQuery]) -> None:
    """The author says that the steps can't do without: asked again until it answers; the owner is told once."""
    engine, frame, kept = place.engine, place.frame, place.kept
    while missing := {name: waiting[name] for name in kept.get("missing", []) if name in waiting}:
        if "attempt" not in kept:
            await engine.turn()
            reason = "; ".join(engine.story.gaps[name] for name in missing)
            await tell_owner(engine, place, "context_missing", ", ".join(missing), reason)
            kept["attempt"] = 0
        pause = _PAUSES[min(kept["attempt"], len(_PAUSES) - 1)]
        due = place.deadline("again", f"{pause}s")
        await engine.wait(lambda: False, due - engine.runtime.now())
        await engine.turn(start=True)
        await _ask(engine, frame, missing)
        kept["attempt"] += 1
        kept.pop("again")
        kept["missing"] = [name for name in missing if name in engine.story.gaps]
        had = set(missing) - set(kept["missing"])
        engine.gathered |= {frame.prefix + name for name in had}
        for name in had:
            waiting.pop(name)


def _within(request: GatherRequest) -> timedelta | None:
    """Without queries it only names the exception."""
    return calls.GATHER.start_to_close + request.longest if request.queries else None


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
    if opens is None or _PRIORITY in engine.gathered or not expressions.is_expression(opens.priority):
        return
    engine.gathered.add(_PRIORITY)  # once: what is asked again later must not change it
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
