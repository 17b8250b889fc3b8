"""Slack as a channel like any other."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.channel.suite import ChannelConformance
from tests.connectors.slack.lab import SlackLab, slack_lab


class TestSlackConformance(ChannelConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[SlackLab]:
        async with slack_lab() as lab:
            yield lab
