"""The Slack Web API on the wire: POST or GET /slack/api/<method>."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from infra.phones.faults import Dropped, Fault, Orders
from infra.phones.rates import Rates
from infra.phones.records import Records
from infra.phones.slack import chat as slack_chat
from infra.phones.slack import lookups as slack_lookups
from infra.phones.slack import views as slack_views
from infra.phones.slack.call import SlackCall, SlackRefusal, methods, read_call
from infra.phones.slack.sockets import SlackSockets
from infra.phones.slack.workspace import Workspace
from infra.phones.state import Json

_CONNECT = "apps.connections.open"
_HANDLERS: dict[str, Callable[[SlackCall, Workspace], Json]] = {
    "api.test": slack_lookups.api_test,
    "auth.test": slack_lookups.auth_test,
    "blocks.validate": slack_lookups.blocks_validate,
    "chat.postMessage": slack_chat.post_message,
    "chat.postEphemeral": slack_chat.post_ephemeral,
    "chat.update": slack_chat.update,
    "chat.delete": slack_chat.delete,
    "chat.getPermalink": slack_chat.get_permalink,
    "conversations.open": slack_lookups.conversations_open,
    "conversations.info": slack_lookups.conversations_info,
    "conversations.list": slack_lookups.conversations_list,
    "conversations.history": slack_lookups.conversations_history,
    "conversations.replies": slack_lookups.conversations_replies,
    "users.info": slack_lookups.users_info,
    "users.list": slack_lookups.users_list,
    "users.lookupByEmail": slack_lookups.users_lookup_by_email,
    "views.open": slack_views.open_view,
    "views.push": slack_views.push_view,
    "views.update": slack_views.update_view,
    "views.publish": slack_views.publish_view,
}


class SlackApi:
    """Slack's side of the Web API: check, limit, do, answer, and record each refusal."""

    def __init__(self, workspace: Workspace, sockets: SlackSockets, orders: Orders, records: Records) -> None:
        self.workspace, self.sockets, self.orders, self.records = workspace, sockets, orders, records
        self.rates = Rates()
        self.router = APIRouter()
        self.router.add_api_route("/slack/api/{method}", self.handle, methods=["GET", "POST"])

    async def handle(self, method: str, request: Request) -> Response:
        """Answer one call, with the faults that were ordered for it."""
        faults = self.orders.take_faults("slack", method)
        for delay in (f for f in faults if f.kind == "delay"):
            await asyncio.sleep(delay.seconds)
        failure = next((f for f in faults if f.kind != "delay"), None)
        if failure and failure.kind != "drop_after":
            self.records.call("slack", method, _status(failure), fault=failure.kind)
            return _failed(failure)
        response = await self._answer(method, request, failure)
        return Dropped() if failure else response

    async def _answer(self, method: str, request: Request, fault: Fault | None) -> Response:
        name = fault.kind if fault else None
        try:
            call = await read_call(method, request, self.workspace.state)
            self._limit(call)
            body = self._socket_url() if method == _CONNECT else _HANDLERS[method](call, self.workspace)
        except SlackRefusal as refusal:
            self.records.violation("slack", method, refusal.kind, refusal.error, *refusal.messages)
            self.records.call("slack", method, refusal.status, refusal.error, name)
            headers = {"Retry-After": refusal.extra.pop("retry_after")} if refusal.status == 429 else None
            return JSONResponse(refusal.body(), refusal.status, headers)
        self.records.call("slack", method, 200, fault=name)
        return JSONResponse(body)

    def _socket_url(self) -> Json:
        return {"ok": True, "url": self.sockets.url()}

    def _limit(self, call: SlackCall) -> None:
        """Refuse with 429 when the method, or for posts the channel, is called too fast."""
        limits = self.workspace.state.config.slack.limits
        tier = methods()[call.method]["rate_limits"] or "t5"
        per_minute = limits.calls_per_minute.get(tier, 600.0)
        wait = self.rates.take(call.method, per_minute / 60, per_minute)
        if wait is None and call.method == "chat.postMessage":
            channel = self.workspace.find(call.text("channel")).id
            wait = self.rates.take(f"post to {channel}", limits.posts_per_second, limits.post_burst)
        if wait is not None:
            raise SlackRefusal("ratelimited", kind="rate", status=429, retry_after=str(wait))


def _status(fault: Fault) -> int:
    return {"rate_limit": 429, "server_error": 500}.get(fault.kind, 0)


def _failed(fault: Fault) -> Response:
    if fault.kind == "drop_before":
        return Dropped()
    if fault.kind == "rate_limit":
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(fault.retry_after)})
    return JSONResponse({"ok": False, "error": "internal_error"}, 500)
