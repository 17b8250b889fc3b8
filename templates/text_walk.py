"""A text rendered by walking its syntax tree, for texts that are read a few times only.

Jinja makes Python of a template and compiles that: far more work than reading a short text once. Walked, a text gives
what it gives compiled, step for step of the sandbox's budget; what this module does not know (`knows`) is compiled.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Environment, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.utils import missing

from domain.errors import InvariantError

FIRST_DATA = 0xE000
"""In a tree, a character of Unicode's private use stands for what is written between the marks: the nth for the nth."""
_DEEPEST = 8
_ENGINES_OWN = frozenset({"self", "super", "caller", "varargs", "kwargs"})
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
_PLAIN_BINARY: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Sub: operator.sub,
    nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv,
}
_WATCHED_BINARY: Mapping[type[nodes.Node], str] = {nodes.Add: "+", nodes.Mul: "*"}


def knows(tree: nodes.Template, parts: Iterable[nodes.Node]) -> bool:
    """Can it, with these parts, be walked, whatever the values are?"""
    return _shallow(tree.body, _DEEPEST) and all(map(_known, parts))


def parts_of(node: nodes.Node) -> Iterator[nodes.Node]:
    """Every node below one, as `find_all` gives them, in less time."""
    for name in node.fields:
        value = getattr(node, name)
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, nodes.Node):
                yield part
                yield from parts_of(part)


def _shallow(body: list[nodes.Node], left: int) -> bool:
    """Python itself refuses blocks that stand too deep within one another: that is for the compiler to say."""
    inner = [part for node in body for part in _blocks(node)]
    return left > 0 and all(_shallow(part, left - 1) for part in inner)


def _blocks(node: nodes.Node) -> list[list[nodes.Node]]:
    if isinstance(node, nodes.If):
        return [node.body, list(node.elif_), node.else_]
    return [node.body] if isinstance(node, nodes.For) else []


def _known(node: nodes.Node) -> bool:
    if isinstance(node, nodes.For):
        plain = not (node.recursive or node.test or node.else_)
        return plain and all(name.name != "loop" for name in _names(node.target)) and bool(_names(node.target))
    if isinstance(node, nodes.Name):
        return node.name not in _ENGINES_OWN
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Call):
        return node.dyn_args is None and node.dyn_kwargs is None
    return type(node) in _KNOWN


def _names(target: nodes.Node) -> list[nodes.Name]:
    """The names that a loop sets; none for a target that is more than names."""
    parts = target.items if isinstance(target, nodes.Tuple) else [target]
    names = [part for part in parts if isinstance(part, nodes.Name)]
    return names if len(names) == len(parts) else []


class Walk:
    """One rendering. `data`: what stands between the marks, in its order."""

    def __init__(self, environment: Environment, context: Context) -> None:
        self._environment, self._context = environment, context
        self._local: dict[str, Any] = {}
        self._data: tuple[str, ...] = ()

    def text(self, tree: nodes.Template, data: tuple[str, ...]) -> str:
        """What a known tree gives. Raises whatever the compiled one would."""
        self._data = data
        return "".join(self._statements(tree.body))

    def _statements(self, body: Iterable[nodes.Node]) -> Iterator[str]:
        for node in body:
            if isinstance(node, nodes.Output):
                yield from (self._printed(part) for part in node.nodes)
            elif isinstance(node, nodes.If):
                yield from self._if(node)
            elif isinstance(node, nodes.For):
                yield from self._for(node)

    def _printed(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.TemplateData):
            return "".join(self._data[ord(char) - FIRST_DATA] for char in node.data)
        finalize: Any = self._environment.finalize
        return str(finalize(self._context, self.value(node)))

    def _if(self, node: nodes.If) -> Iterator[str]:
        for branch in (node, *node.elif_):
            if self.value(branch.test):
                yield from self._statements(branch.body)
                return
        yield from self._statements(node.else_)

    def _for(self, node: nodes.For) -> Iterator[str]:
        items, outer = self.value(node.iter), self._local
        steps = self._through("bounded", items)
        named = any(name.name == "loop" for part in node.body for name in _all_names(part))
        turns: Iterable[tuple[Any, Any]]
        turns = LoopContext(steps, self._undefined) if named else ((item, missing) for item in steps)
        for item, loop in turns:
            self._local = {**outer, **self._set(node.target, item)} | ({"loop": loop} if named else {})
            yield from self._statements(node.body)
        self._local = outer

    def _set(self, target: nodes.Node, item: Any) -> dict[str, Any]:
        names = [name.name for name in _names(target)]
        if isinstance(target, nodes.Name):
            return {names[0]: item}
        return dict(zip(names, item, strict=True))

    # -- expressions --------------------------------------------------------------------------------------------------

    def value(self, node: nodes.Node) -> Any:
        """What an expression gives."""
        read = _READERS.get(type(node))
        if read is None:
            raise InvariantError(f"a text with a {type(node).__name__} is walked")
        return read(self, node)

    @property
    def _undefined(self) -> type[Undefined]:
        return self._environment.undefined

    def _through(self, name: str, value: Any, *more: Any) -> Any:
        """What the sandbox sends through its budget when a text is compiled."""
        return self._environment.filters[name](self._context, value, *more)

    def _name(self, node: nodes.Name) -> Any:
        found = self._local.get(node.name, missing)
        if found is missing:
            found = self._context.resolve_or_missing(node.name)
        return self._undefined(name=node.name) if found is missing else found

    def _part(self, node: nodes.Getattr) -> Any:
        return self._environment.getattr(self.value(node.node), node.attr)

    def _item(self, node: nodes.Getitem) -> Any:
        owner = self.value(node.node)
        if isinstance(node.arg, nodes.Slice):
            ends = (node.arg.start, node.arg.stop, node.arg.step)
            return owner[slice(*(end and self.value(end) for end in ends))]
        return self._environment.getitem(owner, self.value(node.arg))

    def _given(self, node: Any) -> tuple[list[Any], dict[str, Any]]:
        return [self.value(arg) for arg in node.args], {one.key: self.value(one.value) for one in node.kwargs}

    def _filter(self, node: nodes.Filter) -> Any:
        value = self._through("weighed", self.value(node.node))  # type: ignore[arg-type]
        args, named = self._given(node)
        return self._environment.call_filter(node.name, value, args, named, context=self._context)

    def _test(self, node: nodes.Test) -> Any:
        value = self._through("weighed", self.value(node.node))
        args, named = self._given(node)
        return self._environment.call_test(node.name, value, args, named, context=self._context)

    def _call(self, node: nodes.Call) -> Any:
        called = self.value(node.node)
        args, named = self._given(node)
        environment: Any = self._environment
        return environment.call(self._context, called, *args, **named)

    def _choice(self, node: nodes.CondExpr) -> Any:
        if self.value(node.test):
            return self.value(node.expr1)
        if node.expr2 is None:
            return Undefined("the inline if-expression gave nothing")  # printed it is empty: so does Jinja
        return self.value(node.expr2)

    def _compare(self, node: nodes.Compare) -> Any:
        left, found = self._through("weighed", self.value(node.expr)), None
        for operand in node.ops:
            right = self._through("weighed", self.value(operand.expr))
            found = _COMPARE[operand.op](left, right)
            if not found:
                return found
            left = right
        return found

    def _texts(self, node: nodes.Concat) -> Any:
        first, *rest = [self.value(part) for part in node.nodes]
        return self._through("concat", first, *rest)

    def _binary(self, node: nodes.BinExpr) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        watched = _WATCHED_BINARY.get(type(node))
        if watched is None:
            return _PLAIN_BINARY[type(node)](left, right)
        environment: Any = self._environment
        return environment.call_binop(self._context, watched, left, right)


def _all_names(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


_READERS: Mapping[type[nodes.Node], Callable[[Walk, Any], Any]] = {
    nodes.Const: lambda _, node: node.value,
    nodes.Name: Walk._name,
    nodes.Getattr: Walk._part,
    nodes.Getitem: Walk._item,
    nodes.Filter: Walk._filter,
    nodes.Test: Walk._test,
    nodes.Call: Walk._call,
    nodes.CondExpr: Walk._choice,
    nodes.And: lambda walk, node: walk.value(node.left) and walk.value(node.right),
    nodes.Or: lambda walk, node: walk.value(node.left) or walk.value(node.right),
    nodes.Not: lambda walk, node: not walk.value(node.node),
    nodes.Neg: lambda walk, node: -walk.value(node.node),
    nodes.Pos: lambda walk, node: +walk.value(node.node),
    nodes.Compare: Walk._compare,
    nodes.Concat: Walk._texts,
    nodes.List: lambda walk, node: [walk.value(item) for item in node.items],
    nodes.Tuple: lambda walk, node: tuple(walk.value(item) for item in node.items),
    nodes.Dict: lambda walk, node: {walk.value(pair.key): walk.value(pair.value) for pair in node.items},
    **dict.fromkeys((*_PLAIN_BINARY, *_WATCHED_BINARY), Walk._binary),
}
_KNOWN = frozenset(
    {*_READERS, nodes.Output, nodes.TemplateData, nodes.If, nodes.Slice, nodes.Operand, nodes.Keyword, nodes.Pair}
)
