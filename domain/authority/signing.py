"""What a decision is bound to: the content that was shown, and what a signature says (21 CFR 11.50, 11.70). Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.asking.messages import Message
from domain.values import Json, content_hash, iso

_BINDING = ("definition", "exception_id", "step", "title", "body", "facts", "gaps", "options", "task")


def binding(message: Message) -> dict[str, Any]:
    """The same part as values of the model."""
    return {name: getattr(message, name) for name in (*_BINDING, "versions")}


def snapshot(message: Message) -> dict[str, Json]:
    """The part of a message on which people decide: the same on every channel, and with every language in which it may
    be read. `task` holds the task's id and version."""
    versions = {"versions"} if message.versions else set()
    return message.model_dump(mode="json", include={*_BINDING, *versions})


def shown_hash(message: Message) -> str:
    """SHA-256 of that part: what you see is what you sign."""
    return content_hash(snapshot(message))


def statement(
    *, task: str, verb: str, person: str, printed_name: str, meaning: str, method: str, shown: str, at: datetime
) -> dict[str, Json]:
    """Everything that a signature says. Its hash links it to the record: none of it can be exchanged."""
    return {
        "task": task,
        "verb": verb,
        "person": person,
        "printed_name": printed_name,
        "meaning": meaning,
        "method": method,
        "shown_hash": shown,
        "at": iso(at),
    }


def signature_hash(said: Mapping[str, Json]) -> str:
    return content_hash(dict(said))
