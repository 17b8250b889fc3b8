"""conversations.*, users.*, auth.test and blocks.validate: what an app may ask."""

import base64
import re
from collections.abc import Callable
from typing import TypeVar

from infra.phones.slack.blocks import check_blocks, check_object, check_view
from infra.phones.slack.call import SlackCall, SlackRefusal
from infra.phones.slack.workspace import Workspace
from infra.phones.state import Channel, Json, Message, new_id

T = TypeVar("T")
_TS = re.compile(r"\d+(\.\d{1,6})?")


def api_test(call: SlackCall, workspace: Workspace) -> Json:
    """api.test"""
    if wanted := call.text("error"):
        raise SlackRefusal(wanted)
    return {"ok": True}


def auth_test(call: SlackCall, workspace: Workspace) -> Json:
    """auth.test"""
    slack = call.state.config.slack
    url = f"https://{slack.team_domain}.slack.com/"
    who = {"user": slack.app_name, "user_id": slack.bot_user_id, "bot_id": slack.bot_id, "app_id": slack.app_id}
    return {"ok": True, "url": url, "team": slack.team_domain, "team_id": slack.team_id, **who}


def conversations_open(call: SlackCall, workspace: Workspace) -> Json:
    """conversations.open: one user = a direct message, two to eight = a group."""
    if reference := call.text("channel"):
        found = workspace.state.channels.get(reference)
        if found is None:
            raise SlackRefusal("channel_not_found")
        return {"ok": True, "no_op": True, "already_open": True, "channel": _opened(call, workspace, found)}
    users = [user for user in call.text("users").split(",") if user]
    _check_users(call, workspace, users)
    channel, before = workspace.open_im(users[0]) if len(users) == 1 else _group(workspace, users)
    flags = {"no_op": True, "already_open": True} if before else {}
    return {"ok": True, **flags, "channel": _opened(call, workspace, channel)}


def _check_users(call: SlackCall, workspace: Workspace, users: list[str]) -> None:
    if not users:
        raise SlackRefusal("users_list_not_supplied")
    if len(users) > 8:
        raise SlackRefusal("too_many_users")
    call.need("im:write" if len(users) == 1 else "mpim:write")
    for user in users:
        person = workspace.user(user)
        if person is None:
            raise SlackRefusal("user_not_found")
        if person.deleted:
            raise SlackRefusal("user_disabled")


def _group(workspace: Workspace, users: list[str]) -> tuple[Channel, bool]:
    for channel in workspace.state.channels:
        if channel.kind == "mpim" and sorted(channel.members) == sorted(users):
            return channel, True
    channel = Channel(id=new_id("G"), name="mpdm", kind="mpim", members=users)
    return workspace.state.channels.put(channel.id, channel), False


def _opened(call: SlackCall, workspace: Workspace, channel: Channel) -> Json:
    return workspace.channel_json(channel) if call.args.get("return_im") else {"id": channel.id}


def conversations_info(call: SlackCall, workspace: Workspace) -> Json:
    """conversations.info"""
    channel = _by_id(call, workspace)
    call.need(_scope(channel, "read"))
    return {"ok": True, "channel": workspace.channel_json(channel)}


def conversations_list(call: SlackCall, workspace: Workspace) -> Json:
    """conversations.list"""
    kinds = set((call.text("types") or "public_channel").split(","))
    if kinds - {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackRefusal("invalid_types")
    found = [c for c in workspace.state.channels if _type(c) in kinds]
    found = [c for c in found if not (c.archived and call.args.get("exclude_archived"))]
    page, cursor = _page(call, found, lambda c: c.id, default=100, error="invalid_limit")
    metadata = {"next_cursor": cursor}
    return {"ok": True, "channels": [workspace.channel_json(c) for c in page], "response_metadata": metadata}


def conversations_history(call: SlackCall, workspace: Workspace) -> Json:
    """conversations.history: newest first, without thread replies and ephemeral messages."""
    channel = _readable(call, workspace)
    found = [m for m in workspace.visible(channel.id) if m.thread_ts in (None, m.ts)]
    found = sorted(_in_window(call, found), key=lambda m: m.ts, reverse=True)
    return _messages(call, workspace, found)


def conversations_replies(call: SlackCall, workspace: Workspace) -> Json:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = _readable(call, workspace)
    parent = workspace.message(channel.id, call.text("ts"))
    if parent is None or parent.only_for:
        raise SlackRefusal("thread_not_found", kind="state")
    root = parent.thread_ts or parent.ts
    replies = _in_window(call, workspace.replies(channel.id, root))
    top = workspace.message(channel.id, root)
    return _messages(call, workspace, [top, *replies] if top else replies)


def users_info(call: SlackCall, workspace: Workspace) -> Json:
    """users.info"""
    person = workspace.user(call.text("user"))
    if person is None:
        raise SlackRefusal("user_not_found")
    with_email = "users:read.email" in call.state.config.slack.scopes
    return {"ok": True, "user": workspace.user_json(person, with_email=with_email)}


def users_list(call: SlackCall, workspace: Workspace) -> Json:
    """users.list"""
    people = [p for p in call.state.config.people if p.slack_user_id]
    with_email = "users:read.email" in call.state.config.slack.scopes
    page, cursor = _page(call, people, lambda p: p.slack_user_id or "", default=1000, error="invalid_limit")
    members = [workspace.user_json(p, with_email=with_email) for p in page]
    return {"ok": True, "members": members, "response_metadata": {"next_cursor": cursor}}


def users_lookup_by_email(call: SlackCall, workspace: Workspace) -> Json:
    """users.lookupByEmail"""
    email = call.text("email").lower()
    for person in call.state.config.people:
        if person.slack_user_id and person.email and person.email.lower() == email and not person.deleted:
            return {"ok": True, "user": workspace.user_json(person, with_email=True)}
    raise SlackRefusal("users_not_found")


def blocks_validate(call: SlackCall, workspace: Workspace) -> Json:
    """blocks.validate"""
    given = [name for name in ("blocks", "message", "view") if name in call.args]
    if len(given) != 1:
        raise SlackRefusal("invalid_arguments", "[ERROR] must provide exactly one of blocks, message and view")
    checks: dict[str, Callable[[object], list[str]]] = {
        "blocks": lambda value: check_blocks(value, "message"),
        "message": lambda value: check_object(value, "attachment", "/message"),
        "view": check_view,
    }
    if problems := checks[given[0]](call.args[given[0]]):
        raise SlackRefusal(f"invalid_{given[0]}", *problems)
    return {"ok": True}


def _by_id(call: SlackCall, workspace: Workspace) -> Channel:
    channel = workspace.state.channels.get(call.text("channel"))
    if channel is None or (channel.private and not channel.app_is_member):
        raise SlackRefusal("channel_not_found")
    return channel


def _readable(call: SlackCall, workspace: Workspace) -> Channel:
    channel = _by_id(call, workspace)
    call.need(_scope(channel, "history"))
    if not channel.app_is_member:
        raise SlackRefusal("not_in_channel")
    return channel


def _scope(channel: Channel, what: str) -> str:
    family = "groups" if channel.private else {"im": "im", "mpim": "mpim"}.get(channel.kind, "channels")
    return f"{family}:{what}"


def _type(channel: Channel) -> str:
    if channel.kind == "channel":
        return "private_channel" if channel.private else "public_channel"
    return channel.kind


def _in_window(call: SlackCall, messages: list[Message]) -> list[Message]:
    oldest, latest = call.text("oldest"), call.text("latest")
    for value, error in ((oldest, "invalid_ts_oldest"), (latest, "invalid_ts_latest")):
        if value and value != "now" and not _TS.fullmatch(value):
            raise SlackRefusal(error)
    low, high = float(oldest or 0), float(latest) if latest and latest != "now" else float("inf")
    inclusive = bool(call.args.get("inclusive"))
    return [m for m in messages if low < float(m.ts) < high or (inclusive and float(m.ts) in (low, high))]


def _messages(call: SlackCall, workspace: Workspace, found: list[Message]) -> Json:
    page, cursor = _page(call, found, lambda m: m.ts, default=100, error="invalid_limit")
    with_metadata = bool(call.args.get("include_all_metadata"))
    wire = [workspace.message_json(m, with_metadata=with_metadata) for m in page]
    more = {"has_more": bool(cursor)}
    return {"ok": True, "messages": wire, **more, "response_metadata": {"next_cursor": cursor}}


def _page(
    call: SlackCall, found: list[T], name: Callable[[T], str], *, default: int, error: str
) -> tuple[list[T], str]:
    """One page after the cursor, and the next cursor (empty at the end)."""
    limit = call.args.get("limit") or default
    if not 1 <= limit <= 1000:
        raise SlackRefusal(error)
    start = 0
    if cursor := call.text("cursor"):
        names = [base64.b64encode(f"next:{name(item)}".encode()).decode() for item in found]
        if cursor not in names:
            raise SlackRefusal("invalid_cursor")
        start = names.index(cursor)
    rest = found[start + limit :]
    following = base64.b64encode(f"next:{name(rest[0])}".encode()).decode() if rest else ""
    return found[start : start + limit], following
