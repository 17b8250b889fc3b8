"""The syntax tree of a CEL expression, read from what the runtime's `serialize()` gives. Pure.

The runtime has no tree in its interface, but it serialises to the public format of github.com/google/cel-spec
(proto/cel/expr/syntax.proto and checked.proto, whose field numbers stand below). Macros are expanded there: `map`,
`filter`, `exists` and `all` are all one Loop.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_SPEC: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
    "Parsed": {"expr": (2, "Expr"), "info": (3, "Info")},
    "Checked": {"types": (3, "*TypeOf"), "expr": (4, "Expr"), "info": (5, "Info")},
    "Info": {"positions": (4, "*Position")},
    "Position": {"key": (1, "int64"), "value": (2, "int64")},
    "TypeOf": {"key": (1, "int64"), "value": (2, "Type")},
    "Type": {
        "primitive": (3, "int64"),
        "wrapper": (4, "int64"),
        "well_known": (5, "int64"),
        "list": (6, "Elements"),
        "map": (7, "Pair"),
        "message": (9, "string"),
    },
    "Elements": {"item": (1, "Type")},
    "Pair": {"key": (1, "Type"), "value": (2, "Type")},
    "Expr": {
        "id": (2, "int64"),
        "const": (3, "Constant"),
        "ident": (4, "Name"),
        "select": (5, "Selected"),
        "call": (6, "Called"),
        "list": (7, "Items"),
        "struct": (8, "Struct"),
        "loop": (9, "Comprehension"),
    },
    "Constant": {
        "null": (1, "int64"),
        "bool": (2, "bool"),
        "int64": (3, "int64"),
        "uint64": (4, "uint64"),
        "double": (5, "double"),
        "string": (6, "string"),
        "bytes": (7, "bytes"),
    },
    "Name": {"name": (1, "string")},
    "Selected": {"operand": (1, "Expr"), "field": (2, "string"), "test": (3, "bool")},
    "Called": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "*Expr")},
    "Items": {"elements": (1, "*Expr")},
    "Struct": {"entries": (2, "*Entry")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "var": (1, "string"),
        "over": (2, "Expr"),
        "accu": (3, "string"),
        "start": (4, "Expr"),
        "condition": (5, "Expr"),
        "step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}
_SCALARS = {"double": 1, "int64": 3, "uint64": 4, "bool": 8, "string": 9, "bytes": 12}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3
_ONE_OF = frozenset({"Expr", "Constant", "Type"})  # but an Expr's id


@dataclass(frozen=True)
class Node:
    """A part of an expression; `at` is its place in the source, counted in characters from 0."""

    id: int
    at: int


@dataclass(frozen=True)
class Const(Node):
    value: Any


@dataclass(frozen=True)
class Ident(Node):
    name: str


@dataclass(frozen=True)
class Select(Node):
    """`operand.name`; `test`: the same within `has()`."""

    operand: Node
    name: str
    test: bool


@dataclass(frozen=True)
class Call(Node):
    """A function or operator (`_==_`, `_?_:_`, `@in`); a method's target is the first of `args`."""

    function: str
    args: tuple[Node, ...]
    method: bool


@dataclass(frozen=True)
class Items(Node):
    """A list literal."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Entries(Node):
    """A map literal."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Loop(Node):
    """An expanded macro: `step` is computed for every element `var` of `over`, its last value is `accu`."""

    var: str
    over: Node
    accu: str
    start: Node
    condition: Node
    step: Node
    result: Node


@dataclass(frozen=True)
class Tree:
    """An expression. `types`: the checker's type of each node (a `Type` message), empty after parsing only."""

    root: Node
    types: Mapping[int, Any] = field(default_factory=dict)


def read_tree(serialized: bytes) -> Tree:
    """The tree in a serialised expression, checked or only parsed."""
    outer = _CLASSES["Any"].FromString(serialized)
    checked = outer.type_url.endswith(".CheckedExpr")
    whole = _CLASSES["Checked" if checked else "Parsed"].FromString(outer.value)
    positions = {item.key: item.value for item in whole.info.positions}
    types = {item.key: item.value for item in whole.types} if checked else {}
    return Tree(_node(whole.expr, positions), types)


def _node(expr: Any, positions: Mapping[int, int]) -> Node:
    kind = expr.WhichOneof("one")
    return _READERS[kind](expr.id, positions.get(expr.id, 0), getattr(expr, kind), positions)


def _const(id: int, at: int, part: Any, _: Mapping[int, int]) -> Node:
    kind = part.WhichOneof("one")
    return Const(id, at, None if kind == "null" else getattr(part, kind))


def _call(id: int, at: int, part: Any, positions: Mapping[int, int]) -> Node:
    method = part.HasField("target")
    args = [part.target, *part.args] if method else part.args
    return Call(id, at, part.function, tuple(_node(arg, positions) for arg in args), method)


def _entries(id: int, at: int, part: Any, positions: Mapping[int, int]) -> Node:
    pairs = ((_node(item.map_key, positions), _node(item.value, positions)) for item in part.entries)
    return Entries(id, at, tuple(pairs))


def _loop(id: int, at: int, part: Any, positions: Mapping[int, int]) -> Node:
    over, start, condition, step, result = (
        _node(getattr(part, name), positions) for name in ("over", "start", "condition", "step", "result")
    )
    return Loop(id, at, part.var, over, part.accu, start, condition, step, result)


_READERS: Mapping[str, Callable[[int, int, Any, Mapping[int, int]], Node]] = {
    "const": _const,
    "ident": lambda id, at, part, _: Ident(id, at, part.name),
    "select": lambda id, at, part, p: Select(id, at, _node(part.operand, p), part.field, part.test),
    "call": _call,
    "list": lambda id, at, part, p: Items(id, at, tuple(_node(item, p) for item in part.elements)),
    "struct": _entries,
    "loop": _loop,
}


def children(node: Node) -> Iterator[Node]:
    """The parts of a part."""
    if isinstance(node, Select):
        yield node.operand
    elif isinstance(node, Call):
        yield from node.args
    elif isinstance(node, Items):
        yield from node.items
    elif isinstance(node, Entries):
        yield from (part for entry in node.entries for part in entry)
    elif isinstance(node, Loop):
        yield from (node.over, node.start, node.condition, node.step, node.result)


def path_of(node: Node) -> str:
    """`repair.estimate` for a chain of names, empty for anything else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select):
        parent = path_of(node.operand)
        return f"{parent}.{node.name}" if parent else ""
    return ""


def _classes() -> Mapping[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="mos/cel_tree.proto", package="mos.cel", syntax="proto2")
    for message, fields in _SPEC.items():
        described = file.message_type.add(name=message)
        if message in _ONE_OF:
            described.oneof_decl.add(name="one")
        for name, (number, kind) in fields.items():
            plain = kind.removeprefix("*")
            label = _REPEATED if kind.startswith("*") else _OPTIONAL
            added = described.field.add(name=name, number=number, type=_SCALARS.get(plain, _MESSAGE), label=label)
            if plain not in _SCALARS:
                added.type_name = f".mos.cel.{plain}"
            if message in _ONE_OF and name != "id":
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    names = {name: pool.FindMessageTypeByName(f"mos.cel.{name}") for name in _SPEC}
    return {name: message_factory.GetMessageClass(found) for name, found in names.items()}


_CLASSES = _classes()
