"""Twilio as a channel like any other."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.channel.suite import ChannelConformance
from tests.connectors.twilio.lab import TwilioLab, twilio_lab


class TestTwilioConformance(ChannelConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[TwilioLab]:
        async with twilio_lab() as lab:
            yield lab
