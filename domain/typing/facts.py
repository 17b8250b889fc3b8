"""What a condition tells of the values that it looked at: behind `has(repair.estimate)` there is an estimate. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.typing.cel import Call, Const, Ident, Items, Node, Select, path_of
from domain.typing.tree import Field, Kind, Record, Scalar, Type


@dataclass(frozen=True)
class Fact:
    """What is known of the value at `path`: it is there; with `filled` it is not null either; `value`: it is this."""

    path: str
    filled: bool = False
    value: str | None = None


Facts = frozenset[Fact]
_NONE: Facts = frozenset()


def facts_of(node: Node) -> tuple[Facts, Facts]:
    """What is known when the condition holds, and what when it does not."""
    if isinstance(node, Select) and node.test:
        return frozenset({Fact(path_of(replace(node, test=False)))}), _NONE
    if isinstance(node, Ident | Select):
        return _filled(node), _filled(node)
    if isinstance(node, Call) and len(node.args) == 2:
        return _of_two(node.function, *node.args)
    if isinstance(node, Call) and node.function == "!_":
        true, false = facts_of(node.args[0])
        return false, true
    return _NONE, _NONE


def _of_two(function: str, left: Node, right: Node) -> tuple[Facts, Facts]:
    if function in ("_&&_", "_||_"):
        (left_true, left_false), (right_true, right_false) = facts_of(left), facts_of(right)
        if function == "_&&_":
            return left_true | right_true, left_false & right_false
        return left_true & right_true, left_false | right_false
    if function == "_==_":
        return _equal(left, right)
    if function == "_!=_":
        same, other = _equal(left, right)
        return other, same
    if function == "@in" and isinstance(right, Items):
        return _filled(left), _NONE
    return (_filled(left) | _filled(right), _NONE) if function in ("_<_", "_<=_", "_>_", "_>=_") else (_NONE, _NONE)


def _equal(left: Node, right: Node) -> tuple[Facts, Facts]:
    path, other = (left, right) if isinstance(right, Const) else (right, left)
    if not isinstance(other, Const) or not path_of(path):
        return _NONE, _NONE
    if other.value is None:
        return _NONE, _filled(path)
    value = other.value if isinstance(other.value, str) else None
    return frozenset({Fact(path_of(path), True, value)}), _NONE


def _filled(node: Node) -> Facts:
    path = path_of(node)
    return frozenset({Fact(path, True)}) if path else _NONE


def narrow(scope: Record, facts: Iterable[Fact]) -> Record:
    """The scope as far as these facts are known: fewer parts are optional, fewer values may be null."""
    for fact in sorted(facts, key=lambda fact: fact.path):
        scope = _narrow(scope, fact.path.split("."), fact)
    return scope


def _narrow(record: Record, path: list[str], fact: Fact) -> Record:
    name, rest = path[0], path[1:]
    part = record.fields.get(name)
    if part is None:
        return record
    fields = dict(record.fields)
    if rest:
        inner = part.type
        fields[name] = Field(_narrow(inner, rest, fact) if isinstance(inner, Record) else inner)
        return replace(record, fields=fields, nullable=False)
    fields[name] = Field(_known(part.type, fact))
    for other, sibling in fields.items():
        if sibling.given and sibling.given[0] == name and fact.value in sibling.given[1]:
            fields[other] = replace(sibling, optional=False)
    return replace(record, fields=fields, nullable=False)


def _known(type: Type, fact: Fact) -> Type:
    if fact.value is not None and isinstance(type, Scalar) and type.kind is Kind.TEXT:
        return Scalar(Kind.TEXT, values=(fact.value,))
    return replace(type, nullable=False) if fact.filled else type
