"""What the house rules ask of a Python file, read in one pass: parsing the tree again for each rule takes a minute."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    length: int


@dataclass(frozen=True)
class Outline:
    """`imports`: line and module; `catches_all`: function and line of each handler that catches everything and does
    not end by raising it again."""

    imports: list[tuple[int, str]] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    catches_all: list[tuple[str, int]] = field(default_factory=list)


def parse(text: str, path: str) -> ast.Module:
    """Nothing in a syntax tree is garbage while it grows: looking for it takes longer than the parsing."""
    looking = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text, path)
    finally:
        if looking:
            gc.enable()


def outline(text: str, path: str) -> Outline:
    made = Outline()
    for node, function in _statements(parse(text, path), ""):
        if isinstance(node, ast.Import):
            made.imports.extend((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            made.imports.append((node.lineno, node.module or "a relative import"))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made.functions.append(Function(node.name, node.lineno, _length(node)))
        elif isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_on(node):
            made.catches_all.append((function, node.lineno))
    return made


def _statements(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    """Every statement and handler below this one, and the function that it stands in. Expressions hold none."""
    for block in _BLOCKS:
        for child in getattr(node, block, ()):
            yield child, function
            inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            yield from _statements(child, inner)


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end; the docstring is free."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        length -= first.end_lineno - first.lineno + 1
    return length


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)


def _raises_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
