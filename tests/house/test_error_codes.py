"""Every stable code is told in docs/reference/errors.md, and nothing is told there that does not exist."""

import ast
import re
from collections.abc import Iterator, Mapping

from authoring.check.codes import CODES

PAGE = "docs/reference/errors.md"
CODE = re.compile(r"mos(\.[a-z_]+)+")
ROW = re.compile(r"^\| `(mos[a-z_.]+)` \| (.+) \|$", re.M)
NO_CODES = {
    "mos.nobody_to_ask",  # a type of signal
    "mos.ledger_difference",  # a type of signal
    "mos.transaction",  # a workflow type
    "mos.cel",  # a protobuf package
    "mos.stack.part_failed",  # of the supervisor's own log
}
DESK = ("domain/language/", "domain/typing/", "templates/text", "authoring/check/")


def _codes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    loggers = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "getLogger"
        for argument in node.args
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in loggers else None
        if isinstance(node, ast.Constant) and isinstance(text, str) and CODE.fullmatch(text) and text not in NO_CODES:
            yield node.lineno, text


def _rows(files: Mapping[str, str]) -> dict[str, str]:
    return {code: text.replace("\\|", "|") for code, text in ROW.findall(files[PAGE])}


def test_every_code_is_told(files: Mapping[str, str], modules: Mapping[str, ast.Module], rooms: list[str]) -> None:
    told = _rows(files)
    ruled = tuple(f"{room}/" for room in rooms)
    named = [path for path in modules if path.startswith(ruled) and "mos." in files[path]]
    used = {path: list(_codes(modules[path])) for path in named}
    missing = [f"{path}:{line} {code}" for path, found in used.items() for line, code in found if code not in told]
    assert not missing, f"Say what these mean in {PAGE}:\n" + "\n".join(missing)
    everywhere = {code for found in used.values() for _, code in found}
    assert not set(told) - everywhere, f"Nothing gives these codes any more: {sorted(set(told) - everywhere)}"


def test_findings_of_the_check_have_their_words(files: Mapping[str, str], modules: Mapping[str, ast.Module]) -> None:
    """The same words in the editor (SARIF) and on the page."""
    told = _rows(files)
    assert {code: told.get(code) for code in CODES} == dict(CODES), (
        f"Bring {PAGE} and authoring/check/codes.py in line."
    )
    used = {code for path in modules if path.startswith(DESK) for _, code in _codes(modules[path])}
    unknown = sorted(used - set(CODES))
    assert not unknown, f"Add to authoring/check/codes.py: {unknown}"
