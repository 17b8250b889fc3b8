"""Where a running exception stands: the steps that run, that failed and that come next. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.language.parts import StepBase
from domain.language.steps import step_kind, step_name
from domain.values import Json

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_AT_MOST = 20  # a loop may have many at a time; people look at the first ones
_REASON = 200


def standing(engine: Interpreter) -> list[Json]:
    """The innermost of them in the order of the definition: `path`, `name`, `kind`, `status` (running, failed, next),
    of a failed one the `reason`."""
    found = dict(_standing(engine))
    paths = sorted(found)  # what is inside a step follows it: a dot sorts before digits
    inner = [path for path, after in zip(paths, [*paths[1:], ""], strict=False) if not after.startswith(f"{path}.")]
    return [_told(engine, path, found[path]) for path in sorted(inner, key=_order)[:_AT_MOST]]


def steerable(engine: Interpreter, path: str) -> bool:
    """May the step at this path be skipped: does it run, has it failed, or does it come next?"""
    return path in dict(_standing(engine))


def _standing(engine: Interpreter) -> Iterator[tuple[str, str]]:
    cells = engine.cells
    over = tuple(f"{path}." for path, cell in cells.items() if cell.over)
    for path, cell in list(cells.items()):
        if not path.rpartition(".")[2].isdigit() or path.startswith(over):
            continue
        if not cell.over:
            yield path, "next" if cell.status == "new" else cell.status
        if _lets_go_on(engine, path) and (following := _following(engine, path)) and following not in cells:
            yield following, "next"


def _lets_go_on(engine: Interpreter, path: str) -> bool:
    """Is it over, or did it fail in a way that does not hold up the next one?"""
    cell = engine.cells[path]
    step = engine.step(path)
    return cell.over or (cell.status == "failed" and isinstance(step, StepBase) and step.on_failure == "continue")


def _following(engine: Interpreter, path: str) -> str:
    """The step after this one in its sequence; empty when it is the last."""
    head, dot, index = path.rpartition(".")
    following = f"{head}{dot}{int(index) + 1}"
    return following if engine.step_or_none(following) is not None else ""


def _told(engine: Interpreter, path: str, status: str) -> dict[str, Json]:
    step = engine.step(path)
    told: dict[str, Json] = {"path": path, "name": step_name(step), "kind": step_kind(step), "status": status}
    reason = engine.cells[path].kept.get("reason") if status == "failed" else None
    return told | ({"reason": str(reason)[:_REASON]} if reason else {})


def _order(path: str) -> tuple[tuple[int, str], ...]:
    """`2.do[3].10` after `2.do[3].9`."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in path.split("."))
