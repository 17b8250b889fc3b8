"""Definitions that open on the same signal: only the first of them by name would ever be heard (ADR 0008).

A condition is read as alternatives of what its paths may be. Two conditions exclude each other when no alternative of
the one fits one of the other; what can't be read so is taken to hold.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product
from typing import Any

from pydantic import ValidationError

from authoring.check.looking import Look, Proof
from authoring.check.possible import tree
from domain.language.definition import Definition, Opens
from domain.language.definition_rules import Problem
from domain.language.definition_text import DefinitionError, read
from domain.typing.cel import Call, Const, Ident, Items, Node, Select, path_of

_BLOCK = re.compile(r"^definition:[ \t]*[\"']?([a-z][a-z0-9_]*).*?^opens:[ \t]*\n((?:[ \t#][^\n]*\n|\n)+)", re.M | re.S)
_MOST = 32  # alternatives of one condition
_NAMED = 3
_ADVICE = "make their conditions exclude each other, or put one under the other with opens.under"


@dataclass(frozen=True)
class _May:
    """What a path may be: one of `among` (None: anything), none of `but`, above `low` and below `high` (with the
    border itself when `*_too`)."""

    among: frozenset[Any] | None = None
    but: frozenset[Any] = frozenset()
    low: float = float("-inf")
    high: float = float("inf")
    low_too: bool = True
    high_too: bool = True

    def both(self, other: "_May") -> "_May":
        among = self.among if other.among is None else other.among if self.among is None else self.among & other.among
        low, high = max(self.low, other.low), min(self.high, other.high)
        return _May(
            among,
            self.but | other.but,
            low,
            high,
            all(one.low_too for one in (self, other) if one.low == low),
            all(one.high_too for one in (self, other) if one.high == high),
        )

    @property
    def empty(self) -> bool:
        if self.among is not None:
            return not any(value not in self.but and self._between(value) for value in self.among)
        return self.low > self.high or (self.low == self.high and not (self.low_too and self.high_too))

    def _between(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        above = value > self.low or (self.low_too and value == self.low)
        return above and (value < self.high or (self.high_too and value == self.high))


_Case = Mapping[str, _May]


def overlap(look: Look, openings: Mapping[str, Opens]) -> Proof:
    """Says which other definitions open on what this one opens on."""
    own = look.definition.opens
    if own is None or own.safety:
        return
    found = list(islice(_overlapping(look.definition.definition, own, openings), _NAMED + 1))
    if found:
        names = ", ".join(f"'{name}'" for name in found[:_NAMED]) + (" and others" if len(found) > _NAMED else "")
        message = f"{names} may open on the same signal: only the first by name would be opened"
        yield Problem(("opens", "when"), message, "mos.opens.overlap", "warning", _ADVICE)


def openings(texts: Mapping[str, str], published: Mapping[str, Definition] | None = None) -> dict[str, Opens]:
    """Definition -> when it opens, of files (which are not read as a whole) and of those already published."""
    found = {name: one.opens for name, one in (published or {}).items() if one.opens}
    for text in texts.values():
        block = _BLOCK.search(text)
        opens = _opens(block[2]) if block else None
        if block and opens:
            found[block[1]] = opens
    return found


def _opens(block: str) -> Opens | None:
    """None for what a check of its own refuses."""
    try:
        return Opens.model_validate(read(block, "opens")[0])
    except (DefinitionError, ValidationError):
        return None


def _overlapping(name: str, own: Opens, openings: Mapping[str, Opens]) -> Iterator[str]:
    kinds, above = set(own.on), {under.definition for under in own.under}
    for other, opens in sorted(openings.items()):
        related = other == name or other in above or name in {under.definition for under in opens.under}
        if not related and not opens.safety and kinds & set(opens.on) and _both(own.when, opens.when):
            yield other


@lru_cache(maxsize=65536)
def _both(one: str, other: str) -> bool:
    """May both conditions hold for one signal?"""
    return any(_fit(first, second) for first, second in product(_cases(one), _cases(other)))


def _fit(one: _Case, other: _Case) -> bool:
    return not any(one[path].both(other[path]).empty for path in one.keys() & other.keys())


@lru_cache(maxsize=4096)
def _cases(condition: str) -> tuple[_Case, ...]:
    root = tree(condition)
    return tuple(_alternatives(root, True)) if root else ({},)


def _alternatives(node: Node, holds: bool) -> list[_Case]:
    """The ways in which a condition holds (or not); `[{}]`: any."""
    if isinstance(node, Const):
        return [{}] if node.value is holds else []
    if isinstance(node, Ident | Select):
        path = f"has {path_of(replace(node, test=False))}" if isinstance(node, Select) and node.test else path_of(node)
        return [{path: _May(frozenset({holds}))}] if path else [{}]
    if not isinstance(node, Call):
        return [{}]
    if node.function == "!_":
        return _alternatives(node.args[0], not holds)
    if node.function in ("_&&_", "_||_"):
        return _logic(node, holds)
    may = _may(node, holds)
    return [{may[0]: may[1]}] if may else [{}]


def _logic(node: Call, holds: bool) -> list[_Case]:
    parts = [_alternatives(part, holds) for part in node.args]
    if (node.function == "_||_") is holds:
        found = [case for part in parts for case in part]
    else:
        merged = (_merged(one, other) for one, other in product(*parts))
        found = [case for case in merged if case is not None]
    return found if len(found) <= _MOST else [{}]


def _merged(one: _Case, other: _Case) -> _Case | None:
    if not _fit(one, other):
        return None
    return {**one, **other, **{path: one[path].both(other[path]) for path in one.keys() & other.keys()}}


def _may(node: Call, holds: bool) -> tuple[str, _May] | None:
    """`path == value`, `path in [values]`, `path < number`, either way round."""
    if node.function == "@in" and isinstance(node.args[1], Items):
        values = [item.value for item in node.args[1].items if isinstance(item, Const)]
        path = path_of(node.args[0])
        complete = path and len(values) == len(node.args[1].items)
        return (path, _is(frozenset(values), holds)) if complete else None
    left, right = node.args if len(node.args) == 2 else (node, node)
    turned = isinstance(left, Const)
    path, value = (path_of(right), left) if turned else (path_of(left), right)
    if not path or not isinstance(value, Const):
        return None
    if node.function in ("_==_", "_!=_"):
        return path, _is(frozenset({value.value}), holds is (node.function == "_==_"))
    return _compared(path, node.function, value.value, turned=turned, holds=holds)


def _is(values: frozenset[Any], holds: bool) -> _May:
    return _May(among=values) if holds else _May(but=values)


def _compared(path: str, function: str, value: Any, *, turned: bool, holds: bool) -> tuple[str, _May] | None:
    if function not in _ABOVE or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    above, too = _ABOVE[function]
    above = above is not turned
    if not holds:
        above, too = not above, not too
    return path, _May(low=value, low_too=too) if above else _May(high=value, high_too=too)


_ABOVE: Mapping[str, tuple[bool, bool]] = {
    "_>_": (True, False),
    "_>=_": (True, True),
    "_<_": (False, False),
    "_<=_": (False, True),
}
