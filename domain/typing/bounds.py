"""How much an expression may do: proved from its text once, so that no evaluation can take the engine's time or memory.

The runtime itself stops at 32 levels of nesting and 10,000 loop steps. That is not enough: a loop that collects takes
the square of its length in time (10,000 elements: 7 s), and `[x].map(a, a + a)` doubles a value in one step. So lists
that loops read are limited, and the copies of values that a result can hold are counted beforehand.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from domain.errors import ConfigError
from domain.typing.cel import Call, Const, Ident, Loop, Node, Select, children
from domain.values import Json

MAX_SOURCE = 2_000  # characters
MAX_LOOPS, MAX_NESTED = 6, 2
MAX_ELEMENTS = 500  # of a list that a loop reads
MAX_COPIES = 10 * MAX_ELEMENTS
_MAX_STEPS = 10_000  # the runtime's own limit, for all loops of an evaluation together
_TEXT_UNIT = 2_000  # a literal of so many characters counts as one value
_GROWING = frozenset({"_+_", "string", "bytes", "dyn"})
CODE = "mos.expression.bomb"


@dataclass(frozen=True)
class _Size:
    """How big a value may be: copies of each loop variable (and, as "", of values from outside), and elements."""

    copies: Mapping[str, float] = field(default_factory=dict)
    length: float = 1

    @property
    def total(self) -> float:
        return sum(self.copies.values())


def check_source(source: str) -> None:
    """Raises ConfigError for an expression that is too long to be read, before anything parses it."""
    if len(source) > MAX_SOURCE:
        raise ConfigError(f"an expression has at most {MAX_SOURCE} characters, this one has {len(source)}", code=CODE)


def check_tree(root: Node) -> frozenset[str]:
    """The names whose values loops may read. Raises ConfigError when there are too many loops, or when they could build
    a value out of all proportion."""
    nodes = list(_walk(root))
    loops = sum(isinstance(node, Loop) for node in nodes)
    if loops > MAX_LOOPS:
        raise ConfigError(f"{loops} loops in one expression: at most {MAX_LOOPS} (map, filter, exists, all)", code=CODE)
    if _measure(root, {}, ()).total > MAX_COPIES:
        _refuse()
    return frozenset(node.name for node in nodes if isinstance(node, Ident)) if loops else frozenset()


def check_data(values: Iterable[Json]) -> None:
    """Raises ConfigError for a list that is too long to loop over."""
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            if len(value) > MAX_ELEMENTS:
                message = f"a list of {len(value)} elements: an expression loops over at most {MAX_ELEMENTS}"
                raise ConfigError(message, code="mos.expression.too_long")
            pending += value
        elif isinstance(value, dict):
            pending += value.values()


def _refuse() -> None:
    raise ConfigError("this could grow without bound: combine fewer lists and texts within loops", code=CODE)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in children(node):
        yield from _walk(part)


def _measure(node: Node, local: Mapping[str, _Size], around: tuple[float, ...]) -> _Size:
    if isinstance(node, Const):
        return _Size({"": len(node.value) / _TEXT_UNIT} if isinstance(node.value, str | bytes) else {})
    if isinstance(node, Ident):
        return local.get(node.name, _Size({"": 1}, MAX_ELEMENTS))
    if isinstance(node, Select):
        inner = _measure(node.operand, local, around)
        return _Size() if node.test else _Size(inner.copies, MAX_ELEMENTS)
    if isinstance(node, Loop):
        return _measure_loop(node, local, around)
    parts = [_measure(part, local, around) for part in children(node)]
    if isinstance(node, Call):
        return _measure_call(node, parts)
    return _Size(_sum(parts), len(parts))


def _measure_call(node: Call, parts: list[_Size]) -> _Size:
    if node.function == "_?_:_":
        return max(parts[1:], key=lambda part: (part.total, part.length))
    if node.function == "_[_]":
        return _Size(parts[0].copies, MAX_ELEMENTS)
    if node.function in _GROWING:
        return _Size(_sum(parts), sum(part.length for part in parts))
    return _Size()  # comparisons, sizes, times: small values


def _measure_loop(node: Loop, local: Mapping[str, _Size], around: tuple[float, ...]) -> _Size:
    """A value in which the loop's variable stands `a` times and other values `c` times gives a * range + times * c."""
    if len(around) >= MAX_NESTED:
        raise ConfigError(f"loops within loops: at most {MAX_NESTED} deep", code=CODE)
    over = _measure(node.over, local, around)
    if over.length > 2 * MAX_ELEMENTS:
        raise ConfigError(f"a loop over more than two lists of {MAX_ELEMENTS} joined together", code=CODE)
    inner = {**local, node.var: _Size({node.var: 1}, MAX_ELEMENTS), node.accu: _Size({}, 0)}
    times = min(over.length, _MAX_STEPS / max(math.prod(around), 1))
    _measure(node.condition, inner, (*around, times))
    once = _measure(node.step, inner, (*around, times))
    rest = {name: times * copies for name, copies in once.copies.items() if name != node.var}
    own = {name: once.copies.get(node.var, 0) * copies for name, copies in over.copies.items()}
    found = _Size(_sum([_Size(rest), _Size(own)]), over.length * max(once.length, 1))
    if found.total > MAX_COPIES:
        _refuse()
    return found


def _sum(parts: Iterable[_Size]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in parts:
        for name, copies in part.copies.items():
            found[name] = found.get(name, 0) + copies
    return found
