"""What kind of callback some bytes or an envelope are (docs.slack.dev: interaction payloads, Events API, commands)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from connectors.roles import CallbackRequest
from domain.errors import InvalidPayloadError

_ENVELOPES = ("interactive", "events_api", "slash_commands")


@dataclass(frozen=True)
class Callback:
    """A callback's kind (`block_actions`, `view_submission`, `event_callback`, `command` ...), whose
    it is, and its payload."""

    kind: str
    team: str
    app: str
    data: Mapping[str, Any]


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
    return _command(fields)


def unwrap(kind: str, payload: Mapping[str, Any]) -> Callback:
    """The same callback out of a Socket Mode envelope of this type. Raises InvalidPayloadError."""
    if kind not in _ENVELOPES or not isinstance(payload, Mapping):
        raise InvalidPayloadError("Slack's envelope cannot be read.", detail=kind, code="slack.callback")
    return {"interactive": _interaction, "events_api": _event, "slash_commands": _command}[kind](payload)


def child(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of this name; empty when it is none."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def _event(data: Mapping[str, Any]) -> Callback:
    return Callback(str(data.get("type", "")), str(data.get("team_id", "")), str(data.get("api_app_id", "")), data)


def _interaction(data: Mapping[str, Any]) -> Callback:
    team = child(data, "team").get("id") or ""
    return Callback(str(data.get("type", "")), str(team), str(data.get("api_app_id", "")), data)


def _command(data: Mapping[str, Any]) -> Callback:
    return Callback("command", str(data.get("team_id", "")), str(data.get("api_app_id", "")), data)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
