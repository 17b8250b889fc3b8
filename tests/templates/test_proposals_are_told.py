"""Wherever a value of an agent is shown, the message says that it is a proposal, in the reader's language."""

import json

import pytest

from domain.asking.messages import Message, MessageKind
from domain.rosters.people import ChannelName
from domain.values import Json
from templates.render import render
from templates.words import say

CHANNELS = [ChannelName.SLACK, ChannelName.SMS, ChannelName.WHATSAPP, ChannelName.EMAIL, ChannelName.VOICE]


def text(channel: ChannelName, language: str, proposals: list[Json]) -> str:
    message = Message(
        kind=MessageKind.TASK, definition="x", exception_id="e", title="t", language=language, task="tsk_1:1",
        code="K7QP", link="https://mos.example/e", values={"proposals": proposals} if proposals else {},
    )  # fmt: skip
    return json.dumps(render(message, channel), ensure_ascii=False)


@pytest.mark.parametrize("language", ["de", "en", "es", "pl"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_says_so(channel: ChannelName, language: str) -> None:
    said = say(language, "labels.proposed", {})
    sent = text(channel, language, ["history (80 %)"])
    plain = text(channel, language, [])
    assert said.split()[-1][:6] in sent  # an SMS writes Polish letters plainly
    assert said.split()[-1][:6] not in plain
    assert ("80 %" in sent) == (channel is not ChannelName.VOICE)


def test_a_name_is_never_markup() -> None:
    """Names come from the site, confidences from the agent: neither may format a message."""
    assert "<!channel>" not in text(ChannelName.SLACK, "en", ["<!channel>"])
