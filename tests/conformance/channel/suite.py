"""What every channel must do (house: one suite for each role). A channel subclasses it and gives a `lab`."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from connectors.roles import CallbackRequest, Channel, ChannelMessage
from domain.errors import (
    AuthError,
    InvalidPayloadError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    TransientError,
)
from tests.conformance.channel.recorder import Fault


class SendingLab(Protocol):
    """A channel beside a double of its vendor."""

    channel: Any  # a Channel
    secrets: list[str]

    def message(self, key: str, text: str = ...) -> ChannelMessage: ...

    def delivered(self) -> list[str]:
        """The texts that the vendor has taken for the person."""
        ...

    def fail(self, *faults: Fault) -> None: ...

    def unreachable(self) -> Channel:
        """The same channel configured to a port where nobody listens."""
        ...


class Lab(SendingLab, Protocol):
    """One that people answer by."""

    def press(self) -> CallbackRequest:
        """A genuine answer of a person, signed by the vendor."""
        ...

    def elsewhere(self) -> list[CallbackRequest]:
        """Callbacks with good signatures that are of another account, app, team or number."""
        ...


class SendingConformance:
    """What a one-way channel must do too. Subclass it and provide the fixture `lab`."""

    async def test_refused_credentials(self, lab: SendingLab) -> None:
        lab.fail(Fault.REFUSED_AUTH)
        with pytest.raises(AuthError):
            await lab.channel.send(lab.message("msg_1"))
        assert lab.delivered() == []

    async def test_unknown_address_is_refused_with_a_code(self, lab: SendingLab) -> None:
        lab.fail(Fault.REFUSED_ADDRESS)
        with pytest.raises((RejectedError, NotFoundError)) as caught:
            await lab.channel.send(lab.message("msg_1"))
        assert caught.value.code.partition(".")[0] in ("slack", "twilio", "email")

    async def test_unreachable_is_transient(self, lab: SendingLab) -> None:
        with pytest.raises(TransientError):
            await lab.unreachable().send(lab.message("msg_1"))

    async def test_message_without_content_never_leaves(self, lab: SendingLab) -> None:
        with pytest.raises(InvalidPayloadError):
            await lab.channel.send(replace(lab.message("msg_1"), payload={}))
        assert lab.delivered() == []

    @pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.SILENT])
    async def test_lost_answer_is_unsure(self, lab: SendingLab, fault: Fault) -> None:
        lab.fail(fault)
        with pytest.raises(OutcomeUnknownError):
            await lab.channel.send(lab.message("msg_1"))
        assert len(lab.delivered()) == 1

    async def test_secrets_show_nowhere(self, lab: SendingLab, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        seen: list[Any] = [repr(lab.channel), repr(vars(lab.channel))]
        for fault in Fault:
            lab.fail(fault)
            with pytest.raises(MosError) as caught:
                await lab.channel.send(lab.message(f"msg_{fault.name}"))
            seen += [repr(caught.value), caught.value.message, caught.value.detail]
        shown = "\n".join([*seen, caplog.text])
        assert not [secret for secret in lab.secrets if secret in shown]


class ChannelConformance(SendingConformance):
    """Subclass it and provide the fixture `lab`."""

    @pytest.fixture
    def since(self) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=1)

    async def test_sends_once_and_is_found_again(self, lab: Lab, since: datetime) -> None:
        message = lab.message("msg_1")
        sent = await lab.channel.send(message)
        assert len(lab.delivered()) == 1
        assert await lab.channel.find(message, since) == sent

    async def test_finds_nothing_that_was_not_sent(self, lab: Lab, since: datetime) -> None:
        await lab.channel.send(lab.message("msg_1", "Lathe 1 is down"))
        assert await lab.channel.find(lab.message("msg_2", "Mill 2 is down"), since) is None

    @pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.SILENT, Fault.BROKEN, Fault.GARBLED])
    async def test_unsure_after_sending_is_looked_up_and_not_doubled(
        self, lab: Lab, since: datetime, fault: Fault
    ) -> None:
        lab.fail(fault)
        message = lab.message("msg_1")
        with pytest.raises(OutcomeUnknownError):
            await lab.channel.send(message)
        assert await lab.channel.find(message, since) is not None
        assert len(lab.delivered()) == 1

    async def test_rate_limit_says_how_long_and_is_not_repeated(self, lab: Lab) -> None:
        lab.fail(Fault.REFUSED_RATE)
        with pytest.raises(RateLimitedError) as caught:
            await lab.channel.send(lab.message("msg_1"))
        assert caught.value.retry_after == 7
        assert lab.delivered() == []

    def test_genuine_answer_is_believed_and_read_the_same_each_time(self, lab: Lab) -> None:
        request = lab.press()
        lab.channel.verify(request)
        first, again = lab.channel.read(request), lab.channel.read(request)
        assert len(first) == 1
        assert first[0].dedupe_key == again[0].dedupe_key != ""
        assert first[0].address
        assert first[0].channel is lab.channel.name

    @pytest.mark.parametrize("change", ["body", "signature", "unsigned", "empty"])
    def test_forged_answer_is_refused(self, lab: Lab, change: str) -> None:
        with pytest.raises(AuthError):
            lab.channel.verify(_forged(lab.press(), change))

    def test_answer_meant_for_somebody_else_is_refused(self, lab: Lab) -> None:
        others = lab.elsewhere()
        assert len(others) >= 2
        for request in others:
            with pytest.raises(AuthError):
                lab.channel.verify(request)


def _forged(request: CallbackRequest, change: str) -> CallbackRequest:
    unsigned = {name: value for name, value in request.headers.items() if not name.endswith("-signature")}
    if change == "body":
        return replace(request, body=request.body + b"&extra=1")
    if change == "signature":
        return replace(
            request, headers=unsigned | {"x-slack-signature": "v0=" + "0" * 64, "x-twilio-signature": "AAAA"}
        )
    if change == "unsigned":
        return replace(request, headers=unsigned)
    return replace(request, body=b"")
