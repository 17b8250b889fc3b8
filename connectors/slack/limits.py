"""Block Kit's limits (docs.slack.dev, Block Kit reference): what a template made is shortened to fit, never refused.

A message that people wait for must leave even when a fact in it is too long.
"""

from collections.abc import Mapping
from typing import Any

BLOCKS, VIEW_BLOCKS, FIELDS, ELEMENTS, CONTEXT, LINES = 50, 100, 10, 25, 10, 5
TEXT, FIELD, HEADER, LABEL, BUTTON, PLACEHOLDER = 3000, 2000, 150, 2000, 75, 150
MESSAGE_TEXT = 4000
VALUE, ID, URL, LINE_VALUE = 2000, 255, 3000, 150
_EMPTY = "-"


def fit(blocks: list[Mapping[str, Any]], most: int = BLOCKS) -> list[dict[str, Any]]:
    """The blocks within the limits, at most `most`. Blocks with buttons and inputs are kept when there are more."""
    fitted = [_block(dict(block)) for block in blocks]
    fitted = [block for block in fitted if block]
    spare = len(fitted) - most
    for index in range(len(fitted) - 1, -1, -1):
        if spare > 0 and fitted[index]["type"] not in ("actions", "input", "header"):
            del fitted[index]
            spare -= 1
    return fitted[:most]


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, not ending within an entity such as `&amp;`; never empty."""
    if len(text) > limit:
        text = text[: limit - 1]
        start = text.rfind("&")
        text = (text[:start] if start >= 0 and ";" not in text[start:] else text).rstrip() + "…"
    return text or _EMPTY


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if isinstance(block.get("block_id"), str):
        block["block_id"] = block["block_id"][:ID]
    trim = {"section": _section, "header": _header, "context": _context, "actions": _actions, "input": _input}
    kind = trim.get(str(block.get("type")))
    return kind(block) if kind else block


def _section(block: dict[str, Any]) -> dict[str, Any]:
    if "text" in block:
        block["text"] = _text(block["text"], TEXT)
    if "fields" in block:
        block["fields"] = [_text(field, FIELD) for field in block["fields"][:FIELDS]]
        if not block["fields"]:
            del block["fields"]
    return block if "text" in block or "fields" in block else {}


def _header(block: dict[str, Any]) -> dict[str, Any]:
    return block | {"text": _text(block["text"], HEADER)}


def _context(block: dict[str, Any]) -> dict[str, Any]:
    elements = [_text(item, TEXT) if "text" in item else item for item in block["elements"][:CONTEXT]]
    return block | {"elements": elements} if elements else {}


def _actions(block: dict[str, Any]) -> dict[str, Any]:
    elements = [_menu(dict(item)) if "options" in item else _button(dict(item)) for item in block["elements"]]
    elements = [item for item in elements if _whole(item) and item.get("options") != []][:ELEMENTS]
    return block | {"elements": elements} if elements else {}


def _input(block: dict[str, Any]) -> dict[str, Any]:
    element = dict(block["element"])
    if "placeholder" in element:
        element["placeholder"] = _text(element["placeholder"], PLACEHOLDER)
    return block | {"label": _text(block["label"], LABEL), "element": element}


def _whole(element: Mapping[str, Any]) -> bool:
    """Ids, values and links are opaque: a cut one would name something else, so a button with a longer one goes."""
    sizes = (("action_id", ID), ("value", VALUE), ("url", URL))
    return all(len(str(element.get(name, ""))) <= limit for name, limit in sizes)


def _button(element: dict[str, Any]) -> dict[str, Any]:
    if isinstance(element.get("text"), Mapping):
        element["text"] = _text(element["text"], BUTTON)
    if element.get("style", "primary") not in ("primary", "danger"):
        del element["style"]
    return element


def _menu(element: dict[str, Any]) -> dict[str, Any]:
    """An overflow menu: five lines; one whose value is too long goes, like a button."""
    whole = [option for option in element["options"] if len(str(option["value"])) <= LINE_VALUE][:LINES]
    return element | {"options": [{**option, "text": _text(option["text"], BUTTON)} for option in whole]}


def _text(text: Mapping[str, Any], limit: int) -> dict[str, Any]:
    return {**text, "text": cut(str(text["text"]), limit)}
