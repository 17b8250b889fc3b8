"""Small enough to be read: a file past its limit misses a wall, a function past its limit does two things."""

from collections.abc import Mapping

from tests.house.outline import Outline

MODULE_LINES = 400
FUNCTION_LINES = 60
COUNTED = (".py", ".sh", ".js", ".html", ".j2")
MIGRATIONS = "store/migrations/versions/"  # a list of tables, in order; read once


def test_modules_are_short(files: Mapping[str, str]) -> None:
    lengths = {path: text.count("\n") for path, text in files.items() if path.endswith(COUNTED)}
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]
    assert not long, f"Over {MODULE_LINES} lines: split them where the reasons to change differ.\n" + "\n".join(long)


def test_functions_are_short(outlines: Mapping[str, Outline]) -> None:
    long = [
        f"{path}:{function.line} {function.name}: {function.length} lines"
        for path, told in outlines.items()
        if not path.startswith(MIGRATIONS)
        for function in told.functions
        if function.length > FUNCTION_LINES
    ]
    assert not long, f"Over {FUNCTION_LINES} lines: name the parts and call them.\n" + "\n".join(long)
