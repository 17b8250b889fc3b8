"""How two JSON values differ, with list items matched by what names them rather than by where they stand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from authoring.diff_words import who
from domain.values import Json, canonical

_NAMES = ("id", "name", "type", "when")  # by which people tell the items of a list apart
_WHOLE = ("to", "on")  # fields that mean something only as a whole


@dataclass(frozen=True)
class Raw:
    """One difference. `path` as people read it; `shape` the same with `*` for a list's item."""

    kind: Literal["added", "removed", "changed"]
    path: tuple[str, ...]
    shape: tuple[str, ...]
    before: Json
    after: Json


def differences(before: Json, after: Json) -> Iterator[Raw]:
    """Between two values; what is empty and what is not there do not differ."""
    if _empty(before) and _empty(after):
        return
    old, new = _items(before), _items(after)
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_dicts(before, after, item=False)
    elif old is not None and new is not None and (old or new):
        yield from _of_dicts(old, new, item=True)
    elif canonical(before) != canonical(after):
        yield _raw(before, after)


def _of_dicts(before: dict[str, Json], after: dict[str, Json], *, item: bool) -> Iterator[Raw]:
    for name in {**before, **after}:
        for raw in (_whole if name in _WHOLE else differences)(before.get(name), after.get(name)):
            yield replace(raw, path=(name, *raw.path), shape=("*" if item else name, *raw.shape))


def _whole(before: Json, after: Json) -> Iterator[Raw]:
    if canonical(before) != canonical(after):
        yield _raw(before, after)


def _raw(before: Json, after: Json) -> Raw:
    kind: Literal["added", "removed", "changed"] = "changed"
    if _empty(before):
        kind = "added"
    elif _empty(after):
        kind = "removed"
    return Raw(kind, (), (), before, after)


def _empty(value: Json) -> bool:
    return value is None or value in ("", [], {})


def _items(value: Json) -> dict[str, Json] | None:
    """The items of a list of dicts by their names; None for any other value."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    found: dict[str, Json] = {}
    for index, item in enumerate(value):
        name = _name_of(item, index)
        single = item.get(name) if len(item) == 1 else None
        found[name if name not in found else f"{name} #{index + 1}"] = single if isinstance(single, dict) else item
    return found


def _name_of(item: dict[str, Json], index: int) -> str:
    if isinstance(item.get("to"), dict):
        return who(item["to"])
    if len(item) == 1:
        return next(iter(item))
    return next((str(item[name]) for name in _NAMES if isinstance(item.get(name), str)), f"#{index + 1}")
