"""E-mail as a one-way channel like any other."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.channel.suite import SendingConformance
from tests.connectors.email.lab import PASSWORD, EmailLab, email_lab


class TestEmailConformance(SendingConformance):
    @pytest.fixture
    async def lab(self) -> AsyncIterator[EmailLab]:
        async with email_lab(username="mos", password=PASSWORD) as lab:
            yield lab
