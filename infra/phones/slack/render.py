"""What a person reads and can touch: plain text, buttons and inputs of a message or view."""

import re
from typing import Any

from infra.phones.slack.blocks import elements_of, options_of
from infra.phones.slack.inputs import state_values
from infra.phones.state import Json, Message

_LINK = re.compile(r"<(?:(?:https?|mailto):[^|>]*\|([^>]*)|((?:https?|mailto):[^>]*)|[@#!]([^|>]*)(?:\|([^>]*))?)>")


def shown_text(message: Message) -> str:
    """All text of a message as a person reads it, a line for each block."""
    blocks = list(message.blocks)
    for attachment in message.attachments:
        blocks += attachment.get("blocks", [])
    lines = [line for block in blocks for line in block_lines(block)]
    lines += [readable(a["text"]) for a in message.attachments if a.get("text")]
    return "\n".join(lines) if lines else readable(message.text)


def block_lines(block: Json) -> list[str]:
    """The lines of one block, without its buttons."""
    kind = block["type"]
    if kind == "section":
        parts = [block["text"]] if "text" in block else []
        return [_text(part) for part in parts + block.get("fields", [])]
    if kind == "header":
        return [_text(block["text"])]
    if kind == "markdown":
        return [str(block["text"])]
    if kind == "context":
        return [_text(e) for e in block["elements"] if e["type"] != "image"]
    if kind == "input":
        return [_text(block["label"])]
    return _leaves(block) if kind == "rich_text" else []


def buttons(blocks: list[Json]) -> list[Json]:
    """Everything that can be pressed or chosen outside an input block."""
    found = []
    for block in blocks:
        for _, element in elements_of(block) if block["type"] != "input" else []:
            if element["type"] == "image":
                continue
            entry: Json = {
                name: element[name] for name in ("action_id", "type", "value", "url", "style") if name in element
            }
            entry["block_id"] = block["block_id"]
            entry["text"] = _text(element["text"]) if "text" in element else ""
            entry["options"] = [{"value": o["value"], "text": _text(o["text"])} for o in options_of(element)]
            found.append(entry)
    return found


def inputs(blocks: list[Json], kept: Json | None = None) -> list[Json]:
    """The input blocks: label, type, options and what is entered now."""
    values = state_values(blocks, {}, kept)
    found = []
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        options = [{"value": o["value"], "text": _text(o["text"])} for o in options_of(element)]
        entry = {"block_id": block["block_id"], "action_id": element["action_id"], "type": element["type"]}
        entry |= {"label": _text(block["label"]), "optional": bool(block.get("optional")), "options": options}
        found.append(entry | {"entered": values[block["block_id"]][element["action_id"]]})
    return found


def readable(text: str) -> str:
    """mrkdwn text as it reads: links by their label, entities decoded."""
    shown = _LINK.sub(lambda m: m[1] or m[2] or m[4] or m[3] or "", text)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _text(part: Json) -> str:
    return readable(part["text"]) if part["type"] == "mrkdwn" else str(part["text"])


def _leaves(value: Any) -> list[str]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    if isinstance(value, dict):
        own = [str(value["text"])] if isinstance(value.get("text"), str) else []
        return own + _leaves(value.get("elements", []))
    return []
