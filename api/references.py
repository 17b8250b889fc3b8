"""From a document that a system named to where a person can look at it."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from domain.values import Json

_NAMES = ("reference", "number", "job_order", "lot", "sale", "title", "work_unit", "name", "key")
_DOCUMENT = re.compile(r"(?P<model>\S+) (?P<id>\d+)(?: \((?P<label>.*)\))?", re.DOTALL)


def link_of(document: str, links: Mapping[str, str], *, has_page: bool) -> str:
    """The URL of `production 9 (JO-1003)` by the site's pattern for its model, else its row on our page of the ERP."""
    match = _DOCUMENT.fullmatch(document)
    if match is None:
        return ""
    label = match["label"] or match["id"]
    pattern = links.get(match["model"], links.get("*", ""))
    if pattern.startswith(("https://", "http://", "/")):
        return pattern.replace("{id}", match["id"]).replace("{label}", quote(label, safe=""))
    return f"/erp#{anchor_of(label)}" if has_page else ""


def sections(holds: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Each entry as a table: `{"name", "columns", "rows": [{"anchor", "cells"}]}`; the first cell names the row."""
    seen: set[str] = set()
    found: list[dict[str, Json]] = []
    for name, value in holds.items():
        items = value if isinstance(value, list) else [value]
        rows = [item if isinstance(item, Mapping) else {name: item} for item in items]
        columns = _columns(rows)
        cells = [[row.get(column) for column in columns] for row in rows]
        found.append({"name": name, "columns": columns, "rows": [_row(line, seen) for line in cells]})
    return found


def _columns(rows: Sequence[Mapping[str, Json]]) -> list[str]:
    """First the name by which people know the thing, then the others as they come, but no bare row numbers."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    known = next((name for name in _NAMES if name in columns), None)
    if known is None:
        return columns
    return [known, *(column for column in columns if column not in (known, "id"))]


def _row(cells: list[Json], seen: set[str]) -> dict[str, Json]:
    anchor = anchor_of(str(cells[0])) if cells else ""
    fresh = anchor if anchor not in seen else ""
    seen.add(anchor)
    return {"anchor": fresh, "cells": cells}


def anchor_of(text: str) -> str:
    """`JO-1003` as the `r-jo-1003` by which other pages point to its row."""
    return "r-" + "".join(char if char.isalnum() else "-" for char in text.lower())
