"""Each kind of message on each channel, as people see it.

After a wanted change: MOS_UPDATE_GOLDEN=1 pytest tests/templates
"""

import json
import os
from pathlib import Path

import pytest

from domain.asking.messages import (
    Change,
    Choice,
    Fact,
    Input,
    Message,
    MessageKind,
    OptionCard,
    OptionPreview,
    Standing,
)
from domain.rosters.people import ChannelName
from templates.render import render

GOLDEN = Path(__file__).parent / "golden"

TASK = Message(
    kind=MessageKind.TASK,
    definition="breakdown",
    exception_id="exc_0199",
    step="repair",
    title="Lathe 1 is down",
    priority="high",
    body=["The spindle drive reports a fault.", "Job order JO-1001 is in the machine."],
    facts=[Fact(label="Where", value="Turning, machining"), Fact(label="Since", value="10:02")],
    gaps=["spare parts"],
    choices=[Choice(verb="accept", style="primary"), Choice(verb="decline")],
    deadline="10:07",
    otherwise="the maintenance lead is asked.",
    task="tsk_0199:1",
    code="K7QP",
    link="https://mos.example.com/e/exc_0199",
)
MINE = TASK.model_copy(
    update={
        "standing": Standing.YOURS,
        "at": "10:04",
        "choices": [Choice(verb="arrived"), Choice(verb="done", style="primary")],
        "inputs": [
            Input(name="cause", label="Cause"),
            Input(name="estimate", label="Estimate", kind="duration", required=True),
        ],
        "deadline": "",
        "otherwise": "",
    }
)
APPROVE = Message(
    kind=MessageKind.APPROVE,
    definition="breakdown",
    exception_id="exc_0199",
    step="new_plan",
    title="Choose a new plan for Lathe 1",
    options=[
        OptionCard(
            id="push",
            title="Push everything right",
            summary="Keeps the order.",
            figures=[Fact(label="Late orders", value="2"), Fact(label="Moves", value="0")],
        ),
        OptionCard(id="swap", title="Swap to Lathe 2", figures=[Fact(label="Late orders", value="0")]),
    ],
    choices=[Choice(verb="approve:push"), Choice(verb="approve:swap"), Choice(verb="reject", style="danger")],
    deadline="10:30",
    task="tsk_0200:3",
    code="M4XZ",
)
_CHANGES = [Change(record=f"production JO-10{n:02}", field="priority", before="50", after=str(n)) for n in range(4)]
_PREVIEWS = (OptionPreview(changes=_CHANGES, total=6), OptionPreview(away=["erp"]))
PREVIEWED = APPROVE.model_copy(
    update={
        "link": "https://mos.example.com/t/1",
        "options": [
            option.model_copy(update={"preview": preview})
            for option, preview in zip(APPROVE.options, _PREVIEWS, strict=True)
        ],
    }
)
_MOVED = OptionPreview(
    changes=[
        Change(record="operation JO-1002/10", field="work center", after="lathe-2"),
        Change(
            record="operation JO-1002/10",
            field="planned end",
            before="2026-11-22T19:39:00Z",
            after="2026-11-22T23:10:00Z",
        ),
    ],
    total=2,
)
MOVED = PREVIEWED.model_copy(
    update={
        "options": [APPROVE.options[0].model_copy(update={"preview": _MOVED})],
        "times": {"zone": "Europe/Prague"},
    }
)
NOTIFY = Message(
    kind=MessageKind.NOTIFY,
    definition="breakdown",
    exception_id="exc_0199",
    title="Staging for JO-1003 moves to 14:30",
    facts=[Fact(label="Material", value="BAR-40, lot L-BAR-502")],
)
REPLY = Message(
    kind=MessageKind.REPLY, definition="breakdown", exception_id="exc_0199", title="Lathe 1 is down", code="K7QP"
)

CASES = {
    "task-open": TASK,
    "task-yours": MINE,
    "task-taken": TASK.model_copy(update={"standing": Standing.TAKEN, "by": "Petr Novak", "at": "10:03"}),
    "task-done": TASK.model_copy(update={"standing": Standing.DONE, "by": "Petr Novak", "at": "11:40"}),
    "task-withdrawn": TASK.model_copy(update={"standing": Standing.WITHDRAWN, "at": "10:05"}),
    "task-open-de": TASK.model_copy(update={"language": "de-AT", "title": "Drehmaschine 1 steht", "body": []}),
    "approve-open": APPROVE,
    "approve-decided": APPROVE.model_copy(update={"standing": Standing.DECIDED, "by": "Jana", "at": "10:12"}),
    "approve-expired": APPROVE.model_copy(update={"standing": Standing.EXPIRED}),
    "approve-link-only": APPROVE.model_copy(update={"choices": [], "link": "https://mos.example.com/t/1"}),
    "approve-previewed": PREVIEWED,
    "approve-previewed-de": PREVIEWED.model_copy(update={"language": "de"}),
    **{f"approve-moved-{one}": MOVED.model_copy(update={"language": one}) for one in ("en", "de", "es", "pl")},
    "approve-open-de": APPROVE.model_copy(update={"language": "de"}),
    "notify-open": NOTIFY,
    "notify-withdrawn": NOTIFY.model_copy(update={"standing": Standing.WITHDRAWN}),
    "reply-taken": REPLY.model_copy(update={"reply_code": "taken", "by": "Petr Novak", "at": "10:03"}),
    "reply-ask-again": REPLY.model_copy(update={"reply_code": "ask_again"}),
    "reply-body": REPLY.model_copy(update={"body": ["Three tasks are open."]}),
    "reply-taken-de": REPLY.model_copy(update={"reply_code": "taken", "language": "de"}),
}


@pytest.mark.parametrize("channel", [ChannelName.SLACK, ChannelName.SMS])
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, channel: ChannelName) -> None:
    payload = render(CASES[case], channel)
    sms = channel is ChannelName.SMS
    text = payload["body"] + "\n" if sms else json.dumps(payload, indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{case}.{channel}.{'txt' if sms else 'json'}"
    if os.environ.get("MOS_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


@pytest.mark.parametrize("standing", [s for s in Standing if s not in (Standing.OPEN, Standing.YOURS)])
def test_what_is_over_can_no_longer_be_pressed(standing: Standing) -> None:
    over = TASK.model_copy(update={"standing": standing, "inputs": MINE.inputs})
    blocks = render(over, ChannelName.SLACK)["blocks"]
    assert not [block for block in blocks if block["type"] in ("actions", "input")]
    assert "K7QP" not in render(over, ChannelName.SMS)["body"]


def test_no_golden_file_without_a_case() -> None:
    assert {file.name.split(".")[0] for file in GOLDEN.iterdir()} == set(CASES)
