"""Slack's door beside a Slack in this process: one task of Jonas, and callbacks as Slack signs them."""

import json
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlmodel import col

from connectors.roles import CallbackRequest
from domain.asking.messages import Choice, Input, Message, MessageKind
from domain.values import Json
from store.tables import DefinitionRow, ExceptionRow, InboxRow, OutboxRow, TaskRow
from tests.connectors.slack.lab import APP, TEAM, TS, interaction, pressed, signed
from tests.intake.hand import Hand

JONAS, STRANGER = "U0JONAS01", "U0NOBODY1"
TASK = "tsk_1:2"
ASKS = [Input(name="estimate", kind="duration", required=True), Input(name="text", label="Cause", kind="text")]
SHOWN = Message(
    kind=MessageKind.TASK,
    definition="breakdown",
    exception_id="exc_1",
    title="Lathe 1 <!channel> is down",
    task=TASK,
    choices=[Choice(verb="accept"), Choice(verb="done", asks=ASKS), Choice(verb="snooze", more=True)],
)


async def keep_task(hand: Hand, message: Message, conversation: str, vendor_id: str) -> None:
    """One open task, asked of Jonas by this Slack message."""
    version = (await hand.rows(select(col(DefinitionRow.version))))[0]
    async with hand.database.transaction() as session:
        session.add(
            ExceptionRow(
                id="exc_1", site="brno", definition="breakdown", version=version, key="k", workflow_id="w",
                title="t", priority="high", started=True, state={}, milestones={}, opened_at=TS,
            )
        )  # fmt: skip
        shown = message.model_dump(mode="json")
        session.add(
            TaskRow(
                id="tsk_1", exception_id="exc_1", step="s", kind="task", code="ABCD", asked=["jonas"], shown=shown,
                version=2, opened_at=TS,
            )
        )  # fmt: skip
        session.add(
            OutboxRow(
                id="msg_1", exception_id="exc_1", task_id="tsk_1", person="jonas", channel="slack", address=JONAS,
                purpose="task", payload=shown, state="sent", next_at=TS, created_at=TS, sent_at=TS,
                vendor_id=vendor_id, conversation=conversation,
            )
        )  # fmt: skip


def user(id_: str = JONAS, **more: Json) -> dict[str, Json]:
    return {"id": id_, "username": "x", "team_id": TEAM, **more}


def press(action: str = "accept", value: str = TASK, **changes: Json) -> CallbackRequest:
    action_ = {
        "action_id": action,
        "block_id": "answers",
        "type": "button",
        "value": value,
        "action_ts": "1764000001.1",
    }
    return signed(interaction(pressed(**{"user": user(), "actions": [action_], **changes})))


def submitted(verb: str, values: dict[str, Json], *, by: str = JONAS, task: str = TASK, view: str = "V1") -> Any:
    state = {name: {name: value} for name, value in values.items()}
    blocks = [{"type": "input", "block_id": name} for name in values]
    content = {"id": view, "hash": "h", "callback_id": verb, "private_metadata": task, "blocks": blocks}
    payload = {"type": "view_submission", "team": {"id": TEAM}, "api_app_id": APP, "user": user(by)}
    return signed(interaction({**payload, "view": {**content, "state": {"values": state}}}))


def event(**said: Json) -> CallbackRequest:
    body = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": f"Ev{said.get('ts')}"}
    whole = {"type": "message", "channel_type": "im", "channel": "D01", "user": JONAS, "ts": "1764000009.1", **said}
    return signed(json.dumps({**body, "event": whole}).encode(), "application/json")


def command(text: str, by: str = JONAS) -> CallbackRequest:
    form = {"command": "/mos", "text": text, "user_id": by, "team_id": TEAM, "api_app_id": APP, "trigger_id": "1.2"}
    return signed(urlencode({**form, "channel_id": "D01"}).encode())


async def answers(hand: Hand) -> list[InboxRow]:
    return await hand.rows(select(InboxRow).where(col(InboxRow.category) == "answer").order_by(col(InboxRow.seq)))
