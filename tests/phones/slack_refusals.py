"""Calls that Slack refuses, beside Block Kit: (name, method, arguments, error). Arguments travel as JSON."""

from typing import Any

from tests.phones.peers import GONE, GUEST, PAUL, TESS

Case = tuple[str, str, dict[str, Any], str]
FLOOR = "C0FLOOR"
POST, UPDATE, DELETE, EPHEMERAL = "chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral"
OPEN, VIEW = "conversations.open", "views.open"
TS = "1700000000.000001"
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Why"}, "blocks": []}
DIVIDER = {"type": "divider"}


def post(**more: Any) -> dict[str, Any]:
    """A valid post with something changed."""
    return {"channel": FLOOR, "text": "Lathe 1 stopped", **more}


ARGUMENTS: list[Case] = [
    ("post without channel", POST, {"text": "x"}, "invalid_arguments"),
    ("post with unknown argument", POST, post(body="x"), "invalid_arg_name"),
    ("post with client_msg_id", POST, post(client_msg_id="x"), "invalid_arg_name"),
    ("post, channel is a number", POST, post(channel=7), "invalid_arguments"),
    ("post, channel is a list", POST, post(channel=[FLOOR]), "invalid_array_arg"),
    ("post, channel is null", POST, post(channel=None), "invalid_arguments"),
    ("post, text is a number", POST, post(text=7), "invalid_arguments"),
    ("post, text is a list", POST, post(text=["x"]), "invalid_array_arg"),
    ("post, unfurl_links is a text", POST, post(unfurl_links="yes"), "invalid_arguments"),
    ("post, mrkdwn is a number", POST, post(mrkdwn=1), "invalid_arguments"),
    ("post to unknown channel", POST, post(channel="C0NOWHERE"), "channel_not_found"),
    ("post to unknown user", POST, post(channel="U0NOBODY"), "channel_not_found"),
    ("post to unknown name", POST, post(channel="#nowhere"), "channel_not_found"),
    ("post to a channel without the app", POST, post(channel="C0NOTIN"), "not_in_channel"),
    ("post to an archived channel", POST, post(channel="C0OLD"), "is_archived"),
    ("post without text and blocks", POST, {"channel": FLOOR}, "no_text"),
    ("post with empty text", POST, post(text=""), "no_text"),
    ("post with blank text", POST, post(text=" \n "), "no_text"),
    ("post with null text", POST, post(text=None), "no_text"),
    ("post with empty text and no blocks", POST, post(text="", blocks=[]), "no_text"),
    ("post with too long text", POST, post(text="x" * 40_001), "msg_too_long"),
    ("post, blocks is an object", POST, post(blocks={"type": "divider"}), "invalid_blocks_format"),
    ("post, blocks is no JSON", POST, post(blocks="[{"), "invalid_blocks_format"),
    ("post, blocks is JSON text of no list", POST, post(blocks='{"a":1}'), "invalid_blocks_format"),
    ("post, attachments is no JSON", POST, post(attachments="{"), "invalid_attachments"),
    ("post, attachments is an object", POST, post(attachments={}), "invalid_attachments"),
    ("post, attachment with unknown key", POST, post(attachments=[{"actions_url": "x"}]), "invalid_attachments"),
    ("post with 101 attachments", POST, post(attachments=[{"text": "x"}] * 101), "too_many_attachments"),
    ("post, text and markdown_text", POST, post(markdown_text="x"), "markdown_text_conflict"),
    ("post, markdown_text too long", POST, {"channel": FLOOR, "markdown_text": "x" * 12_001}, "msg_too_long"),
    ("post, metadata is no JSON", POST, post(metadata="{"), "invalid_metadata_format"),
    ("post, metadata is a list", POST, post(metadata=[1]), "invalid_metadata_format"),
    ("post, metadata without payload", POST, post(metadata={"event_type": "task"}), "invalid_metadata_schema"),
    ("post, metadata without type", POST, post(metadata={"event_payload": {}}), "invalid_metadata_schema"),
    (
        "post, metadata payload is a text",
        POST,
        post(metadata={"event_type": "task", "event_payload": "x"}),
        "invalid_metadata_schema",
    ),
    (
        "post, metadata type has a space",
        POST,
        post(metadata={"event_type": "a task", "event_payload": {}}),
        "invalid_metadata_schema",
    ),
    (
        "post, metadata with unknown key",
        POST,
        post(metadata={"event_type": "task", "event_payload": {}, "id": 1}),
        "invalid_metadata_schema",
    ),
    (
        "post, metadata too large",
        POST,
        post(metadata={"event_type": "task", "event_payload": {"x": "y" * 9000}}),
        "metadata_too_large",
    ),
    ("post as a user", POST, post(as_user=True), "as_user_not_supported"),
    ("post under another name", POST, post(username="Boss"), "missing_scope"),
    ("post with another icon", POST, post(icon_emoji=":x:"), "missing_scope"),
    ("post into no thread", POST, post(thread_ts=TS), "cannot_reply_to_message"),
    ("update without ts", UPDATE, post(), "invalid_arguments"),
    ("update without channel", UPDATE, {"ts": TS, "text": "x"}, "invalid_arguments"),
    ("update of nothing", UPDATE, post(ts=TS), "message_not_found"),
    ("update with thread_ts", UPDATE, post(ts=TS, thread_ts=TS), "invalid_arg_name"),
    ("update in unknown channel", UPDATE, post(ts=TS, channel="C0NOWHERE"), "channel_not_found"),
    ("update, ts is a number", UPDATE, post(ts=1700000000.5), "invalid_arguments"),
    ("delete without ts", DELETE, {"channel": FLOOR}, "invalid_arguments"),
    ("delete of nothing", DELETE, {"channel": FLOOR, "ts": TS}, "message_not_found"),
    ("delete with text", DELETE, post(ts=TS), "invalid_arg_name"),
    ("ephemeral without user", EPHEMERAL, post(), "invalid_arguments"),
    ("ephemeral without text", EPHEMERAL, {"channel": FLOOR, "user": TESS}, "no_text"),
    ("ephemeral to an outsider", EPHEMERAL, post(channel="C0PAUL", user=TESS), "user_not_in_channel"),
    ("ephemeral, wrong parse", EPHEMERAL, post(user=TESS, parse="all"), "invalid_arguments"),
    ("open without users", OPEN, {}, "users_list_not_supplied"),
    ("open of nobody", OPEN, {"users": "U0NOBODY"}, "user_not_found"),
    ("open of a leaver", OPEN, {"users": GONE}, "user_disabled"),
    ("open, users is a list", OPEN, {"users": [TESS]}, "invalid_array_arg"),
    ("open of nine", OPEN, {"users": ",".join([TESS] * 9)}, "too_many_users"),
    ("open of a group without mpim:write", OPEN, {"users": f"{TESS},{PAUL},{GUEST}"}, "missing_scope"),
    ("open of an unknown channel", OPEN, {"channel": "D0NOBODY"}, "channel_not_found"),
    ("view without view", VIEW, {"trigger_id": "1"}, "invalid_arguments"),
    ("view without trigger", VIEW, {"view": MODAL}, "invalid_arguments"),
    ("view with an invented trigger", VIEW, {"view": MODAL, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("view with unknown argument", VIEW, {"view": MODAL, "trigger_id": "1", "user": TESS}, "invalid_arg_name"),
    ("pushed view with an invented trigger", "views.push", {"view": MODAL, "trigger_id": "1"}, "invalid_trigger_id"),
    ("update of no view", "views.update", {"view": MODAL, "view_id": "V0NONE"}, "not_found"),
    ("update of an unnamed view", "views.update", {"view": MODAL}, "invalid_arguments"),
    ("home tab of nobody", "views.publish", {"view": MODAL, "user_id": "U0NOBODY"}, "invalid_arguments"),
    ("a modal as home tab", "views.publish", {"view": MODAL, "user_id": TESS}, "invalid_arguments"),
    ("home tab without user", "views.publish", {"view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("socket mode with a bot token", "apps.connections.open", {}, "not_allowed_token_type"),
    ("validate nothing", "blocks.validate", {}, "invalid_arguments"),
    ("validate bad blocks", "blocks.validate", {"blocks": [{"type": "x"}]}, "invalid_blocks"),
    ("api.test with an error", "api.test", {"error": "boom"}, "boom"),
    ("unknown method", "chat.shout", {"text": "x"}, "unknown_method"),
]

# Methods that take no JSON, or are plain questions: sent as a form.
FORMS: list[Case] = [
    ("history without channel", "conversations.history", {}, "invalid_arguments"),
    ("history of nothing", "conversations.history", {"channel": "C0NOWHERE"}, "channel_not_found"),
    ("history of a channel without the scope", "conversations.history", {"channel": FLOOR}, "missing_scope"),
    (
        "history, oldest is no ts",
        "conversations.history",
        {"channel": "D0TESS", "oldest": "today"},
        "invalid_ts_oldest",
    ),
    (
        "history, latest is no ts",
        "conversations.history",
        {"channel": "D0TESS", "latest": "today"},
        "invalid_ts_latest",
    ),
    ("history, bad cursor", "conversations.history", {"channel": "D0TESS", "cursor": "x"}, "invalid_cursor"),
    ("history, limit of 1001", "conversations.history", {"channel": "D0TESS", "limit": "1001"}, "invalid_limit"),
    ("history, limit is a word", "conversations.history", {"channel": "D0TESS", "limit": "all"}, "invalid_arguments"),
    ("history, flag is a word", "conversations.history", {"channel": "D0TESS", "inclusive": "y"}, "invalid_arguments"),
    ("replies without ts", "conversations.replies", {"channel": "D0TESS"}, "invalid_arguments"),
    ("replies of nothing", "conversations.replies", {"channel": "D0TESS", "ts": TS}, "thread_not_found"),
    (
        "replies, limit out of range",
        "conversations.replies",
        {"channel": "D0TESS", "ts": TS, "limit": "0"},
        "invalid_arguments",
    ),
    ("list of unknown types", "conversations.list", {"types": "secret"}, "invalid_types"),
    ("info of nothing", "conversations.info", {"channel": "C0NOWHERE"}, "channel_not_found"),
    ("info of a direct message without im:read", "conversations.info", {"channel": "D0TESS"}, "missing_scope"),
    ("user without id", "users.info", {}, "invalid_arguments"),
    ("unknown user", "users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ("user with unknown argument", "users.info", {"user": TESS, "email": "x"}, "invalid_arg_name"),
    ("unknown e-mail", "users.lookupByEmail", {"email": "nobody@plant.example"}, "users_not_found"),
    ("no e-mail", "users.lookupByEmail", {}, "invalid_arguments"),
    ("permalink of nothing", "chat.getPermalink", {"channel": FLOOR, "message_ts": TS}, "message_not_found"),
    ("form post without channel", POST, {"text": "x"}, "invalid_arguments"),
    ("form post with bad blocks", POST, {"channel": FLOOR, "blocks": "no"}, "invalid_blocks_format"),
    ("form post with a bad flag", POST, {"channel": FLOOR, "text": "x", "unfurl_media": "2"}, "invalid_arguments"),
    ("form view with bad JSON", VIEW, {"trigger_id": "1", "view": "{"}, "invalid_arguments"),
]

# (name, headers, raw body, error): how a call is carried.
BEARER = {"Authorization": "Bearer xoxb-stand-in-token"}
JSON_TYPE = {"Content-Type": "application/json; charset=utf-8"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
CARRIED: list[tuple[str, dict[str, str], str, str]] = [
    ("no token", JSON_TYPE, '{"channel":"C0FLOOR","text":"x"}', "not_authed"),
    ("token inside a JSON body", JSON_TYPE, '{"token":"xoxb-stand-in-token","channel":"C0FLOOR"}', "not_authed"),
    ("wrong token", JSON_TYPE | {"Authorization": "Bearer xoxb-wrong"}, '{"channel":"C0FLOOR"}', "invalid_auth"),
    ("app token", JSON_TYPE | {"Authorization": "Bearer xapp-1"}, '{"channel":"C0FLOOR"}', "invalid_auth"),
    ("empty bearer", JSON_TYPE | {"Authorization": "Bearer"}, '{"channel":"C0FLOOR"}', "not_authed"),
    ("basic auth", JSON_TYPE | {"Authorization": "Basic eDp5"}, '{"channel":"C0FLOOR"}', "not_authed"),
    ("wrong token in a form", FORM_TYPE, "token=xoxb-wrong&channel=C0FLOOR&text=x", "invalid_auth"),
    ("broken JSON", BEARER | JSON_TYPE, '{"channel":', "invalid_json"),
    ("JSON list", BEARER | JSON_TYPE, "[]", "json_not_object"),
    ("JSON text", BEARER | JSON_TYPE, '"x"', "json_not_object"),
    ("XML", BEARER | {"Content-Type": "text/xml"}, "<a/>", "invalid_post_type"),
    ("no content type", BEARER, '{"channel":"C0FLOOR","text":"x"}', "missing_post_type"),
]
