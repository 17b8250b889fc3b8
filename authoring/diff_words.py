"""How changes of a definition are said. Every sentence of the diff stands here."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from domain.values import Json, canonical

if TYPE_CHECKING:
    from authoring.diff_steps import Node

_LONG = 100
_LABEL = 60
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?( business)?", re.ASCII)
_UNITS = ("d", "h", "min", "s")

# (kind, shape of the field's path) -> sentence; "" is for every other shape.
PHRASES: Mapping[tuple[str, str], str] = {
    ("same", ""): "nothing differs",
    ("within", ""): "in the called {name}, {sentence}",
    ("added", "definition"): "new definition {at} with {count} steps",
    ("added", "step"): "added {what} {place}{with_inside}",
    ("removed", "step"): "removed {what} {place}{with_inside}",
    ("renamed", "step"): "{kind} {before} is now called {after}",
    ("moved", "elsewhere"): "{at} moved {place} (was {was})",
    ("moved", "order"): "{at} moved {place}{after_which}",
    ("changed", "ladder.*.after"): "{at}: escalation to {owner} after {before} becomes {after}",
    ("added", "ladder.*"): "{at}: escalation to {item} added, after {span}",
    ("removed", "ladder.*"): "{at}: escalation to {item} removed, it came after {span}",
    ("changed", "to"): "{at}: asks {after} instead of {before}",
    ("changed", "on"): "{path}: {before} becomes {after}",
    ("changed", "within"): "{at}: at most {before} becomes at most {after}",
    ("added", "within"): "{at}: at most {after}, was without limit",
    ("removed", "within"): "{at}: without limit, was at most {before}",
    ("changed", "accept_within"): "{at}: to be accepted within {before} becomes within {after}",
    ("changed", "if"): "if {before} becomes if {after}",
    ("changed", "switch"): "switch {before} becomes switch {after}",
    ("changed", ""): "{path}: {before} becomes {after}",
    ("added", ""): "{path}: {after} added",
    ("removed", ""): "{path}: {before} removed",
}
_OF_STEPS = ("within", "accept_within", "to")  # said of the step itself; elsewhere the plain sentence names the path


def sentence(kind: str, shape: str, words: Mapping[str, Json]) -> str:
    """The sentence for a change; `words` are its values as they are."""
    told = {name: value if name in ("sentence",) else said(value) for name, value in words.items()}
    told["with_inside"] = f" with {words['inside']}" if words.get("inside") else ""
    told["after_which"] = f", now after {words['follows']}" if words.get("follows") else ", now first"
    told["span"] = said(_after_of(words.get("before")) or _after_of(words.get("after")))
    return _phrase(kind, shape, words).format_map(told)


def _phrase(kind: str, shape: str, words: Mapping[str, Json]) -> str:
    if shape in _OF_STEPS and not words.get("at"):
        shape = ""
    return PHRASES.get((kind, shape), PHRASES.get((kind, ""), ""))


def _after_of(value: Json) -> Json:
    return value.get("after") if isinstance(value, dict) else None


def said(value: Json) -> str:
    """A value as people read it: `5 min`, `yes`, `role maintenance_lead`, a long text cut."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return who(value) if _is_selector(value) else _cut(canonical(value), _LONG)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(str(item) for item in value)
    return _cut(canonical(value), _LONG) if isinstance(value, list) else str(value)


def _text(value: str) -> str:
    span = _SPAN.fullmatch(value)
    if span and any(span.groups()[:4]):
        parts = [f"{number} {unit}" for number, unit in zip(span.groups()[:4], _UNITS, strict=True) if number]
        return " ".join(parts) + (span[5] or "")
    return _cut(value, _LONG)


def _cut(text: str, limit: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


_SELECTS = ("role", "person", "authority", "account")


def _is_selector(value: dict[str, Json]) -> bool:
    return any(isinstance(value.get(name), str) and value[name] for name in _SELECTS)


def who(to: dict[str, Json]) -> str:
    """A selector in words: the role (or person, authority) first, what narrows it behind."""
    given = {name: value for name, value in to.items() if value and (name, value) != ("shift", "current")}
    first = next((name for name in _SELECTS if name in given), None)
    rest = ", ".join(f"{name} {said(value)}" for name, value in given.items() if name != first)
    if first is None:
        return rest or "nobody"
    return f"{given[first]} ({rest})" if rest else str(given[first])


def label_of(kind: str, value: Json) -> str:
    """What a step without a name is called."""
    head = value if isinstance(value, str) else ", ".join(value) if isinstance(value, dict) else ""
    return f"{kind} {_cut(head, _LABEL)}".strip()


def place_of(node: "Node") -> str:
    """Where a step stands."""
    if node.parent is None:
        return "in the steps"
    return f"in {node.parent.label} ({node.slot.split('.')[-1]})"
