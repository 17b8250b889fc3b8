"""What an expression can give, as far as it is known before it runs: constants, and texts of which only some occur.

    possible(tree("signal.state in ['held']"), Typed(scope)).values     # {False, True}, {True}, ..; None = anything

A condition whose value is not there counts as false (`domain.language.expressions.holds`), so "never" holds whatever is
missing; "always" holds only when nothing that was read may be missing.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import product
from typing import Any

from cel_expr_python import cel

from domain.errors import ConfigError
from domain.typing import bounds
from domain.typing.cel import Call, Const, Ident, Items, Node, Select, children, path_of, read_tree
from domain.typing.tree import Record, Scalar, Type

Values = frozenset[Any] | None
_SURE = frozenset({"signal", "equipment", "site", "opened_at"})  # there before anything happened
_MOST = 32
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
    "_==_": operator.eq,
    "_!=_": operator.ne,
}
_BOTH: Values = frozenset({True, False})


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    return cel.NewEnv(variables={})


@lru_cache(maxsize=8192)
def tree(source: str) -> Node | None:
    """The syntax tree of an expression (with or without its `=`); None for one that is none."""
    source = source.removeprefix("=")
    try:
        bounds.check_source(source)
        return read_tree(_environment().compile(source, disable_check=True).serialize()).root
    except (ConfigError, RuntimeError):  # the binding's only error type
        return None


@lru_cache(maxsize=8192)
def roots(source: str) -> frozenset[str]:
    """The names that an expression reads, the variables of its loops among them."""
    found = tree(source)
    return frozenset(node.name for node in _walk(found) if isinstance(node, Ident)) if found else frozenset()


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in children(node):
        yield from _walk(part)


@dataclass(frozen=True)
class Typed:
    """What the types of a scope tell of its values; `given` are known better: path -> its possible values."""

    scope: Record
    given: Mapping[str, Values] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()  # paths that are not there

    def values(self, path: str) -> Values:
        if path in self.given:
            return self.given[path]
        found = self._find(path)
        return frozenset(found.values) if isinstance(found, Scalar) and found.values and not found.nullable else None

    def sure(self, path: str) -> bool:
        """Is it there, whatever happens?"""
        return path in self.given or (path.split(".", maxsplit=1)[0] in _SURE and self._find(path) is not None)

    def _find(self, path: str) -> Type | None:
        """The type at this path; None when it is not known, or may be missing or null."""
        type: Type = self.scope
        for name in path.split("."):
            part = type.fields.get(name) if isinstance(type, Record) else None
            if part is None or part.optional or part.type.nullable:
                return None
            type = part.type
        return type


@dataclass
class Possible:
    """`values` None: anything. `sure`: nothing that was read can be missing."""

    values: Values
    sure: bool = True

    @property
    def never(self) -> bool:
        """Can it not be true?"""
        return self.values is not None and True not in self.values

    @property
    def always(self) -> bool:
        return self.values == frozenset({True}) and self.sure


def possible(node: Node, known: Typed) -> Possible:
    """What this node can give where `known` is known."""
    looking = _Looking(known)
    return Possible(looking.at(node), looking.sure)


class _Looking:
    def __init__(self, known: Typed) -> None:
        self._known, self.sure = known, True

    def at(self, node: Node) -> Values:
        if isinstance(node, Const):
            return frozenset({node.value})
        if isinstance(node, Ident | Select):
            return self._path(node)
        if isinstance(node, Call):
            return self._call(node)
        self.sure = False
        return None

    def _path(self, node: Ident | Select) -> Values:
        if isinstance(node, Select) and node.test:
            return self._there(path_of(Select(node.id, node.at, node.operand, node.name, False)))
        path = path_of(node)
        self.sure = self.sure and bool(path) and self._known.sure(path)
        return self._known.values(path) if path else None

    def _there(self, path: str) -> Values:
        if path in self._known.gone:
            return frozenset({False})
        return frozenset({True}) if path and self._known.sure(path) else _BOTH

    def _call(self, node: Call) -> Values:
        function, args = node.function, node.args
        if function in ("_&&_", "_||_"):
            return self._logic(function == "_||_", [self.at(arg) for arg in args])
        if function == "!_":
            found = self.at(args[0])
            return frozenset(not value for value in found) if found is not None else _BOTH
        if function == "_?_:_":
            return self._chosen(*args)
        if function == "@in":
            return self._within(*args)
        parts = [self.at(arg) for arg in args]
        return _compared(_COMPARE[function], parts[0], parts[1]) if function in _COMPARE else None

    def _logic(self, winner: bool, parts: list[Values]) -> Values:
        """`winner` decides alone: true for `||`, false for `&&`."""
        if frozenset({winner}) in parts:
            return frozenset({winner})
        if all(part == frozenset({not winner}) for part in parts):
            return frozenset({not winner})
        return _BOTH

    def _chosen(self, condition: Node, then: Node, otherwise: Node) -> Values:
        decided = self.at(condition)
        branches = [self.at(branch) for branch in (then, otherwise)]
        if decided is not None and len(decided) == 1:
            return branches[0] if True in decided else branches[1]
        return None if None in branches else reduce(frozenset.union, [part for part in branches if part is not None])

    def _within(self, wanted: Node, where: Node) -> Values:
        found = self.at(wanted)
        if not isinstance(where, Items):
            self.at(where)
            return _BOTH
        parts = [self.at(item) for item in where.items]
        if found is None or any(part is None or len(part) != 1 for part in parts):
            return _BOTH
        listed = frozenset().union(*[part for part in parts if part is not None])
        return frozenset({True}) if found <= listed else _BOTH if found & listed else frozenset({False})


def _compared(compare: Callable[[Any, Any], bool], left: Values, right: Values) -> Values:
    if left is None or right is None or max(len(left), len(right)) > _MOST:
        return _BOTH
    try:
        return frozenset(compare(one, other) for one, other in product(left, right))
    except TypeError:
        return _BOTH
