"""A Slack in this process (posting, updating, opening conversations, history) and signed callbacks."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from connectors.roles import CallbackRequest, ChannelMessage
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackChannel, build
from domain.values import Json
from tests.conformance.channel.recorder import HASTY_S, PATIENT_S, Call, Fault, Recorder, served

TOKEN, SECRET, TEAM, APP, USER = "xoxb-very-secret-token", "signing-secret-of-the-app", "T01TEAM", "A01APP", "U01JANA"
TS = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@dataclass
class Workspace:
    """Messages by channel, newest last."""

    messages: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    users: dict[str, dict[str, Json]] = field(default_factory=dict)
    views: list[dict[str, Json]] = field(default_factory=list)  # every view shown: `how` and `view`
    whispers: list[dict[str, Json]] = field(default_factory=list)

    def answer(self, call: Call) -> tuple[int, Json]:
        methods = {"chat.postMessage": self.post, "chat.update": self.update, "conversations.open": self.open}
        methods |= {"conversations.history": self.history, "conversations.replies": self.replies}
        methods |= {"users.info": self.user, "chat.postEphemeral": self.whisper}
        methods |= {f"views.{how}": partial(self.view, how) for how in ("open", "push", "update", "publish")}
        arguments = {**call.query, **call.data}
        if call.path.startswith("/response/"):
            return 200, self.whisper(arguments)
        return 200, {"ok": True, **methods[call.path.rsplit("/", 1)[1]](arguments)}

    def open(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        return {"channel": {"id": "D0" + arguments["users"]}}

    def post(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        posted = self.messages.setdefault(arguments["channel"], [])
        ts = f"{datetime.now(UTC).timestamp():.0f}.{len(posted):06d}"
        posted.append(
            {"ts": ts, **{name: arguments[name] for name in ("text", "blocks", "metadata") if name in arguments}}
        )
        return {"ts": ts, "channel": arguments["channel"], "message": {"ts": ts}}

    def user(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        return {"user": {"id": arguments["user"], "deleted": False, **self.users.get(arguments["user"], {})}}

    def whisper(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        self.whispers.append(dict(arguments))
        return {"message_ts": "1.1"}

    def view(self, how: str, arguments: Mapping[str, Any]) -> dict[str, Json]:
        view = arguments["view"]
        self.views.append({**arguments, "how": how, "view": json.loads(view) if isinstance(view, str) else view})
        return {"view": {"id": arguments.get("view_id", f"V{len(self.views)}"), "hash": f"h{len(self.views)}"}}

    def replies(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        found = [
            item for item in self.messages.get(arguments["channel"], []) if item.get("thread_ts") == arguments["ts"]
        ]
        return {"messages": found}

    def update(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        found = next(item for item in self.messages[arguments["channel"]] if item["ts"] == arguments["ts"])
        found.update({name: arguments[name] for name in ("text", "blocks", "metadata") if name in arguments})
        return {"ts": arguments["ts"], "channel": arguments["channel"], "text": found["text"]}

    def history(self, arguments: Mapping[str, Any]) -> dict[str, Json]:
        """Two a page, newest first; metadata only when asked for."""
        newest = [
            item
            for item in reversed(self.messages.get(arguments["channel"], []))
            if item["ts"] >= arguments["oldest"] and "thread_ts" not in item
        ]
        start = int(arguments.get("cursor") or 0)
        page = [dict(item) for item in newest[start : start + 2]]
        if str(arguments.get("include_all_metadata")) not in ("1", "true"):
            page = [{name: item[name] for name in item if name != "metadata"} for item in page]
        more = str(start + 2) if len(newest) > start + 2 else ""
        return {"messages": page, "has_more": bool(more), "response_metadata": {"next_cursor": more}}


def refuse(fault: Fault) -> web.Response:
    """Slack refuses with HTTP 200 and ok false, but for the rate limit."""
    if fault is Fault.REFUSED_RATE:
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"})
    error = "invalid_auth" if fault is Fault.REFUSED_AUTH else "channel_not_found"
    return web.json_response({"ok": False, "error": error})


def config(api_base: str, **more: Json) -> SlackConfig:
    settings = {"bot_token": TOKEN, "signing_secret": SECRET, "team_id": TEAM, "app_id": APP, "api_base": api_base}
    return SlackConfig.model_validate({**settings, "timeout": PATIENT_S, "connect_timeout": PATIENT_S, **more})


def signed(
    body: bytes,
    kind: str = "application/x-www-form-urlencoded",
    *,
    at: datetime = TS,
    received: datetime = TS,
    secret: str = SECRET,
) -> CallbackRequest:
    """docs.slack.dev, verifying requests: v0 = HMAC-SHA256(secret, v0:<timestamp>:<raw body>)."""
    stamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={mac}"}
    return CallbackRequest(
        "/slack/interactivity", "https://mos.example.com/slack/interactivity", headers, body, received
    )


def interaction(payload: Mapping[str, Json]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def pressed(**changes: Json) -> dict[str, Json]:
    """A block_actions payload as Slack's documentation shows it."""
    payload: dict[str, Json] = {
        "type": "block_actions",
        "user": {"id": USER, "username": "jana", "name": "jana", "team_id": TEAM},
        "api_app_id": APP,
        "token": "deprecated",
        "container": {"type": "message", "message_ts": "1764000000.000100", "channel_id": "D01", "is_ephemeral": False},
        "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
        "team": {"id": TEAM, "domain": "havel"},
        "channel": {"id": "D01", "name": "directmessage"},
        "message": {"type": "message", "ts": "1764000000.000100", "text": "Lathe 1 is down"},
        "state": {
            "values": {
                "input:cause": {"cause": {"type": "plain_text_input", "value": "belt &amp; <!channel>"}},
                "input:estimate": {"estimate": {"type": "plain_text_input", "value": None}},
            }
        },
        "response_url": "https://hooks.slack.com/actions/T01TEAM/1/x",
        "actions": [
            {
                "action_id": "done",
                "block_id": "answers",
                "type": "button",
                "value": "tsk_1:2",
                "text": {"type": "plain_text", "text": "Done"},
                "action_ts": "1764000001.123456",
            }
        ],
    }
    return {**payload, **changes}


@dataclass
class SlackLab:
    """See tests.conformance.channel.suite.Lab."""

    patient: SlackChannel
    hasty: SlackChannel
    workspace: Workspace
    recorder: Recorder
    secrets: list[str] = field(default_factory=lambda: [TOKEN, SECRET])

    @property
    def channel(self) -> SlackChannel:
        return self.hasty if Fault.SILENT in self.recorder.faults else self.patient

    def message(self, key: str, text: str = "Lathe 1 is down") -> ChannelMessage:
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
        return ChannelMessage(key, USER, {"text": text, "blocks": blocks})

    def delivered(self) -> list[str]:
        return [str(item["text"]) for items in self.workspace.messages.values() for item in items]

    def fail(self, *faults: Fault) -> None:
        self.recorder.faults.extend(faults)

    def unreachable(self) -> SlackChannel:
        return build(config("http://127.0.0.1:1/api/"))

    def press(self) -> CallbackRequest:
        return signed(interaction(pressed()))

    def elsewhere(self) -> list[CallbackRequest]:
        other_team = signed(interaction(pressed(team={"id": "T09OTHER", "domain": "x"})))
        other_app = signed(interaction(pressed(api_app_id="A09OTHER")))
        no_team = signed(interaction(pressed(team=None)))
        other_secret = signed(interaction(pressed()), secret="another app's secret")
        return [other_team, other_app, no_team, other_secret]


@asynccontextmanager
async def slack_lab() -> AsyncIterator[SlackLab]:
    workspace = Workspace()
    recorder = Recorder(workspace.answer, lambda call: call.path.endswith("chat.postMessage"), refuse)
    async with served(recorder):
        url = recorder.url + "/api/"
        patient, hasty = build(config(url)), build(config(url, timeout=HASTY_S))
        yield SlackLab(patient, hasty, workspace, recorder)
        await patient.close()
        await hasty.close()
