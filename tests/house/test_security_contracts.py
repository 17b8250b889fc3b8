"""Every security contract has a test that is named after it, and stands in the table of docs/security.md."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

CONTRACTS = {f"C{number}" for number in range(1, 37)}
TABLE = "docs/security.md"
_NAMED = re.compile(r"test((?:_c\d{1,2})+)_")


def _named(root: Path) -> dict[str, list[str]]:
    """Contract -> the tests that name it."""
    found: dict[str, list[str]] = {}
    for file in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (match := _NAMED.match(node.name)):
                for number in re.findall(r"\d+", match[1]):
                    found.setdefault(f"C{int(number)}", []).append(f"{file.relative_to(root)}::{node.name}")
    return found


def test_every_contract_has_a_test(root: Path) -> None:
    found = _named(root)
    assert not CONTRACTS - found.keys(), f"Write a test named test_cNN_...: {sorted(CONTRACTS - found.keys())}"
    assert not found.keys() - CONTRACTS, f"There is no such contract: {sorted(found.keys() - CONTRACTS)}"


def test_the_table_names_where_each_is_tested(root: Path, files: Mapping[str, str]) -> None:
    found = _named(root)
    rows = dict(re.findall(r"^\| (C\d+) \|[^|]*\|([^|]*)\|$", files[TABLE], re.MULTILINE))
    assert rows.keys() == CONTRACTS, f"{TABLE} has a row for each contract: {sorted(CONTRACTS ^ rows.keys())}"
    wrong = []
    for contract, cell in rows.items():
        told = set(re.findall(r"`(tests/[\w/]+\.py)`", cell))
        true = {test.partition("::")[0] for test in found[contract]}
        wrong += [f"{contract}: {', '.join(sorted(true))}"] if told != true else []
    assert not wrong, f"In {TABLE} these should name:\n" + "\n".join(wrong)
