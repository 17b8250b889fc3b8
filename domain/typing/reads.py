"""What an expression reads of the values that it is given. Pure.

The runtime takes over all of a value before it looks at any of it: a plan with hundreds of orders for its version. So
an expression is given only the parts that its paths name, and a mere path is followed without the runtime.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from domain.typing.cel import Ident, Node, Select, children
from domain.values import Json

Wanted = dict[str, "Wanted"] | None
"""The keys that are read of a map, and what of each; None: all of it. Other values are never cut."""

ABSENT = object()
"""A path leads nowhere, or to what is no JSON: the runtime says what that means."""
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,7}")
_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"}
    | {"namespace", "null", "package", "return", "true", "var", "void", "while"}
)
_INT64 = 2**63
_PLAIN = frozenset({str, bool, float, type(None)})


def reads(root: Node) -> dict[str, Wanted]:
    """By the first name of each path in the expression; a loop's own variables are among them."""
    found: dict[str, Wanted] = {}
    for path, whole in _paths(root):
        at: dict[str, Wanted] = found
        for name in path[:-1]:
            inner = at.setdefault(name, {})
            if inner is None:
                break
            at = inner
        else:
            if whole:
                at[path[-1]] = None
            else:
                at.setdefault(path[-1], {})
    return found


def _paths(node: Node) -> Iterator[tuple[list[str], bool]]:
    """Every path, the longest only; is the value at its end read, or (in `has`) just whether it is there?"""
    names: list[str] = []
    inner = node
    while isinstance(inner, Select):
        names.append(inner.name)
        inner = inner.operand
    if isinstance(inner, Ident):
        yield [inner.name, *reversed(names)], not (isinstance(node, Select) and node.test)
        return
    for part in children(inner):
        yield from _paths(part)


def cut(value: Json, wanted: Wanted) -> Json:
    """The value without what is not read of it."""
    if wanted is None or type(value) is not dict:
        return value
    return {name: cut(value[name], inner) for name, inner in wanted.items() if name in value}


@lru_cache(maxsize=4096)
def path_in(source: str) -> tuple[str, ...]:
    """The names of an expression that is a mere path (`=repair.done_at`); empty for any other."""
    text = source.removeprefix("=").strip(" ")
    names = text.split(".")
    return tuple(names) if _PATH.fullmatch(text) and _RESERVED.isdisjoint(names) else ()


def follow(path: tuple[str, ...], scope: Mapping[str, Json]) -> Json:
    """A copy of what stands at the end of the path, as the runtime would give it (but in its own order of keys); or
    ABSENT."""
    value: Json = scope.get(path[0], ABSENT)
    for name in path[1:]:
        if type(value) is not dict or name not in value:
            return ABSENT
        value = value[name]
    try:
        return _copied(value)
    except TypeError:
        return ABSENT


def _copied(value: Json) -> Json:
    """Raises TypeError for what is not plain JSON, or a number that the runtime has no room for."""
    kind = type(value)
    if kind in _PLAIN or (kind is int and -_INT64 <= value < _INT64):
        return value
    if kind is list:
        return [_copied(item) for item in value]
    if kind is dict and all(type(name) is str for name in value):
        return {name: _copied(item) for name, item in value.items()}
    raise TypeError(kind)
