"""Moving a running exception to another version of its definition: which step is which, and what that changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activities.contracts.saved import Saved
from domain.language.definition import Definition, walk
from domain.language.steps import children, step_kind, step_name
from domain.values import Json
from workflows.engine.story import first_values

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_INDEX = re.compile(r"\[\d+\]")
Address = tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """old step path -> new one; `gone`: steps under way that the new version lacks; `passed`: new steps before the
    place where the exception stands, which are passed over; `coming`: steps that it will reach and did not have;
    `going_on`: the innermost steps under way that it has as well."""

    moved: dict[str, str]
    gone_paths: list[str]
    gone: list[str]
    passed: list[str]
    coming: list[str]
    going_on: list[str]

    def told(self) -> dict[str, Json]:
        return {
            "kept": len(self.moved),
            "going_on": self.going_on,
            "withdrawn": self.gone,
            "passed_over": self.passed,
            "new": self.coming,
        }


def plan(engine: Interpreter, new: Definition) -> Plan:
    """What a migration would do, without doing it."""
    old_paths, new_paths = addresses(engine.definition), addresses(new)
    by_address = {address: path for path, address in new_paths.items()}
    moved = {path: by_address[address] for path, address in old_paths.items() if address in by_address}
    active = {_INDEX.sub("", path) for path, cell in engine.cells.items() if cell.status in ("running", "failed")}
    known = set(old_paths.values())
    fresh = [path for path, address in new_paths.items() if address not in known]
    reached = {moved[_INDEX.sub("", path)] for path in engine.cells if _INDEX.sub("", path) in moved}
    over = {moved[path] for path, cell in engine.cells.items() if cell.over and path in moved}
    passed = [path for path in fresh if _is_before(path, reached) or any(path.startswith(f"{one}.") for one in over)]
    names = _names(new)
    gone = sorted(active - set(moved))
    inner = [path for path in active & set(moved) if not any(other.startswith(f"{path}.") for other in active)]
    return Plan(
        moved=moved,
        gone_paths=gone,
        gone=[_names(engine.definition).get(path, path) for path in gone],
        passed=[names[path] for path in passed],
        coming=[names[path] for path in fresh if path not in passed],
        going_on=[names[moved[path]] for path in sorted(inner)],
    )


def apply(engine: Interpreter, saved: Saved, new: Definition) -> Saved:
    """The saved state as the new version sees it."""
    mapped = plan(engine, new)
    names = {name: path for path, name in _names(new).items()}

    def to(path: str) -> str | None:
        return _translate(path, mapped.moved)

    cells = {there: cell for path, cell in saved.cells.items() if (there := to(path)) is not None}
    skipped = {names[name]: {"status": "skipped", "kept": {}} for name in mapped.passed}
    frames = _frames(saved, mapped.moved)
    frames[""] = first_values(new, engine.story.given.parameters) | frames.get("", {})
    gathered = [name for name in saved.gathered if name in new.context]
    return Saved.model_validate(
        saved.model_dump()
        | {
            "cells": {path: cell.model_dump() for path, cell in cells.items()} | skipped,
            "frames": frames,
            "gathered": gathered,
            "migrations": saved.migrations + 1,
            "tasks": [
                task.model_dump() | {"path": there} for task in saved.tasks if (there := to(task.path)) is not None
            ],
            "undoable": [there for path in saved.undoable if (there := to(path)) is not None],
            "extras": [there for path in saved.extras if (there := to(path)) is not None],
        }
    )


def _frames(saved: Saved, moved: dict[str, str]) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {"": saved.frames.get("", {})}
    for prefix, values in saved.frames.items():
        there = _translate_prefix(prefix, moved)
        if prefix and there is not None:
            found[there] = values
    return found


def addresses(definition: Definition) -> dict[str, Address]:
    """Step path -> what identifies the step whatever stands around it: kinds and names on the way down to it."""
    found: dict[str, Address] = {}
    _address(definition.steps, "", (), found)
    return found


def _address(steps: list[Any], prefix: str, above: Address, found: dict[str, Address]) -> None:
    unnamed: dict[str, int] = {}
    for index, step in enumerate(steps):
        kind, name = step_kind(step) or "", step_name(step)
        if not name:
            unnamed[kind] = unnamed.get(kind, 0) + 1
            name = f"#{unnamed[kind]}"
        path = f"{prefix}{index}"
        found[path] = (*above, f"{kind}:{name}")
        for label, _, inner in children(step):
            _address(inner, f"{path}.{label}.", (*found[path], label), found)


def _translate(path: str, moved: dict[str, str]) -> str | None:
    """A path as it runs (with loop turns and called parts) in the new version; None when the step is gone."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        head = ".".join(parts[:end])
        static = _INDEX.sub("", head)
        if static in moved:
            rest = parts[end:]
            if rest and not rest[0].startswith(("call", "person")):
                return None
            return ".".join([_with_turns(head, moved[static]), *rest])
    return None


def _translate_prefix(prefix: str, moved: dict[str, str]) -> str | None:
    """`2.do[3].` goes with step `2`."""
    head, _, label = prefix.rstrip(".").rpartition(".")
    there = _translate(head, moved)
    return None if there is None else f"{there}.{label}."


def _with_turns(old: str, new: str) -> str:
    """Put the turns of the loops (`do[3]`) of the old path into the new one, in order."""
    turns = iter(_INDEX.findall(old))
    return ".".join(part + next(turns, "") if part == "do" else part for part in new.split("."))


def _is_before(path: str, reached: set[str]) -> bool:
    """Stands this step before one that was reached, in the same sequence?"""
    prefix, _, index = path.rpartition(".")
    same = [one for one in reached if one.rpartition(".")[0] == prefix]
    return any(int(one.rpartition(".")[2]) > int(index) for one in same)


def _names(definition: Definition) -> dict[str, str]:
    """Step path -> how people know it: its name, or its kind and place."""
    found: dict[str, str] = {}
    for path, step in walk(definition.steps):
        found[path] = step_name(step) or f"{step_kind(step)} {path}"
    return found
