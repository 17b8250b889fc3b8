"""Twilio's channels as channels like any other."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.channel.suite import ChannelConformance
from tests.connectors.twilio.lab import TwilioLab, twilio_lab
from tests.connectors.twilio.lines import VoiceLab, WhatsAppLab, voice_lab, whatsapp_lab


class TestTwilioConformance(ChannelConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[TwilioLab]:
        async with twilio_lab() as lab:
            yield lab


class TestWhatsAppConformance(ChannelConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[WhatsAppLab]:
        async with whatsapp_lab() as lab:
            yield lab


class TestVoiceConformance(ChannelConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[VoiceLab]:
        async with voice_lab() as lab:
            yield lab
