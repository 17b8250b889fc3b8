"""Whoever answers too late is told how it stands, in each language and by each channel."""

import pytest

from domain.asking.messages import Message, MessageKind
from domain.asking.tasks import FINISHED
from domain.rosters.people import ChannelName
from templates.render import render

LATE = [*(standing.value for standing in FINISHED), "taken"]


@pytest.mark.parametrize("channel", [ChannelName.SLACK, ChannelName.SMS])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("code", LATE)
def test_every_way_to_be_late_has_its_sentence(code: str, language: str, channel: ChannelName) -> None:
    reply = Message(
        kind=MessageKind.REPLY, definition="", exception_id="exc_1", language=language, title="", reply_code=code,
        by="Jana", at="10:12", code="K7QM",
    )  # fmt: skip
    assert len(str(render(reply, channel))) > 40
