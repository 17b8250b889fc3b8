"""Pure translation between Slack's payloads and ours (docs.slack.dev: interaction payloads, Events API, commands)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage
from connectors.slack.limits import MESSAGE_TEXT, cut, fit
from domain.errors import InvalidPayloadError
from domain.people import ChannelName
from domain.values import Json

EVENT_TYPE = "mos_message"
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_HUMAN_SUBTYPES = {"", "file_share", "thread_broadcast"}


@dataclass(frozen=True)
class Callback:
    """A callback's kind (`block_actions`, `view_submission`, `event_callback`, `command` ...), whose
    it is, and its payload."""

    kind: str
    team: str
    app: str
    data: Mapping[str, Any]


def metadata(key: str) -> dict[str, Json]:
    """The mark by which `find` recognises a message: other apps' events never carry our event type and key."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def marked(message: Mapping[str, Any], key: str) -> bool:
    mark = message.get("metadata")
    if not isinstance(mark, Mapping) or mark.get("event_type") != EVENT_TYPE:
        return False
    return _child(mark, "event_payload").get("key") == key


def post(message: ChannelMessage) -> dict[str, Any]:
    """`text` and `blocks` of a message within Slack's limits. Raises InvalidPayloadError when there is neither."""
    blocks = message.payload.get("blocks") or []
    text = message.payload.get("text") or ""
    if not isinstance(text, str) or not isinstance(blocks, list) or not (text or blocks):
        raise InvalidPayloadError("A Slack message needs a text or blocks.", code="slack.no_text")
    try:
        fitted = fit(blocks)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidPayloadError("The blocks are not Block Kit.", detail=repr(error), code="slack.blocks") from error
    return {"text": cut(text, MESSAGE_TEXT), "blocks": fitted}


def parse(request: CallbackRequest) -> Callback:
    """What kind of callback these bytes are. Raises InvalidPayloadError."""
    try:
        if "json" in request.headers.get("content-type", ""):
            return _event(_object(json.loads(request.body)))
        form = parse_qs(
            request.body.decode(), keep_blank_values=True, strict_parsing=bool(request.body), max_num_fields=200
        )
        fields = {name: values[0] for name, values in form.items()}
        if "payload" in fields:
            return _interaction(_object(json.loads(fields["payload"])))
    except (ValueError, RecursionError) as error:
        raise InvalidPayloadError(
            "Slack's callback cannot be read.", detail=str(error), code="slack.callback"
        ) from error
    if fields.get("ssl_check"):
        return Callback("ssl_check", "", "", fields)
    return Callback("command", fields.get("team_id", ""), fields.get("api_app_id", ""), fields)


def inbound(callback: Callback, origins: list[str]) -> list[InboundMessage]:
    """What a person did: presses, a submitted form, a text to the app, a command. Everything else is nothing."""
    readers = {"block_actions": _presses, "view_submission": _form, "event_callback": _said, "command": _command}
    reader = readers.get(callback.kind)
    try:
        return reader(callback, origins) if reader else []
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidPayloadError(
            "Slack's callback lacks a part.", detail=repr(error), code="slack.callback"
        ) from error


def moment(ts: Any) -> datetime | None:
    """Slack's `1548426417.840180` as aware UTC."""
    return datetime.fromtimestamp(float(ts), UTC) if isinstance(ts, str) and _TS.fullmatch(ts) else None


def _event(data: Mapping[str, Any]) -> Callback:
    return Callback(str(data.get("type", "")), str(data.get("team_id", "")), str(data.get("api_app_id", "")), data)


def _interaction(data: Mapping[str, Any]) -> Callback:
    team = _child(data, "team").get("id") or ""
    return Callback(str(data.get("type", "")), str(team), str(data.get("api_app_id", "")), data)


def _presses(callback: Callback, origins: list[str]) -> list[InboundMessage]:
    """One message a pressed button. Choosing in a menu is not yet an answer, and a link button carries no value."""
    data = callback.data
    user, values = data["user"]["id"], flatten(_child(_child(data, "state"), "values"))
    place = {"channel": _child(data, "channel").get("id", ""), "ts": _child(data, "message").get("ts", "")}
    press = str(data.get("trigger_id") or f"{place['channel']}:{place['ts']}")
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=":".join(
                ["slack", callback.team, user, press, action["action_id"], str(action.get("action_ts", ""))]
            ),
            address=user,
            verb=action["action_id"],
            task=action["value"],
            fields=values,
            occurred_at=moment(action.get("action_ts")),
            reply_to=place | _answer_url(data, origins),
        )
        for action in data["actions"]
        if action.get("type") == "button" and action.get("value")
    ]


def _form(callback: Callback, origins: list[str]) -> list[InboundMessage]:
    data, view = callback.data, callback.data["view"]
    user = data["user"]["id"]
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=":".join(["slack", callback.team, user, "view", view["id"], str(view.get("hash", ""))]),
            address=user,
            verb=str(view.get("callback_id", "")),
            task=str(view.get("private_metadata", "")),
            fields=flatten(_child(_child(view, "state"), "values")),
            reply_to={"view": view["id"]},
        )
    ]


def _said(callback: Callback, origins: list[str]) -> list[InboundMessage]:
    """A direct message that a person wrote to the app; not the app's own, an edit or a notice."""
    event = callback.data["event"]
    human = not event.get("bot_id") and event.get("subtype", "") in _HUMAN_SUBTYPES
    if event.get("type") != "message" or event.get("channel_type") != "im" or not human or not event.get("user"):
        return []
    place = {name: event[name] for name in ("channel", "ts", "thread_ts") if event.get(name)}
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=f"slack:{callback.team}:event:{callback.data['event_id']}",
            address=event["user"],
            text=unescape(event.get("text") or ""),
            occurred_at=moment(event.get("ts")),
            reply_to=place,
        )
    ]


def _command(callback: Callback, origins: list[str]) -> list[InboundMessage]:
    form = callback.data
    user, trigger = form["user_id"], form["trigger_id"]
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=f"slack:{callback.team}:{user}:command:{trigger}",
            address=user,
            verb="command",
            text=unescape(form.get("text", "")),
            reply_to={"channel": form.get("channel_id", ""), "command": form["command"]} | _answer_url(form, origins),
        )
    ]


def flatten(state: Mapping[str, Any]) -> dict[str, Json]:
    """`state.values` by action id without empty inputs; an action id used in two blocks is kept as `block.action`."""
    values: dict[str, Json] = {}
    for block, actions in state.items():
        for action, element in actions.items():
            value = _value(element)
            if value is not None:
                values[f"{block}.{action}" if action in values else action] = value
    return values


def _value(element: Mapping[str, Any]) -> Json:
    if isinstance(element.get("selected_options"), list):
        return [option["value"] for option in element["selected_options"]]
    if isinstance(element.get("selected_option"), Mapping):
        return element["selected_option"]["value"]
    names = ("value", "selected_date", "selected_time", "selected_user")
    plain = next((element[name] for name in names if element.get(name)), None)
    return unescape(plain) if isinstance(plain, str) else plain


def unescape(text: str) -> str:
    """Slack escapes these three in what people type; our texts are plain until a template escapes them again."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _answer_url(data: Mapping[str, Any], origins: list[str]) -> dict[str, Json]:
    """The response_url only when it leads to Slack: the payload could name any host."""
    url = data.get("response_url")
    if not isinstance(url, str):
        return {}
    parts = urlsplit(url)
    return {"response_url": url} if f"{parts.scheme}://{parts.netloc}" in origins else {}


def _child(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
