"""chat.*: posting, updating and deleting messages."""

from typing import Any

from infra.phones.slack.blocks import check_blocks, check_object, rules
from infra.phones.slack.call import SlackCall, SlackRefusal
from infra.phones.slack.workspace import Workspace, attachments_with_ids, with_ids
from infra.phones.state import Channel, Json, Message


def post_message(call: SlackCall, workspace: Workspace) -> Json:
    """chat.postMessage"""
    channel = workspace.writable(call.text("channel"))
    content = checked_content(call.args, with_metadata=True)
    _check_identity(call)
    thread = _thread(call, workspace, channel)
    message = workspace.post(channel, call.state.config.slack.bot_user_id, content, thread_ts=thread)
    wire = workspace.message_json(message, with_metadata=True)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": wire}


def post_ephemeral(call: SlackCall, workspace: Workspace) -> Json:
    """chat.postEphemeral"""
    channel = workspace.writable(call.text("channel"))
    content = checked_content(call.args, with_metadata=False)
    _check_identity(call)
    if call.text("user") not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    author = call.state.config.slack.bot_user_id
    message = workspace.post(channel, author, content, only_for=call.text("user"))
    return {"ok": True, "message_ts": message.ts}


def update(call: SlackCall, workspace: Workspace) -> Json:
    """chat.update: blocks and attachments that are not named stay as they were."""
    channel = workspace.find(call.text("channel"))
    message = _own(call, workspace, channel, "cant_update_message")
    content = checked_content(call.args, with_metadata=True)
    message.text = content.get("text", message.text if "blocks" not in content else "")
    if "blocks" in content:
        message.blocks = with_ids(content["blocks"])
    if "attachments" in content:
        message.attachments = attachments_with_ids(content["attachments"])
    message.metadata = content.get("metadata", message.metadata)
    message.edited_ts, message.warning = workspace.next_ts(), None
    workspace.save(message)
    wire = workspace.message_json(message, with_metadata=True)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text, "message": wire}


def delete(call: SlackCall, workspace: Workspace) -> Json:
    """chat.delete"""
    channel = workspace.find(call.text("channel"))
    message = _own(call, workspace, channel, "cant_delete_message")
    message.deleted = True
    workspace.save(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def get_permalink(call: SlackCall, workspace: Workspace) -> Json:
    """chat.getPermalink"""
    channel = workspace.find(call.text("channel"))
    message = workspace.message(channel.id, call.text("message_ts"))
    if message is None:
        raise SlackRefusal("message_not_found", kind="state")
    domain = call.state.config.slack.team_domain
    link = f"https://{domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def checked_content(args: Json, *, with_metadata: bool) -> Json:
    """The text, blocks, attachments and metadata of a message; raises SlackRefusal for what Slack would refuse."""
    content: Json = {name: args[name] for name in ("blocks", "attachments", "metadata") if name in args}
    if "markdown_text" in args:
        content["text"] = _markdown_text(args)
    elif "text" in args:
        content["text"] = args["text"]
    if len(content.get("text", "")) > rules()["totals"]["message_text"]:
        raise SlackRefusal("msg_too_long")
    _check_message_blocks(content.get("blocks"))
    _check_attachments(content.get("attachments"))
    if with_metadata:
        _check_metadata(content.get("metadata"))
    if not (content.get("text", "").strip() or content.get("blocks") or content.get("attachments")):
        raise SlackRefusal("no_text")
    return content


def _markdown_text(args: Json) -> Any:
    if "text" in args or "blocks" in args:
        raise SlackRefusal("markdown_text_conflict")
    if len(args["markdown_text"]) > rules()["totals"]["markdown_characters"]:
        raise SlackRefusal("msg_too_long")
    return args["markdown_text"]


def _check_message_blocks(blocks: Any) -> None:
    if blocks is None:
        return
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    if problems := check_blocks(blocks, "message"):
        raise SlackRefusal("invalid_blocks", *problems)


def _check_attachments(attachments: Any) -> None:
    if attachments is None:
        return
    if not isinstance(attachments, list):
        raise SlackRefusal("invalid_attachments")
    if len(attachments) > rules()["totals"]["attachments"]:
        raise SlackRefusal("too_many_attachments")
    for number, attachment in enumerate(attachments):
        if problems := check_object(attachment, "attachment", f"/attachments/{number}"):
            raise SlackRefusal("invalid_attachments", *problems)


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise SlackRefusal("invalid_metadata_format")
    if problems := check_object(metadata, "metadata", "/metadata"):
        raise SlackRefusal("invalid_metadata_schema", *problems)
    if len(str(metadata).encode()) > rules()["totals"]["metadata_bytes"]:
        raise SlackRefusal("metadata_too_large")


def _check_identity(call: SlackCall) -> None:
    if call.args.get("as_user"):
        raise SlackRefusal("as_user_not_supported")
    if any(name in call.args for name in ("username", "icon_emoji", "icon_url")):
        call.need("chat:write.customize")


def _thread(call: SlackCall, workspace: Workspace, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    parent = workspace.message(channel.id, thread_ts)
    if parent is None or parent.only_for:
        raise SlackRefusal("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def _own(call: SlackCall, workspace: Workspace, channel: Channel, refusal: str) -> Message:
    message = workspace.message(channel.id, call.text("ts"))
    if message is None or message.only_for:
        raise SlackRefusal("message_not_found", kind="state")
    if message.user != call.state.config.slack.bot_user_id:
        raise SlackRefusal(refusal)
    return message
