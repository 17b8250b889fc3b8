"""Texts inside Slack's JSON: every printed value is escaped for mrkdwn and for a JSON string, unless a filter did so.

Slack decodes `&amp; &lt; &gt;` in every text object; anything else between `<` and `>` links, mentions or broadcasts.
"""

import json
from typing import Any

from templates.sandbox import plain

ELLIPSIS = "…"
EMPTY = "-"


class Ready(str):
    """Already escaped for mrkdwn."""

    __slots__ = ()


class Literal(str):
    """Already JSON."""

    __slots__ = ()


def escape(text: str) -> str:
    """The three characters that Slack reads, and control characters away."""
    clean = "".join(char for char in text if char == "\n" or char.isprintable() or char == "\u200d")
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(value: Any, limit: int) -> Ready:
    """Escaped, at most `limit` characters, never ending within an entity; `-` for nothing, which Slack refuses."""
    text = value if isinstance(value, Ready) else escape(plain(value))
    if len(text) <= limit:
        return Ready(text or EMPTY)
    kept = text[: limit - 1]
    start = kept.rfind("&")
    if start >= 0 and ";" not in kept[start:]:
        kept = kept[:start]
    return Ready(kept.rstrip() + ELLIPSIS)


def link(url: str, label: str) -> Ready:
    """`<url|label>` with both parts escaped; a URL that is not http(s) becomes its label."""
    if not url.startswith(("https://", "http://")):
        return Ready(escape(label))
    target = escape(url).replace("|", "%7C")
    return Ready(f"<{target}|{escape(label).replace('|', '/')}>")


def raw(value: Any) -> Ready:
    """For opaque ids in `value`, `action_id` and `block_id`: not text, so not escaped."""
    return Ready(plain(value))


def to_json(value: Any) -> Literal:
    """A JSON value whose texts are escaped."""
    return Literal(json.dumps(_escaped(value), ensure_ascii=False))


def fields(facts: list[dict[str, str]]) -> Literal:
    """Facts as the `fields` of a section: at most 10 of 2,000 characters (Block Kit)."""
    texts = [f"*{short(fact['label'], 200)}*\n{short(fact['value'], 1700)}" for fact in facts[:10]]
    return Literal(json.dumps([{"type": "mrkdwn", "text": text} for text in texts], ensure_ascii=False))


def encode(value: Any) -> str:
    """What the sandbox prints for a value: the inside of a JSON string."""
    if isinstance(value, Literal):
        return value
    text = value if isinstance(value, Ready) else escape(plain(value))
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return escape(value) if isinstance(value, str) and not isinstance(value, Ready) else value
