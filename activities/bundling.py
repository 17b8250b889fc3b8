"""Several messages to one person as one: what may go together, and what it then looks like. Pure."""

from collections.abc import Callable, Mapping, Sequence

from domain.rosters.contacts import is_urgent
from domain.rosters.people import ChannelName
from domain.values import Json
from store.tables import OutboxRow
from templates.gsm import segments

_TELLS = ("notify", "update")
_ASKS = ("task", "approve")
_ONE_TEXT = 2  # segments that several prompts together may take
_BLOCKS, _TEXT = 50, 3_500  # Slack's limit of a message, and well below that of its text
_GAP = "\n\n"

Payload = Mapping[str, Json]


def company(head: OutboxRow, behind: Sequence[OutboxRow], render: Callable[[OutboxRow], Payload]) -> list[OutboxRow]:
    """Which of the messages behind `head` in its conversation (the oldest first) go with it. The first that may not
    ends the list, so the order stays. What was tried before goes alone: it may have arrived."""
    if head.attempts or head.state != "pending" or not _may(head, head):
        return []
    chosen, parts = list[OutboxRow](), [render(head)]
    for row in behind:
        if not _may(row, head) or merged([*parts, render(row)], head) is None:
            break
        chosen.append(row)
        parts.append(render(row))
    return chosen


def may_have_company(row: OutboxRow) -> bool:
    """Is it worth looking for others?"""
    return not row.attempts and row.state == "pending" and _may(row, row)


def _may(row: OutboxRow, head: OutboxRow) -> bool:
    """What only tells goes with its like; prompts only by SMS, each with its code. Nothing urgent waits for others."""
    if row.edits or row.attempts or is_urgent(row.priority) or row.channel not in ("slack", "sms"):
        return False
    if row.purpose in _TELLS:
        return head.purpose in _TELLS
    return row.purpose in _ASKS and head.purpose in _ASKS and row.channel == ChannelName.SMS.value


def merged(parts: Sequence[Payload], head: OutboxRow) -> dict[str, Json] | None:
    """One payload of these; None where it would be too long."""
    if len(parts) == 1:
        return dict(parts[0])
    return _text(parts) if head.channel == ChannelName.SMS.value else _blocks(parts)


def _text(parts: Sequence[Payload]) -> dict[str, Json] | None:
    body = _GAP.join(str(part["body"]) for part in parts)
    return {"body": body} if segments(body) <= _ONE_TEXT else None


def _blocks(parts: Sequence[Payload]) -> dict[str, Json] | None:
    blocks: list[Json] = []
    for place, part in enumerate(parts):
        blocks += [{"type": "divider"}] if place else []
        blocks += [_apart(block, place) for block in part["blocks"]]
    text = "\n".join(str(part["text"]) for part in parts)
    return {"text": text, "blocks": blocks} if len(blocks) <= _BLOCKS and len(text) <= _TEXT else None


def _apart(block: Json, place: int) -> Json:
    """A block's id is unique in its message."""
    return block | {"block_id": f"{block['block_id']}.{place}"} if place and "block_id" in block else block
