"""`$filter` and `$orderby`: comparisons, `and`, `or`, `not`, brackets, and three text functions."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from infra.standins.sap.edm import LITERAL, Value, from_literal
from infra.standins.sap.errors import malformed
from infra.standins.sap.schema import EntitySet, Property

Row = Mapping[str, Value]
Test = Callable[[Row], bool]

_TOKEN = re.compile(rf"\s*((?:{LITERAL.pattern})(?!\w)|[A-Za-z_]\w*|[(),])")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS = ("substringof", "startswith", "endswith")


@dataclass(frozen=True)
class Filter:
    """`test`: whether a row is meant. `equal`: properties that have this value in every row that is."""

    test: Test
    equal: Mapping[str, Value]


def parse_filter(text: str, entity_set: EntitySet) -> Filter:
    """Raises Refusal for what is no filter on this set, or on a property without filter."""
    parser = _Parser(_tokens(text), entity_set)
    test = parser.either()
    if parser.here:
        raise malformed(f"Invalid token '{parser.here}' in $filter")
    return Filter(test, parser.equal)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        token = _TOKEN.match(text, at)
        if token is None:
            raise malformed(f"Invalid token at position {at} of $filter")
        found.append(token[1])
        at = token.end()
    return found


class _Parser:
    """Recursive descent: or, and, not, one comparison."""

    def __init__(self, tokens: list[str], entity_set: EntitySet) -> None:
        self._tokens = [*tokens, ""]
        self._set = entity_set
        self._depth = 0
        self.equal: dict[str, Value] = {}

    @property
    def here(self) -> str:
        return self._tokens[0]

    def _take(self, expected: str = "") -> str:
        if not self.here or (expected and self.here != expected):
            raise malformed(f"'{expected or 'a value'}' expected in $filter, found '{self.here or 'the end'}'")
        return self._tokens.pop(0)

    def either(self) -> Test:
        tests = [self._both()]
        while self.here == "or":
            self._take()
            tests.append(self._both())
        if len(tests) > 1 and not self._depth:
            self.equal.clear()
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self.here == "and":
            self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self.here == "not":
            self._take()
            inner = self._within(self._one)
            return lambda row: not inner(row)
        if self.here == "(":
            self._take()
            test = self._within(self.either)
            self._take(")")
            return test
        return self._function() if self.here in _FUNCTIONS else self._comparison()

    def _within(self, read: Callable[[], Test]) -> Test:
        self._depth += 1
        test = read()
        self._depth -= 1
        return test

    def _comparison(self) -> Test:
        item = self._property(self._take())
        compare = _COMPARE.get(word := self._take())
        if compare is None:
            raise malformed(f"Operator '{word}' is not supported in $filter")
        value = from_literal(self._take(), item.type, item.name)
        if word == "eq" and not self._depth:
            self.equal.setdefault(item.name, value)
        return lambda row: _compared(compare, row.get(item.name), value)

    def _function(self) -> Test:
        name = self._take()
        self._take("(")
        first = self._take()
        self._take(",")
        second = self._take()
        self._take(")")
        if self.here in ("eq", "ne"):
            wanted = self._take() == "eq"
            wanted = wanted == (self._take() == "true")
        else:
            wanted = True
        field, text = (second, first) if name == "substringof" else (first, second)
        item, part = self._property(field), str(from_literal(text, "String", field))
        return lambda row: _has(name, str(row.get(item.name) or ""), part) == wanted

    def _property(self, name: str) -> Property:
        item = self._set.properties.get(name)
        if item is None:
            raise malformed(f"Property {name} not found in type {self._set.type_name}", name)
        if not item.filterable:
            raise malformed(f"Property {name} is not filterable", name)
        return item


def _compared(compare: Callable[[Any, Any], bool], left: Value, right: Value) -> bool:
    if left is None or right is None:
        return compare(left, right) if compare in (operator.eq, operator.ne) else False
    return compare(left, right)


def _has(name: str, value: str, part: str) -> bool:
    if name == "substringof":
        return part in value
    return value.startswith(part) if name == "startswith" else value.endswith(part)


def ordered(rows: Iterable[Row], text: str, entity_set: EntitySet) -> list[Row]:
    """Rows by `$orderby`: `Name`, `Name desc`, several with commas."""
    result = list(rows)
    for part in reversed([piece.split() for piece in text.split(",")]):
        if not part or len(part) > 2 or part[0] not in entity_set.properties or part[1:] not in ([], ["asc"], ["desc"]):
            raise malformed(f"Invalid $orderby '{text}'")
        name = part[0]
        result.sort(key=cmp_to_key(lambda a, b, name=name: _order(a.get(name), b.get(name))))  # type: ignore[misc]
        if part[1:] == ["desc"]:
            result.reverse()
    return result


def _order(left: Any, right: Any) -> int:
    if left is None or right is None:
        return (left is not None) - (right is not None)
    return int(left > right) - int(left < right)
