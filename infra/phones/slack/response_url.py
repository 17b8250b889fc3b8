"""response_url: five messages within half an hour, without a token."""

import json
import time

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from infra.phones.records import Records
from infra.phones.slack.call import SlackRefusal
from infra.phones.slack.chat import checked_content
from infra.phones.slack.workspace import Workspace, attachments_with_ids, with_ids
from infra.phones.state import Json, ResponseUrl

_KNOWN = {"text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "thread_ts"}
_KNOWN |= {"unfurl_links", "unfurl_media", "metadata"}


class SlackResponseUrls:
    """The address a callback carries for late answers."""

    def __init__(self, workspace: Workspace, records: Records) -> None:
        self.workspace, self.records = workspace, records
        self.router = APIRouter()
        self.router.add_api_route("/slack/actions/{team}/{secret}", self.handle, methods=["POST"])

    async def handle(self, team: str, secret: str, request: Request) -> Response:
        """Post, replace or delete the message the callback came from."""
        raw = await request.body()
        try:
            kept = self._use(secret)
            self._apply(kept, _parsed(raw))
        except SlackRefusal as refusal:
            self.records.violation("slack", "response_url", refusal.kind, refusal.error, *refusal.messages)
            self.records.call("slack", "response_url", refusal.status, refusal.error)
            return JSONResponse(refusal.body(), refusal.status)
        self.records.call("slack", "response_url", 200)
        return PlainTextResponse("ok")

    def _use(self, secret: str) -> ResponseUrl:
        kept = self.workspace.state.response_urls.get(secret)
        if kept is None:
            raise SlackRefusal("invalid_url", status=404)
        if time.time() > kept.expires_at:
            raise SlackRefusal("expired_url", status=404, kind="state")
        if kept.uses_left < 1:
            raise SlackRefusal("used_url", status=404, kind="state")
        kept.uses_left -= 1
        return self.workspace.state.response_urls.put(secret, kept)

    def _apply(self, kept: ResponseUrl, body: Json) -> None:
        original = self.workspace.message(kept.channel, kept.message_ts) if kept.message_ts else None
        if body.get("delete_original") and original:
            original.deleted = True
            self.workspace.save(original)
            return
        try:
            content = checked_content(body, with_metadata=True)
        except SlackRefusal as refusal:
            raise SlackRefusal(refusal.error, *refusal.messages, status=400) from None
        if body.get("replace_original") and original:
            original.text, original.blocks = content.get("text", ""), with_ids(content.get("blocks", []))
            original.attachments = attachments_with_ids(content.get("attachments", []))
            original.edited_ts = self.workspace.next_ts()
            self.workspace.save(original)
            return
        channel = self.workspace.find(kept.channel)
        only_for = None if body.get("response_type") == "in_channel" else kept.user
        author = self.workspace.state.config.slack.bot_user_id
        self.workspace.post(channel, author, content, only_for=only_for, thread_ts=body.get("thread_ts"))


def _parsed(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError:
        raise SlackRefusal("invalid_payload", status=400) from None
    if not isinstance(body, dict):
        raise SlackRefusal("invalid_payload", status=400)
    if unknown := sorted(body.keys() - _KNOWN):
        raise SlackRefusal("invalid_payload", f"[ERROR] unknown property: {', '.join(unknown)}", status=400)
    return body
