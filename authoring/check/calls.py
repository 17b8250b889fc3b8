"""Definitions that call one another: put together as publishing would, and what keeps them from it."""

from collections.abc import Mapping

from authoring.check.looking import Proof
from domain.language.definition import CallStep, Definition, document_path, walk
from domain.language.definition_rules import Problem
from domain.typing.tree import hint

MOST_DEEP = 5  # calls within calls: each level holds a copy of those below it


def bundled(definition: Definition, others: Mapping[str, Definition], around: tuple[str, ...] = ()) -> Definition:
    """With those that it calls, as far as they are known; a call back, or one too deep, is left out."""
    path = (*around, definition.definition)
    if len(path) > MOST_DEEP:
        return definition
    known = {name: others[name] for name in called(definition) if name in others and name not in path}
    inner = {name: bundled(one, others, path) for name, one in known.items()}
    return definition.model_copy(update={"bundled": inner}) if inner else definition


def called(definition: Definition) -> list[str]:
    """The names of the definitions that its steps call."""
    return sorted({step.definition for _, step in walk(definition.steps) if isinstance(step, CallStep)})


def calls(definition: Definition, others: Mapping[str, Definition]) -> Proof:
    """Unknown ones, wrong values, calls in a circle, calls too deep."""
    for path, step in walk(definition.steps):
        if not isinstance(step, CallStep):
            continue
        at = (*document_path(definition, path), "definition")
        known = others.get(step.definition)
        if known is None:
            if step.definition != definition.definition:
                message = f"no definition '{step.definition}' is known here{hint(step.definition, others)}"
                yield Problem(
                    at, message, "mos.definition.call", "error", "publish it first, or put it beside this file"
                )
            continue
        for name in step.values:
            if name not in known.parameters:
                near = hint(name, known.parameters) or f": it takes {', '.join(known.parameters) or 'nothing'}"
                message = f"'{step.definition}' takes no '{name}'{near}"
                yield Problem((*at[:-1], "with", name), message, "mos.definition.call")
        way = _way(known, others, (definition.definition,))
        if way and way[-1] == definition.definition:
            told = " -> ".join(way)
            yield Problem(at, f"{told}: no procedure may contain itself", "mos.definition.cycle")
        elif way:
            yield Problem(
                at, f"calls within calls, more than {MOST_DEEP} deep: {' -> '.join(way)}", "mos.definition.deep"
            )


def _way(at: Definition, others: Mapping[str, Definition], around: tuple[str, ...]) -> tuple[str, ...]:
    """A way of calls back to where it began, or too deep; empty when there is none."""
    path = (*around, at.definition)
    if len(path) > MOST_DEEP:
        return path
    for name in called(at):
        if name == around[0]:
            return (*path, name)
        if name in others and name not in path:
            way = _way(others[name], others, path)
            if way:
                return way
    return ()
