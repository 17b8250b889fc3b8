"""Pure translation from our messages to Slack's (docs.slack.dev: chat.postMessage, message metadata)."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.roles import ChannelMessage
from connectors.slack.callbacks import child
from connectors.slack.limits import MESSAGE_TEXT, VIEW_BLOCKS, cut, fit
from domain.errors import InvalidPayloadError
from domain.values import Json

EVENT_TYPE = "mos_message"
_TS = re.compile(r"\d{1,12}\.\d{1,9}")


def metadata(key: str) -> dict[str, Json]:
    """The mark by which `find` recognises a message: other apps' events never carry our event type and key."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def marked(message: Mapping[str, Any], key: str) -> bool:
    mark = message.get("metadata")
    if not isinstance(mark, Mapping) or mark.get("event_type") != EVENT_TYPE:
        return False
    return child(mark, "event_payload").get("key") == key


def post(message: ChannelMessage) -> dict[str, Any]:
    """`text` and `blocks` of a message within Slack's limits. Raises InvalidPayloadError when there is neither."""
    return content(message.payload)


def content(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same of any text with blocks."""
    blocks, text = payload.get("blocks") or [], payload.get("text") or ""
    if not isinstance(text, str) or not isinstance(blocks, list) or not (text or blocks):
        raise InvalidPayloadError("A Slack message needs a text or blocks.", code="slack.no_text")
    try:
        fitted = fit(blocks)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidPayloadError("The blocks are not Block Kit.", detail=repr(error), code="slack.blocks") from error
    return {"text": cut(text, MESSAGE_TEXT), "blocks": fitted}


def view(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A modal or home tab within Slack's limits."""
    return {**shown, "blocks": fit(list(shown["blocks"]), VIEW_BLOCKS)}


def thread(message: ChannelMessage) -> str:
    """The `ts` of the message whose thread this one goes into (payload `thread_ts`); empty for a message of its own."""
    ts = message.payload.get("thread_ts")
    return ts if isinstance(ts, str) and _TS.fullmatch(ts) else ""
