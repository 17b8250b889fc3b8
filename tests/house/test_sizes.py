"""Small enough to be read: a file past its limit misses a wall, a function past its limit does two things."""

import ast
from collections.abc import Iterator, Mapping

MODULE_LINES = 400
FUNCTION_LINES = 60
COUNTED = (".py", ".sh", ".js", ".html", ".j2")
MIGRATIONS = "store/migrations/versions/"  # a list of tables, in order; read once


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end; the docstring is free."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        length -= first.end_lineno - first.lineno + 1
    return length


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_modules_are_short(files: Mapping[str, str]) -> None:
    lengths = {path: text.count("\n") for path, text in files.items() if path.endswith(COUNTED)}
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]
    assert not long, f"Over {MODULE_LINES} lines: split them where the reasons to change differ.\n" + "\n".join(long)


def test_functions_are_short(modules: Mapping[str, ast.Module]) -> None:
    long = [
        f"{path}:{function.lineno} {function.name}: {_length(function)} lines"
        for path, tree in modules.items()
        if not path.startswith(MIGRATIONS)
        for function in _functions(tree)
        if _length(function) > FUNCTION_LINES
    ]
    assert not long, f"Over {FUNCTION_LINES} lines: name the parts and call them.\n" + "\n".join(long)
