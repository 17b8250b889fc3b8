"""What a person did in Slack: answers (presses, forms, texts) and wishes to be shown something (a form, a page)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from connectors.roles import InboundMessage, Media
from connectors.slack.callbacks import Callback, child
from domain.errors import InvalidPayloadError
from domain.rosters.people import ChannelName
from domain.values import Json

FORM = "form:"
"""Before the verb of a button that asks for something first: pressing it opens a form, which is not yet an answer."""
MORE, REPORT = "more", "report"
SHORTCUTS = (REPORT, "report_message")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_HUMAN_SUBTYPES = {"", "file_share", "thread_broadcast"}
_ASKED = ("help", "mine", "report")  # what a command or the first word to the app may want
Found = TypeVar("Found")


@dataclass(frozen=True)
class Wish:
    """Somebody wants to be shown something; nothing is decided by it. `trigger` opens one view within 3 s. `view` is
    the open view that it came out of (of `view_type` modal or home), `text` what was written or the message marked."""

    kind: Literal["form", "more", "report", "mine", "help", "home"]
    user: str
    trigger: str = ""
    task: str = ""
    verb: str = ""
    text: str = ""
    view: str = ""
    view_type: str = ""
    by_command: bool = False


def messages(callback: Callback, origins: Sequence[str]) -> list[InboundMessage]:
    """The answers in a callback. Raises InvalidPayloadError."""
    readers = {"block_actions": _presses, "view_submission": _form, "event_callback": _said}
    reader = readers.get(callback.kind)
    return _read(lambda: reader(callback, origins) if reader else [])


def wishes(callback: Callback) -> list[Wish]:
    """The wishes in a callback. Raises InvalidPayloadError."""
    readers = {
        "block_actions": _wished,
        "event_callback": _opened_or_asked,
        "command": _commanded,
        "shortcut": _shortcut,
        "message_action": _shortcut,
    }
    reader = readers.get(callback.kind)
    return _read(lambda: reader(callback) if reader else [])


def presser(callback: Callback) -> tuple[str, str]:
    """The user, and the team that the payload says the user is of: empty when it does not, and in an Enterprise
    organisation, whose people may be of any of its workspaces (`users.info` knows strangers there)."""
    data, user, event = callback.data, child(callback.data, "user"), child(callback.data, "event")
    name = user.get("id") or data.get("user_id") or event.get("user") or ""
    organised = data.get("enterprise") or data.get("enterprise_id") or event.get("enterprise")
    team = "" if organised else user.get("team_id") or event.get("user_team") or event.get("team") or ""
    return str(name), str(team)


def place(callback: Callback, origins: Sequence[str]) -> dict[str, Json]:
    """Where this person can be answered at once: conversation, message, thread, and the response_url if it is Slack's.

    A payload could name any host: only URLs of the allowed origins are kept.
    """
    data, event, container = callback.data, child(callback.data, "event"), child(callback.data, "container")
    found = {
        "channel": child(data, "channel").get("id") or data.get("channel_id") or event.get("channel"),
        "ts": child(data, "message").get("ts") or event.get("ts"),
        "thread_ts": container.get("thread_ts") or event.get("thread_ts"),
    }
    kept: dict[str, Json] = {name: value for name, value in found.items() if isinstance(value, str) and value}
    url = data.get("response_url")
    if isinstance(url, str) and allowed(url, origins):
        kept["response_url"] = url
    return kept


def allowed(url: str, origins: Sequence[str]) -> bool:
    """Is this URL's scheme, host and port one of `origins`? User names and other ports are other origins."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in origins


def moment(ts: Any) -> datetime | None:
    """Slack's `1548426417.840180` as aware UTC."""
    return datetime.fromtimestamp(float(ts), UTC) if isinstance(ts, str) and _TS.fullmatch(ts) else None


def unescape(text: str) -> str:
    """Slack escapes these three in what people type; our texts are plain until a template escapes them again."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def flatten(state: Mapping[str, Any]) -> dict[str, Json]:
    """`state.values` by action id without empty inputs; an action id used in two blocks is kept as `block.action`."""
    values: dict[str, Json] = {}
    for block, actions in state.items():
        for action, element in actions.items():
            value = _value(element)
            if value is not None:
                values[f"{block}.{action}" if action in values else action] = value
    return values


def _read(read: Callable[[], list[Found]]) -> list[Found]:
    try:
        return read()
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidPayloadError(
            "Slack's callback lacks a part.", detail=repr(error), code="slack.callback"
        ) from error


def _pressed(callback: Callback) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(verb, task, action) of each button pressed or line chosen in a "more" menu. A link button carries no value; a
    choice in another menu is not yet an answer."""
    found = []
    for action in callback.data["actions"]:
        if action.get("type") == "button" and action.get("value"):
            found.append((str(action["action_id"]), str(action["value"]), action))
        elif action.get("type") == "overflow" and action.get("action_id") == MORE:
            task, _, verb = str(action["selected_option"]["value"]).partition(" ")
            found.append((verb, task, action))
    return found


def _presses(callback: Callback, origins: Sequence[str]) -> list[InboundMessage]:
    """One message a press that is an answer as it is."""
    data, user = callback.data, callback.data["user"]["id"]
    values, where = flatten(child(child(data, "state"), "values")), place(callback, origins) | _view(data)
    press = str(data.get("trigger_id") or f"{where.get('channel')}:{where.get('ts')}")
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=":".join(["slack", callback.team, user, press, verb, str(action.get("action_ts", ""))]),
            address=user,
            verb=verb,
            task=task,
            fields=values,
            occurred_at=moment(action.get("action_ts")),
            reply_to=where,
        )
        for verb, task, action in _pressed(callback)
        if verb not in (MORE, REPORT) and not verb.startswith(FORM)
    ]


def _wished(callback: Callback) -> list[Wish]:
    data, user = callback.data, callback.data["user"]["id"]
    view = _view(data)
    found: list[Wish] = []
    for verb, task, _ in _pressed(callback):
        if verb in (MORE, REPORT) or verb.startswith(FORM):
            kind: Any = "form" if verb.startswith(FORM) else verb
            wish = Wish(kind, user, str(data["trigger_id"]), task, verb.removeprefix(FORM))
            found.append(replace(wish, view=view.get("view", ""), view_type=view.get("view_type", "")))
    return found


def _view(data: Mapping[str, Any]) -> dict[str, str]:
    view = child(data, "view")
    return {"view": str(view["id"]), "view_type": str(view.get("type", ""))} if view else {}


def _form(callback: Callback, origins: Sequence[str]) -> list[InboundMessage]:
    """A submitted form. `reply_to.inputs` are the ids of its input blocks: where errors can be shown."""
    data, view = callback.data, callback.data["view"]
    user = data["user"]["id"]
    inputs = [block["block_id"] for block in view.get("blocks") or [] if block.get("type") == "input"]
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=":".join(["slack", callback.team, user, "view", view["id"], str(view.get("hash", ""))]),
            address=user,
            verb=str(view.get("callback_id", "")),
            task=str(view.get("private_metadata", "")),
            fields=flatten(child(child(view, "state"), "values")),
            reply_to={"view": view["id"], "view_type": "modal", "inputs": inputs},
        )
    ]


def _is_said(event: Mapping[str, Any]) -> bool:
    """A direct message that a person wrote to the app; not the app's own, an edit or a notice."""
    human = not event.get("bot_id") and event.get("subtype", "") in _HUMAN_SUBTYPES
    return event.get("type") == "message" and event.get("channel_type") == "im" and human and bool(event.get("user"))


def _said(callback: Callback, origins: Sequence[str]) -> list[InboundMessage]:
    event = callback.data["event"]
    if not _is_said(event) or _wanted(event):
        return []
    files = [file for file in event.get("files") or [] if isinstance(file.get("url_private"), str)]
    return [
        InboundMessage(
            channel=ChannelName.SLACK,
            dedupe_key=f"slack:{callback.team}:event:{callback.data['event_id']}",
            address=event["user"],
            text=unescape(event.get("text") or ""),
            occurred_at=moment(event.get("ts")),
            reply_to=place(callback, origins),
            media=[Media(file["url_private"], str(file.get("mimetype", ""))) for file in files],
        )
    ]


def _wanted(event: Mapping[str, Any]) -> str:
    """A single known word outside a thread is a command: `help`, `mine`."""
    word = str(event.get("text") or "").strip().lower()
    return word if word in ("help", "mine") and not event.get("thread_ts") and not event.get("files") else ""


def _opened_or_asked(callback: Callback) -> list[Wish]:
    event = callback.data["event"]
    if event.get("type") == "app_home_opened" and event.get("tab", "home") == "home":
        return [Wish("home", event["user"])]
    wanted: Any = _wanted(event) if _is_said(event) else ""
    return [Wish(wanted, event["user"])] if wanted else []


def _commanded(callback: Callback) -> list[Wish]:
    """`/mos`, `/mos help`, `/mos mine`, `/mos report what is wrong`; any other word is answered with help."""
    form = callback.data
    word, _, rest = unescape(str(form.get("text", ""))).strip().partition(" ")
    kind: Any = word.lower() if word.lower() in _ASKED else "help"
    return [Wish(kind, form["user_id"], form["trigger_id"], text=rest.strip(), by_command=True)]


def _shortcut(callback: Callback) -> list[Wish]:
    data = callback.data
    if data.get("callback_id") not in SHORTCUTS:
        return []
    marked = unescape(str(child(data, "message").get("text") or ""))
    return [Wish("report", data["user"]["id"], data["trigger_id"], text=marked)]


def _value(element: Mapping[str, Any]) -> Json:
    if isinstance(element.get("selected_options"), list):
        return [option["value"] for option in element["selected_options"]]
    if isinstance(element.get("selected_option"), Mapping):
        return element["selected_option"]["value"]
    names = ("value", "selected_date", "selected_time", "selected_user")
    plain = next((element[name] for name in names if element.get(name)), None)
    return unescape(plain) if isinstance(plain, str) else plain
