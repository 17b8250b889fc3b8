"""Every security contract has a test that is named after it, and stands in the table of docs/security.md."""

import re
from collections.abc import Mapping

from tests.house.outline import Outline

CONTRACTS = {f"C{number}" for number in range(1, 37)}
TABLE = "docs/security.md"
_TESTS = re.compile(r"tests/(?:\w+/)*test_\w+\.py")
_NAMED = re.compile(r"test((?:_c\d{1,2})+)_")


def _named(outlines: Mapping[str, Outline]) -> dict[str, list[str]]:
    """Contract -> the tests that name it."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in outlines if _TESTS.fullmatch(path)):
        for function in outlines[path].functions:
            if match := _NAMED.match(function.name):
                for number in re.findall(r"\d+", match[1]):
                    found.setdefault(f"C{int(number)}", []).append(f"{path}::{function.name}")
    return found


def test_every_contract_has_a_test(outlines: Mapping[str, Outline]) -> None:
    found = _named(outlines)
    assert not CONTRACTS - found.keys(), f"Write a test named test_cNN_...: {sorted(CONTRACTS - found.keys())}"
    assert not found.keys() - CONTRACTS, f"There is no such contract: {sorted(found.keys() - CONTRACTS)}"


def test_the_table_names_where_each_is_tested(files: Mapping[str, str], outlines: Mapping[str, Outline]) -> None:
    found = _named(outlines)
    rows = dict(re.findall(r"^\| (C\d+) \|[^|]*\|([^|]*)\|$", files[TABLE], re.MULTILINE))
    assert rows.keys() == CONTRACTS, f"{TABLE} has a row for each contract: {sorted(CONTRACTS ^ rows.keys())}"
    wrong = []
    for contract, cell in rows.items():
        told = set(re.findall(r"`(tests/[\w/]+\.py)`", cell))
        true = {test.partition("::")[0] for test in found[contract]}
        wrong += [f"{contract}: {', '.join(sorted(true))}"] if told != true else []
    assert not wrong, f"In {TABLE} these should name:\n" + "\n".join(wrong)
