"""What a Jinja condition tells of the values that it looked at (as `domain.typing.facts` does for CEL)."""

from jinja2 import nodes

from domain.typing.facts import Fact, Facts

_NONE: Facts = frozenset()


def path_of(node: nodes.Node | None) -> str:
    """`repair.estimate` for a chain of names (a filtered value counts as itself), empty for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Filter):
        return path_of(node.node)
    if isinstance(node, nodes.Getattr):
        parent = path_of(node.node)
        return f"{parent}.{node.attr}" if parent else ""
    return ""


def written(node: nodes.Node | None) -> str:
    """An expression as its author wrote it, as far as it can be said in short."""
    if isinstance(node, nodes.Filter):
        return f"{written(node.node)} | {node.name}"
    if isinstance(node, nodes.Getattr):
        return f"{written(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{written(node.node)}[{node.arg.value!r}]"
    return node.name if isinstance(node, nodes.Name) else "this"


def facts_of(node: nodes.Node) -> tuple[Facts, Facts]:
    """What is known when the condition holds, and what when it does not."""
    if isinstance(node, nodes.Not):
        true, false = facts_of(node.node)
        return false, true
    if isinstance(node, nodes.And):
        (left, not_left), (right, not_right) = facts_of(node.left), facts_of(node.right)
        return left | right, not_left & not_right
    if isinstance(node, nodes.Or):
        (left, not_left), (right, not_right) = facts_of(node.left), facts_of(node.right)
        return left & right, not_left | not_right
    if isinstance(node, nodes.Test):
        return _of_test(node)
    if isinstance(node, nodes.Compare) and len(node.ops) == 1:
        return _of_compare(node)
    return _known(node, filled=True), _NONE


def _known(node: nodes.Node, *, filled: bool, value: str | None = None) -> Facts:
    path = "" if isinstance(node, nodes.Filter) else path_of(node)
    return frozenset({Fact(path, filled, value)}) if path else _NONE


def _of_test(node: nodes.Test) -> tuple[Facts, Facts]:
    if node.name == "defined":
        return _known(node.node, filled=False), _NONE
    if node.name == "undefined":
        return _NONE, _known(node.node, filled=False)
    return (_NONE, _known(node.node, filled=True)) if node.name == "none" else (_NONE, _NONE)


def _of_compare(node: nodes.Compare) -> tuple[Facts, Facts]:
    operand = node.ops[0]
    if operand.op not in ("eq", "ne") or not isinstance(operand.expr, nodes.Const):
        return _NONE, _NONE
    value = operand.expr.value
    text = value if isinstance(value, str) else None
    same, other = (_known(node.expr, filled=True, value=text), _NONE)
    if value is None:
        same, other = _NONE, _known(node.expr, filled=True)
    return (same, other) if operand.op == "eq" else (other, same)
