"""What a person does in Slack: press, choose, fill in, submit, close, command, write; and what the answer does."""

import json
from typing import Any

from infra.phones.callbacks import Answer
from infra.phones.config import Person
from infra.phones.records import Records
from infra.phones.slack.blocks import elements_of
from infra.phones.slack.call import SlackRefusal
from infra.phones.slack.callbacks import SlackCallbacks
from infra.phones.slack.chat import checked_content
from infra.phones.slack.events import SlackEvents
from infra.phones.slack.inputs import CannotDo, action_json, find_element, missing_inputs, state_values
from infra.phones.slack.views import add_view, check_body, close, open_views, replace_body
from infra.phones.slack.workspace import Workspace
from infra.phones.state import Channel, Json, Message, View

_TROUBLE = "We had some trouble connecting. Try again?"


class SlackPeople:
    """The hands on the stand-in Slack clients."""

    def __init__(self, workspace: Workspace, callbacks: SlackCallbacks, events: SlackEvents, records: Records) -> None:
        self.workspace, self.callbacks, self.events, self.records = workspace, callbacks, events, records
        self.state = workspace.state

    async def press(self, person: Person, ts: str, action_id: str, given: Json) -> Json:
        """Press or choose in a message; `given`: channel, block_id, option, value, inputs, stale."""
        message = self._message(person, ts, given.get("channel"), stale=bool(given.get("stale")))
        blocks = _all_blocks(message)
        if given.get("stale"):
            kept = {"type": "button", "block_id": given.get("block_id", "stale"), "action_id": action_id}
            action = {**kept, "text": {"type": "plain_text", "text": "stale"}, "value": given.get("value", "")}
        else:
            block, element = find_element(blocks, action_id, given.get("block_id"))
            action = action_json(block, element, given.get("option"))
        values = state_values(blocks, given.get("inputs") or {})
        answer = await self.callbacks.block_actions(person, message, action, values)
        self._warn(message, answer)
        return _outcome(answer)

    async def press_in_view(self, person: Person, view_id: str | None, action_id: str, given: Json) -> Json:
        """Press or choose in a modal or home tab."""
        view = self._view(person, view_id)
        block, element = find_element(view.body["blocks"], action_id, given.get("block_id"))
        view.state = state_values(view.body["blocks"], given.get("inputs") or {}, view.state)
        self.state.views.put(view.id, view)
        action = action_json(block, element, given.get("option"))
        answer = await self.callbacks.block_actions(person, view, action, view.state)
        return _outcome(answer)

    async def submit(self, person: Person, view_id: str | None, entered: Json) -> Json:
        """Submit a modal. result: incomplete (not sent), closed, errors, updated, pushed, cleared or failed."""
        view = self._view(person, view_id)
        if view.body["type"] != "modal":
            raise CannotDo("a home tab cannot be submitted")
        view.state = state_values(view.body["blocks"], entered, view.state)
        view.errors, view.warning = missing_inputs(view.body["blocks"], view.state), None
        self.state.views.put(view.id, view)
        if view.errors:
            return {"result": "incomplete", "errors": view.errors}
        answer = await self.callbacks.view_event("view_submission", person, view)
        result = "failed" if answer.error else self._apply(view, answer)
        if result == "failed":
            view.warning = _TROUBLE
            self.state.views.put(view.id, view)
        return _outcome(answer) | {"result": result, "errors": view.errors}

    async def close(self, person: Person, view_id: str | None) -> Json:
        """Close a modal; the app hears of it when it asked to."""
        view = self._view(person, view_id)
        close(self.state, view)
        if not view.body.get("notify_on_close"):
            return {"result": "closed"}
        return _outcome(await self.callbacks.view_event("view_closed", person, view)) | {"result": "closed"}

    async def command(self, person: Person, command: str, text: str, channel: str | None) -> Json:
        """Type a slash command; the app's answer appears in the conversation."""
        where = self._conversation(person, channel)
        known = self.state.config.slack.commands
        if known and command not in known:
            raise CannotDo(f"{command} is not a command of this workspace")
        answer = await self.callbacks.command(person, where, command, text)
        if answer.error:
            self._say(person, where, f"{command} failed with the error “{answer.error}”")
        elif answer.content.strip():
            self._command_answer(person, where, answer)
        return _outcome(answer)

    async def write(self, person: Person, text: str, thread_ts: str | None, channel: str | None = None) -> Json:
        """Write to the app (or into `channel`), in a thread when `thread_ts` names one of its messages."""
        where = self._conversation(person, channel)
        root = None
        if thread_ts is not None:
            parent = self._message(person, thread_ts, where.id, stale=False)
            if parent.only_for:
                raise CannotDo("a message that only you see has no thread")
            root = parent.thread_ts or parent.ts
        message = self.workspace.post(where, person.slack_user_id or "", {"text": text}, thread_ts=root)
        return _outcome(await self.events.message(message)) | {"ts": message.ts}

    async def home(self, person: Person, tab: str) -> Json:
        """Open the app's home."""
        self._conversation(person, None)
        return _outcome(await self.events.home_opened(person, tab))

    async def shortcut(self, person: Person, callback_id: str, ts: str | None, channel: str | None) -> Json:
        """Use a shortcut of the app: on the message `ts`, or a global one."""
        self._conversation(person, None)
        kind = "global" if ts is None else "message"
        if not any(s.callback_id == callback_id and s.type == kind for s in self.state.config.slack.shortcuts):
            raise CannotDo(f"the app has no {kind} shortcut {callback_id!r}")
        message = None if ts is None else self._message(person, ts, channel, stale=False)
        answer = await self.callbacks.shortcut(person, callback_id, message)
        if message:
            self._warn(message, answer)
        return _outcome(answer)

    def _apply(self, view: View, answer: Answer) -> str:
        """What the answer to a submission does to the screen."""
        if not answer.content.strip():
            close(self.state, view)
            return "closed"
        try:
            body = json.loads(answer.content)
            return self._respond(view, body if isinstance(body, dict) else {})
        except (ValueError, SlackRefusal) as problem:
            detail = problem.messages if isinstance(problem, SlackRefusal) else ("the answer is not JSON",)
            self.records.violation("slack", "view_submission", "answer", "invalid_answer", *detail)
            return "failed"

    def _respond(self, view: View, body: Json) -> str:
        action = body.get("response_action")
        if action == "errors":
            view.errors = _checked_errors(view, body.get("errors"))
            self.state.views.put(view.id, view)
            return "errors"
        if action == "update":
            replace_body(self.state, view, _modal(self.workspace, body.get("view"), view))
            return "updated"
        if action == "push":
            stack = open_views(self.state, view.user)
            if len(stack) >= 3:
                raise SlackRefusal("push_limit_reached", "[ERROR] three views are open already")
            add_view(self.state, view.user, _modal(self.workspace, body.get("view"), None), previous=view)
            return "pushed"
        if action == "clear":
            for below in open_views(self.state, view.user):
                close(self.state, below)
            return "cleared"
        raise SlackRefusal("invalid_answer", f"[ERROR] unknown response_action {action!r}")

    def _command_answer(self, person: Person, where: Channel, answer: Answer) -> None:
        try:
            args = json.loads(answer.content) if answer.content_type == "application/json" else None
            args = {"text": answer.content.decode()} if args is None else args
            content = checked_content(args, with_metadata=False)
        except (ValueError, SlackRefusal) as problem:
            detail = problem.messages if isinstance(problem, SlackRefusal) else ("the answer is not JSON",)
            self.records.violation("slack", "command", "answer", "invalid_answer", *detail)
            return
        in_channel = args.get("response_type") == "in_channel"
        only_for = None if in_channel else person.slack_user_id
        self.workspace.post(where, self.state.config.slack.bot_user_id, content, only_for=only_for)

    def _say(self, person: Person, where: Channel, text: str) -> None:
        self.workspace.post(where, "USLACKBOT", {"text": text}, only_for=person.slack_user_id)

    def _warn(self, message: Message, answer: Answer) -> None:
        current = self.workspace.message(message.channel, message.ts)
        if current and current.warning != answer.error:
            current.warning = answer.error
            self.workspace.save(current)

    def _message(self, person: Person, ts: str, channel: str | None, *, stale: bool) -> Message:
        for message in self.state.messages:
            if message.ts == ts and channel in (None, message.channel) and (stale or self.sees(person, message)):
                return message
        raise CannotDo(f"{person.name} sees no message {ts}")

    def sees(self, person: Person, message: Message) -> bool:
        """Whether the message is on this person's screen."""
        where = self.state.channels.get(message.channel)
        inside = where is not None and person.slack_user_id in where.members
        return inside and not message.deleted and message.only_for in (None, person.slack_user_id)

    def _view(self, person: Person, view_id: str | None) -> View:
        stack = open_views(self.state, person.slack_user_id or "")
        if view_id is None and stack:
            return stack[-1]
        for view in self.state.views:
            if view.id == view_id and view.open and view.user == person.slack_user_id:
                return view
        raise CannotDo(f"{person.name} has no such view open")

    def _conversation(self, person: Person, channel: str | None) -> Channel:
        if not person.slack_user_id:
            raise CannotDo(f"{person.name} has no Slack account")
        found = self.workspace.open_im(person.slack_user_id)[0] if channel is None else self.state.channels.get(channel)
        if found is None or person.slack_user_id not in found.members:
            raise CannotDo(f"{person.name} is not in {channel}")
        return found


def _outcome(answer: Answer) -> Json:
    text = answer.content.decode("utf-8", "replace")
    return {"ok": answer.error is None, "status": answer.status, "error": answer.error, "answer": text}


def _all_blocks(message: Message) -> list[Json]:
    return message.blocks + [block for a in message.attachments for block in a.get("blocks", [])]


def _checked_errors(view: View, errors: Any) -> dict[str, str]:
    inputs = {b["block_id"] for b in view.body["blocks"] if b["type"] == "input" and elements_of(b)}
    if not isinstance(errors, dict) or not errors or not all(isinstance(v, str) for v in errors.values()):
        raise SlackRefusal("invalid_answer", "[ERROR] errors must map block_ids to texts")
    if unknown := sorted(errors.keys() - inputs):
        raise SlackRefusal("invalid_answer", f"[ERROR] not an input block: {', '.join(unknown)}")
    return dict(errors)


def _modal(workspace: Workspace, view: Any, existing: View | None) -> Json:
    body = check_body(workspace.state, view, existing)
    if body["type"] != "modal":
        raise SlackRefusal("invalid_answer", "[ERROR] must be a modal [json-pointer:/view/type]")
    return body
