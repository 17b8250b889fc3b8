"""One Web API call as Slack reads it: body format, token, scopes and the arguments of `specs/slack_methods.json`."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from infra.phones.records import Kind
from infra.phones.state import Json, State

_SPEC_FILE = Path(__file__).parents[1] / "specs" / "slack_methods.json"
_FORM = ("application/x-www-form-urlencoded", "multipart/form-data")
# Arguments that hold JSON, as text in a form and as text or value in a JSON body, with the error for text that is not.
_STRUCTURED = {
    "blocks": "invalid_blocks_format",
    "attachments": "invalid_attachments",
    "unfurled_attachments": "invalid_attachments",
    "metadata": "invalid_metadata_format",
    "view": "invalid_arguments",
    "message": "invalid_arguments",
}
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


class SlackRefusal(Exception):
    """Slack says no: `{"ok": false, "error": ...}`, with `response_metadata.messages` when there are any."""

    def __init__(self, error: str, *messages: str, kind: Kind = "request", status: int = 200, **extra: str) -> None:
        super().__init__(error)
        self.error, self.messages, self.kind, self.status, self.extra = error, messages, kind, status, extra

    def body(self) -> Json:
        """The JSON answer."""
        answer: Json = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            answer["response_metadata"] = {"messages": list(self.messages)}
        return answer


@dataclass
class SlackCall:
    """A call that passed the general checks; `args` are typed values without the token."""

    method: str
    state: State
    args: Json = field(default_factory=dict)

    def need(self, scope: str) -> None:
        """Refuse with missing_scope unless the app was granted `scope`."""
        granted = self.state.config.slack.scopes
        if scope not in granted:
            raise SlackRefusal("missing_scope", needed=scope, provided=",".join(granted))

    def text(self, name: str) -> str:
        """A text argument, empty when absent."""
        value = self.args.get(name)
        return value if isinstance(value, str) else ""


@cache
def methods() -> Json:
    """The method table."""
    loaded: Json = json.loads(_SPEC_FILE.read_text(encoding="utf-8"))
    return loaded


async def read_call(method: str, request: Request, state: State) -> SlackCall:
    """Check and type a request; raises SlackRefusal."""
    spec = methods().get(method)
    if spec is None:
        raise SlackRefusal("unknown_method", req_method=method)
    given = await _read_arguments(request, spec)
    token = _token(request, given)
    call = SlackCall(method, state)
    if "token" in spec["required"]:
        _check_token(token, method, state)
        _check_scopes(call, spec)
    call.args = _typed(given.values, spec, is_json=given.is_json)
    return call


@dataclass
class _Given:
    values: Json
    is_json: bool


async def _read_arguments(request: Request, spec: Json) -> _Given:
    values: Json = dict(parse_qsl(request.url.query, keep_blank_values=True))
    values.pop("token", None)  # Slack no longer takes a token from the query string
    if request.method != "POST" or not (body := await request.body()):
        return _Given(values, False)
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not content_type:
        raise SlackRefusal("missing_post_type")
    if content_type == "application/json":
        return _Given(values | (_json_body(body) if spec["json"] else {}), bool(spec["json"]))
    if content_type not in _FORM:
        raise SlackRefusal("invalid_post_type")
    return _Given(values | {k: v for k, v in (await request.form()).items() if isinstance(v, str)}, False)


def _json_body(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        raise SlackRefusal("invalid_json") from None
    if not isinstance(value, dict):
        raise SlackRefusal("json_not_object")
    return value


def _token(request: Request, given: _Given) -> str:
    in_body = given.values.pop("token", "")
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return "" if given.is_json else str(in_body)


def _check_token(token: str, method: str, state: State) -> None:
    if not token:
        raise SlackRefusal("not_authed")
    slack = state.config.slack
    if token not in (slack.bot_token, slack.app_token):
        raise SlackRefusal("invalid_auth")
    if (token == slack.app_token) != (method == "apps.connections.open"):  # the one call of an app-level token
        raise SlackRefusal("not_allowed_token_type")


def _check_scopes(call: SlackCall, spec: Json) -> None:
    accepted = spec["scope"].get("bot", [])
    if accepted and not set(accepted) & set(call.state.config.slack.scopes):
        call.need(accepted[0] if len(accepted) == 1 else ",".join(accepted))


def _typed(values: Json, spec: Json, *, is_json: bool) -> Json:
    problems: list[str] = []
    for name in values:
        if name not in spec["args"]:
            raise SlackRefusal("invalid_arg_name", f"[ERROR] unknown argument: {name}")
    for name in spec["required"]:
        if name != "token" and values.get(name) is None:
            problems.append(f"[ERROR] missing required field: {name}")
    if problems:
        raise SlackRefusal("invalid_arguments", *problems)
    typed = {name: _value(name, value, spec["args"][name], is_json) for name, value in values.items()}
    return {name: value for name, value in typed.items() if value is not None}


def _value(name: str, value: Any, spec: Json, is_json: bool) -> Any:
    if name in _STRUCTURED:
        return _structured(name, value)
    kinds = {spec.get("type")} | {choice.get("type") for choice in spec.get("anyOf", [])} - {None}
    value = value if is_json else _from_form(value, kinds)
    if value is None:
        if "null" in kinds:
            return None
        raise _wrong(name, "must not be null")
    if isinstance(value, list) and "array" not in kinds:
        raise SlackRefusal("invalid_array_arg", f"[ERROR] must not be an array [json-pointer:/{name}]")
    if not any(_is_a(value, kind) for kind in kinds | ({"string"} if "schema" in spec else set()) if kind):
        raise _wrong(name, f"must be a {'/'.join(sorted(k for k in kinds if k)) or 'string'}")
    return _within(name, value, spec)


def _within(name: str, value: Any, spec: Json) -> Any:
    allowed = [v for choice in [spec, *spec.get("anyOf", [])] for v in choice.get("enum", [])]
    if allowed and value not in allowed:
        raise _wrong(name, f"must be one of {', '.join(map(repr, allowed))}")
    if isinstance(value, int) and not spec.get("minimum", value) <= value <= spec.get("maximum", value):
        raise _wrong(name, "value out of range")
    if isinstance(value, str) and len(value) > spec.get("maxLength", len(value)):
        raise _wrong(name, f"must be less than {spec['maxLength'] + 1} characters")
    return value


def _structured(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError:
        raise SlackRefusal(_STRUCTURED[name], f"[ERROR] not valid JSON [json-pointer:/{name}]") from None


def _from_form(value: Any, kinds: set[Any]) -> Any:
    if "boolean" in kinds and value in _BOOLEANS:
        return _BOOLEANS[value]
    if kinds & {"integer", "number"} and re.fullmatch(r"-?\d+", value):
        return int(value)
    if "array" in kinds:
        return value.split(",")
    return value


def _is_a(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        return isinstance(value, int) and not isinstance(value, bool)
    python_type = {"string": str, "array": list, "object": dict}.get(kind)
    return python_type is not None and isinstance(value, python_type)


def _wrong(name: str, problem: str) -> SlackRefusal:
    return SlackRefusal("invalid_arguments", f"[ERROR] {problem} [json-pointer:/{name}]")
