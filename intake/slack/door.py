"""Slack's door: presses, forms, commands and events, committed before Slack is answered; forms open at once.

The same for HTTP (`handle`) and Socket Mode (`envelope`). What is only shown is not kept; what is answered is in the
inbox first. Who is not enrolled, a guest or of another organisation gets a sentence that only they see, and no power.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.roles import CallbackRequest, InboundMessage
from connectors.slack.callbacks import Callback
from connectors.slack.reading import Wish
from domain.errors import AuthError, InvalidPayloadError, TransientError
from domain.rosters.people import Person
from domain.values import Json
from intake import answers
from intake.gate import DoorAnswer, Gate
from intake.slack import forms as slack_forms
from intake.slack.pages import SlackPages
from intake.slack.showing import DEFAULT, SlackShowing
from intake.slack.side import AWAY, SlackSide, StrangerError, known
from store.read.messages import prompts

_JSON = "application/json"
_ACKNOWLEDGED = DoorAnswer(200)


class SlackDoor:
    """Answers Slack."""

    def __init__(self, gate: Gate, channel: SlackSide, pages: SlackPages) -> None:
        self._gate, self._channel, self._pages = gate, channel, pages
        self.showing = SlackShowing(channel, pages)

    async def handle(self, request: CallbackRequest) -> DoorAnswer:
        """An HTTP callback: an empty 200 (or what Slack is to show) as soon as what it says is durable."""
        refused = await self._gate.checked("slack", request, lambda: self._channel.verify(request))
        if refused:
            return refused
        try:
            callback = self._channel.parse(request)
            challenge = self._channel.challenge(callback)
            return DoorAnswer(200, challenge) if challenge is not None else await self._serve(callback, request)
        except InvalidPayloadError as error:
            await self._gate.refuse("slack", error.message, request.body, request.received_at)
            return DoorAnswer(400, "unreadable")

    async def envelope(self, kind: str, payload: Mapping[str, Json], now: datetime) -> Mapping[str, Json]:
        """A Socket Mode envelope: what goes along with the acknowledgement (`{}` for nothing). Whatever is raised
        means: not acknowledged, Slack gives it again."""
        request = CallbackRequest("/slack/socket", "", {"content-type": _JSON}, json.dumps(payload).encode(), now)
        try:
            answer = await self._serve(self._channel.unwrap(kind, payload), request)
        except (InvalidPayloadError, AuthError) as error:
            await self._gate.refuse("slack", error.message, request.body, now)
            return {}
        if answer.content_type != _JSON:
            return {"text": answer.body} if answer.body else {}
        found: dict[str, Json] = json.loads(answer.body)
        return found

    async def _serve(self, callback: Callback, request: CallbackRequest) -> DoorAnswer:
        now, wishes, messages = request.received_at, self._channel.wishes(callback), self._channel.messages(callback)
        answer = _ACKNOWLEDGED
        try:
            for wish in wishes:
                if wish.by_command and wish.kind != "report":
                    return await self._told(callback, wish, now)
                await self.showing.grant(callback, wish, now)
            for message in messages:
                answer = await self._take(callback, message, now)
        except StrangerError as error:
            await self._gate.refuse("slack", error.message, request.body, now)
            await self.showing.turn_away(callback, [*(m.address for m in messages), *(w.user for w in wishes)][0], now)
        return answer

    async def _take(self, callback: Callback, message: InboundMessage, now: datetime) -> DoorAnswer:
        """Commit an answer."""
        if callback.kind == "view_submission":
            try:
                return await self._submitted(
                    await known(self._channel, self._pages, callback, message.address, now), message, now
                )
            except AWAY:
                return self._not_now(message)
        try:
            person = await known(self._channel, self._pages, callback, message.address, now)
        except TransientError:  # Slack gives a press once only: it is kept until Slack says whose it is
            await answers.receive(self._gate.database, await self._in_thread(message), now, "unvouched")
            await self.showing.waits(callback, message.address)
            return _ACKNOWLEDGED
        await answers.receive(self._gate.database, await self._in_thread(message), now)
        if message.reply_to.get("view"):
            await self.showing.received(person, message)
        return _ACKNOWLEDGED

    async def _in_thread(self, message: InboundMessage) -> InboundMessage:
        """A text in the thread of a task's message is said about that task: a note, which decides nothing (C22)."""
        thread, channel = message.reply_to.get("thread_ts"), message.reply_to.get("channel")
        if message.verb or not thread or not channel:
            return message
        async with self._gate.database.transaction() as session:
            prompt = await prompts.hanging_on(session, str(channel), str(thread))
        if prompt is None:
            return message
        task = str(prompt.payload.get("task") or prompt.task_id)
        return replace(message, verb="inform", task=task, fields={"text": message.text})

    async def _submitted(self, person: Person, message: InboundMessage, now: datetime) -> DoorAnswer:
        """A form's content against what its choice asks for; errors go back beside their inputs."""
        words, choice = self._pages.words, slack_forms.REPORT
        if message.verb != choice.verb:
            asked = await self._pages.choice(person, message.task, message.verb)
            if not isinstance(asked, tuple):
                return _json({"response_action": "update", "view": asked})
            choice = asked[1]
        values, wrong = slack_forms.read(choice, message.fields)
        if wrong:
            said = {name: words.sentence(person.language, key) for name, key in wrong.items()}
            return _json({"response_action": "errors", "errors": said})
        await answers.receive(self._gate.database, replace(message, fields=values), now)
        if choice is slack_forms.REPORT:
            return _json({"response_action": "update", "view": words.notice(person.language, "slack.reported")})
        return _json({"response_action": "clear"})

    def _not_now(self, message: InboundMessage) -> DoorAnswer:
        """A sentence beside the first input, so that what was typed is not lost (C21)."""
        inputs = list(message.reply_to.get("inputs") or [])
        if not inputs:
            view = self._pages.words.notice(DEFAULT, "replies.unavailable")
            return _json({"response_action": "update", "view": view})
        said = self._pages.words.sentence(DEFAULT, "replies.unavailable")
        return _json({"response_action": "errors", "errors": {str(inputs[0]): said}})

    async def _told(self, callback: Callback, wish: Wish, now: datetime) -> DoorAnswer:
        """A command's answer, which only the asker sees."""
        try:
            person = await known(self._channel, self._pages, callback, wish.user, now)
            return _json(await self._pages.told(person, wish.kind))
        except AWAY:
            return DoorAnswer(200, self._pages.words.sentence(DEFAULT, "replies.unavailable"))


def _json(body: Mapping[str, Json]) -> DoorAnswer:
    return DoorAnswer(200, json.dumps(body), _JSON)
