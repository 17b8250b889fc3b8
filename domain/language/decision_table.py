"""Decision tables (OMG DMN 1.5, hit policies first and collect): rules, or a CSV sheet with the same meaning.

The sheet's first line names columns: an input column is a CEL expression, an output column begins with `=>`. A cell of
an input column is empty or `-` (anything), a comparison (`> 3`, `!= 'red'`), values (`'a', 'b'`), or `1..5`. A cell of
an output column is a JSON value, plain text, or an =expression.
"""

import csv
import io
import json
import re
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from domain.values import Json

_COMPARISON = re.compile(r"(<=|>=|!=|==|<|>)\s*(.+)")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)")
_LITERAL = re.compile(r"""-?\d+(\.\d+)?|true|false|null|'[^']*'|"[^"]*\"""")
_ROWS = 500


class Rule(BaseModel):
    """One rule: when it holds, its values are the result. A rule without a condition always holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str = "true"
    then: dict[str, Json]


@lru_cache(maxsize=512)
def _rules(text: str) -> tuple[Rule, ...]:
    rows = [row for row in csv.reader(io.StringIO(text.strip()), skipinitialspace=True) if any(row)]
    if len(rows) < 2:
        raise ValueError("a table needs a first line with the columns' names and at least one rule")
    if len(rows) > _ROWS:
        raise ValueError(f"a table has at most {_ROWS} rules: split it")
    header = [cell.strip() for cell in rows[0]]
    if not any(name.startswith("=>") for name in header):
        raise ValueError("a table needs an output column: begin its name with =>")
    return tuple(_rule(header, row, number) for number, row in enumerate(rows[1:], 2))


def rules_of_csv(text: str) -> list[Rule]:
    """The rules of a sheet; an empty text has none. Raises ValueError naming the line that is wrong."""
    return list(_rules(text)) if text else []


def _rule(header: list[str], row: list[str], number: int) -> Rule:
    if len(row) != len(header):
        raise ValueError(f"line {number} of the table has {len(row)} cells, the first line has {len(header)}")
    conditions: list[str] = []
    values: dict[str, Json] = {}
    for name, cell in zip(header, (cell.strip() for cell in row), strict=True):
        if name.startswith("=>"):
            values[name.removeprefix("=>").strip()] = _value(cell)
        elif cell not in ("", "-"):
            conditions.append(_condition(name, cell))
    return Rule(when=" && ".join(conditions) or "true", then=values)


def _condition(expression: str, cell: str) -> str:
    """`> 3` on column `size(jobs)` is `(size(jobs)) > 3`."""
    comparison, between = _COMPARISON.fullmatch(cell), _RANGE.fullmatch(cell)
    if comparison:
        return f"({expression}) {comparison[1]} ({_literal(comparison[2])})"
    if between:
        return f"({expression}) >= {between[1]} && ({expression}) <= {between[2]}"
    values = next(csv.reader([cell], quotechar="'", skipinitialspace=True)) if "," in cell else [cell]
    return f"({expression}) in [{', '.join(_literal(value) for value in values)}]"


def _literal(text: str) -> str:
    """A number, true, false or a quoted text as it is; anything else becomes a text."""
    text = text.strip()
    return text if _LITERAL.fullmatch(text) else json.dumps(text)


def _value(cell: str) -> Json:
    try:
        return json.loads(cell)
    except ValueError:
        return cell.strip("'") if len(cell) > 1 and cell[0] == cell[-1] == "'" else cell
