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
    label = match["label"] or ""
    pattern = links.get(match["model"], links.get("*", ""))
    if pattern.startswith(("https://", "http://", "/")):
        return pattern.replace("{id}", match["id"]).replace("{label}", quote(label, safe=""))
    row = f"#{anchor_of(label)}" if label else ""
    return f"/erp{row}" if has_page else ""


def sections(holds: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Each entry as a table: `{"name", "columns", "rows": [{"anchors", "cells"}]}`; anchors are its names."""
    seen: set[str] = set()
    found: list[dict[str, Json]] = []
    for name, value in holds.items():
        items = value if isinstance(value, list) else [value]
        rows = [item if isinstance(item, Mapping) else {name: item} for item in items]
        columns = _columns(rows)
        lines = [{"anchors": _anchors(row, seen), "cells": [row.get(column) for column in columns]} for row in rows]
        found.append({"name": name, "columns": columns, "rows": lines})
    return found


def _columns(rows: Sequence[Mapping[str, Json]]) -> list[str]:
    """First the name by which people know the thing, then the others as they come, but no bare row numbers."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    known = next((name for name in _NAMES if name in columns), None)
    if known is None:
        return columns
    return [known, *(column for column in columns if column not in (known, "id"))]


def _anchors(row: Mapping[str, Json], seen: set[str]) -> list[str]:
    """By every name that this row has, unless a row before it took it."""
    anchors = [anchor_of(str(row[name])) for name in _NAMES if row.get(name)]
    fresh = [anchor for anchor in dict.fromkeys(anchors) if anchor not in seen]
    seen.update(fresh)
    return fresh


def anchor_of(text: str) -> str:
    """`JO-1003` as the `r-jo-1003` by which other pages point to its row."""
    return "r-" + "".join(char if char.isalnum() else "-" for char in text.lower())
