"""views.*: modals, opened within seconds of what a person did, and the home tab."""

import json
import time
from typing import Any

from infra.phones.slack.blocks import check_view, rules
from infra.phones.slack.call import SlackCall, SlackRefusal
from infra.phones.slack.workspace import Workspace, with_ids
from infra.phones.state import Json, State, Trigger, View, new_id

_STACK = 3  # views that may lie on one another


def open_view(call: SlackCall, workspace: Workspace) -> Json:
    """views.open"""
    body = _checked(call, "modal")
    trigger = use_trigger(call.state, _trigger_id(call))
    for view in open_views(call.state, trigger.user):  # a new modal takes the place of whatever is open
        close(call.state, view)
    return _answer(call.state, add_view(call.state, trigger.user, body))


def push_view(call: SlackCall, workspace: Workspace) -> Json:
    """views.push"""
    body = _checked(call, "modal")
    trigger = use_trigger(call.state, _trigger_id(call))
    stack = open_views(call.state, trigger.user)
    if not stack:
        raise SlackRefusal("not_found", kind="state")
    if len(stack) >= _STACK:
        raise SlackRefusal("push_limit_reached", kind="state")
    return _answer(call.state, add_view(call.state, trigger.user, body, previous=stack[-1]))


def update_view(call: SlackCall, workspace: Workspace) -> Json:
    """views.update"""
    if not call.text("view_id") and not call.text("external_id"):
        raise SlackRefusal("invalid_arguments", "[ERROR] missing required field: view_id or external_id")
    view = _find(call)
    body = _checked(call, str(view.body["type"]), existing=view)
    if call.text("hash") and call.text("hash") != view.hash:
        raise SlackRefusal("hash_conflict", kind="state")
    return _answer(call.state, replace_body(call.state, view, body))


def publish_view(call: SlackCall, workspace: Workspace) -> Json:
    """views.publish"""
    user = call.text("user_id")
    if not call.state.config.slack.home_tab:
        raise SlackRefusal("not_enabled")
    if workspace.user(user) is None:
        raise SlackRefusal("invalid_arguments", "[ERROR] user not found [json-pointer:/user_id]")
    home = next((v for v in call.state.views if v.user == user and v.body["type"] == "home"), None)
    body = _checked(call, "home", existing=home)
    if home is None:
        return _answer(call.state, add_view(call.state, user, body))
    if call.text("hash") and call.text("hash") != home.hash:
        raise SlackRefusal("hash_conflict", kind="state")
    return _answer(call.state, replace_body(call.state, home, body))


def check_body(state: State, view: Any, existing: View | None = None) -> Json:
    """A view the app sent, in a call or in an answer; raises SlackRefusal."""
    if problems := check_view(view):
        raise SlackRefusal("invalid_arguments", *problems)
    if len(json.dumps(view, ensure_ascii=False).encode()) > rules()["totals"]["view_bytes"]:
        raise SlackRefusal("view_too_large")
    external = view.get("external_id")
    for other in state.views:
        if external and other.open and other is not existing and other.body.get("external_id") == external:
            raise SlackRefusal("duplicate_external_id")
    return {**view, "blocks": with_ids(view["blocks"])}


def add_view(state: State, user: str, body: Json, previous: View | None = None) -> View:
    """Show a new view to `user`, on top of `previous`."""
    view_id = new_id("V")
    root = previous.root_id if previous else view_id
    below = previous.id if previous else None
    fresh = View(id=view_id, user=user, hash=_hash(), body=body, root_id=root, previous_id=below)
    return state.views.put(view_id, fresh)


def replace_body(state: State, view: View, body: Json) -> View:
    """Show something else in the same view; entries of blocks that stay are kept by the person's client."""
    view.body, view.hash, view.errors, view.warning = body, _hash(), {}, None
    return state.views.put(view.id, view)


def close(state: State, view: View) -> None:
    """Take a view from the screen."""
    view.open = False
    state.views.put(view.id, view)


def open_views(state: State, user: str) -> list[View]:
    """The stack of open modals of a user, lowest first."""
    return [v for v in state.views if v.user == user and v.open and v.body["type"] == "modal"]


def new_trigger(state: State, user: str, view_id: str | None = None) -> Trigger:
    """A trigger id for something `user` just did."""
    expires = time.time() + state.config.slack.limits.trigger_seconds
    name = f"{time.time_ns()}.{new_id('', 8)}"
    return state.triggers.put(name, Trigger(id=name, user=user, expires_at=expires, view_id=view_id))


def use_trigger(state: State, trigger_id: str) -> Trigger:
    """Use a trigger up; raises invalid_, expired_ or exchanged_trigger_id."""
    trigger = state.triggers.get(trigger_id)
    if trigger is None:
        raise SlackRefusal("invalid_trigger_id")
    if trigger.used:
        raise SlackRefusal("exchanged_trigger_id", kind="state")
    if time.time() > trigger.expires_at:
        raise SlackRefusal("expired_trigger_id", kind="state")
    trigger.used = True
    return state.triggers.put(trigger_id, trigger)


def view_json(state: State, view: View) -> Json:
    """A view object as answers and callbacks hold it."""
    slack = state.config.slack
    defaults: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None}
    defaults |= {"close": None, "clear_on_close": False, "notify_on_close": False}
    stack = {"root_view_id": view.root_id, "previous_view_id": view.previous_id}
    owner = {"app_id": slack.app_id, "bot_id": slack.bot_id, "app_installed_team_id": slack.team_id}
    known = {"id": view.id, "team_id": slack.team_id, "hash": view.hash, "state": {"values": view.state}}
    return {**defaults, **view.body, **known, **stack, **owner}


def _trigger_id(call: SlackCall) -> str:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise SlackRefusal("invalid_arguments", "[ERROR] missing required field: trigger_id")
    return trigger_id


def _find(call: SlackCall) -> View:
    for view in call.state.views:
        names = (view.id, view.body.get("external_id"))
        if view.open and (call.text("view_id") or call.text("external_id")) in names:
            return view
    raise SlackRefusal("not_found", kind="state")


def _checked(call: SlackCall, kind: str, existing: View | None = None) -> Json:
    body = check_body(call.state, call.args.get("view"), existing)
    if body["type"] != kind:
        raise SlackRefusal("invalid_arguments", f"[ERROR] unsupported type: {body['type']} [json-pointer:/view/type]")
    return body


def _answer(state: State, view: View) -> Json:
    return {"ok": True, "view": view_json(state, view)}


def _hash() -> str:
    return f"{time.time_ns() // 1_000_000}.{new_id('', 8)}"
