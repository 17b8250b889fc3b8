"""A broad `except` hides bugs. Only the named supervision points may have one, since only they know what to do next."""

import ast
from collections.abc import Iterator, Mapping

SUPERVISION_POINTS: dict[str, str] = {
    "intake/pump.py::_correlate_batch": "the batch is rolled back and its rows are tried one by one",
    "intake/pump.py::_deliver_or_hold_back": "the exception is held back with what happened, the others go on",
    "intake/pump.py::_move_or_quarantine": "the row that broke is quarantined with what happened, the others go on",
}
"""`path::function` -> why this place may catch everything (it restarts, quarantines or reports, and never goes on)."""


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)


def _raises_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _broad_handlers(node: ast.AST, function: str = "") -> Iterator[tuple[str, int]]:
    """Function name and line of each handler that catches everything and does not end by raising it again."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler) and _is_broad(child) and not _raises_on(child):
            yield function, child.lineno
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from _broad_handlers(child, inner)


def test_only_supervision_points_catch_everything(modules: Mapping[str, ast.Module]) -> None:
    found = [
        f"{path}:{line} in {function or 'the module'}"
        for path, tree in modules.items()
        for function, line in _broad_handlers(tree)
        if f"{path}::{function}" not in SUPERVISION_POINTS
    ]
    assert not found, (
        "Catch the errors of domain.errors that you can act on. If this place truly supervises others, add it with its "
        "reason to SUPERVISION_POINTS in tests/house/test_errors.py.\n" + "\n".join(found)
    )


def test_supervision_points_exist(modules: Mapping[str, ast.Module]) -> None:
    present = {f"{path}::{function}" for path, tree in modules.items() for function, _ in _broad_handlers(tree)}
    gone = sorted(set(SUPERVISION_POINTS) - present)
    assert not gone, "Remove from SUPERVISION_POINTS in tests/house/test_errors.py:\n" + "\n".join(gone)
