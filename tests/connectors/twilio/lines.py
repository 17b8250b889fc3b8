"""WhatsApp and voice beside the Twilio of `lab`, with a memory that knows what status callbacks told."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from connectors.roles import CallbackRequest, ChannelMessage
from connectors.twilio.voice import VoiceChannel
from connectors.twilio.whatsapp import WhatsAppChannel
from domain.rosters.people import ChannelName
from domain.values import Json
from tests.conformance.channel.recorder import HASTY_S, Fault, Recorder, served
from tests.connectors.twilio.lab import ACCOUNT, OURS, PERSON, TOKEN, Account, config, refuse, signed, sms

CONTENTS = {name: "HX" + f"{n:032x}" for n, name in enumerate(("task.en", "yours.en", "approve2.en", "notify.en"))}
CALL = "CA" + "d4" * 16


@dataclass
class Remembered:
    """See connectors.twilio.memory.Memory; `wrote` = the person's last message."""

    account: Account
    wrote: datetime | None = None
    deaf: bool = False  # no status callback has come

    async def last_inbound(self, channel: ChannelName, address: str) -> datetime | None:
        return self.wrote if (channel, address) == (ChannelName.WHATSAPP, PERSON) else None

    async def claimed(self, vendor_ids: Sequence[str], key: str) -> Collection[str]:
        known = {call["sid"]: parse_qs(urlsplit(call["asked"]["StatusCallback"]).query) for call in self.account.calls}
        return {sid for sid, query in known.items() if query["key"] != [key]} if not self.deaf else set()


@dataclass
class WhatsAppLab:
    """See tests.conformance.channel.suite.Lab. The session is open."""

    patient: WhatsAppChannel
    hasty: WhatsAppChannel
    account: Account
    recorder: Recorder
    memory: Remembered
    secrets: list[str] = field(default_factory=lambda: [TOKEN])

    @property
    def channel(self) -> WhatsAppChannel:
        return self.hasty if Fault.SILENT in self.recorder.faults else self.patient

    def message(self, key: str, text: str = "K7QP Lathe 1 is down") -> ChannelMessage:
        return ChannelMessage(key, PERSON, {"body": text, "language": "en", "content": "", "texts": [text]})

    def delivered(self) -> list[str]:
        return [str(message["body"]) for message in self.account.messages]

    def fail(self, *faults: Fault) -> None:
        self.recorder.faults.extend(faults)

    def unreachable(self) -> WhatsAppChannel:
        return WhatsAppChannel(config("http://127.0.0.1:1", whatsapp_number=OURS), self.memory)

    def press(self) -> CallbackRequest:
        return signed(written())

    def elsewhere(self) -> list[CallbackRequest]:
        return [
            signed(written(AccountSid="AC" + "f" * 32)),
            signed(written(To="whatsapp:+420999999999")),
            signed(written(To=OURS)),
        ]


def written(**changes: str) -> dict[str, str]:
    """The parameters of a WhatsApp message to us."""
    ends = {"From": f"whatsapp:{PERSON}", "To": f"whatsapp:{OURS}", "WaId": PERSON[1:], "ProfileName": "The boss"}
    return sms(**{**ends, **changes})


@asynccontextmanager
async def whatsapp_lab(*, session: bool = True, **more: Json) -> AsyncIterator[WhatsAppLab]:
    account = Account()
    recorder = Recorder(account.answer, lambda call: call.method == "POST", refuse)
    memory = Remembered(account, datetime.now(UTC) - timedelta(hours=1) if session else None)
    async with served(recorder):
        patient, hasty = (
            WhatsAppChannel(config(recorder.url, **({"whatsapp_number": OURS} | more | patience)), memory)
            for patience in ({}, {"timeout": HASTY_S})
        )
        yield WhatsAppLab(patient, hasty, account, recorder, memory)
        await patient.close()
        await hasty.close()


@dataclass
class VoiceLab:
    """See tests.conformance.channel.suite.Lab."""

    patient: VoiceChannel
    hasty: VoiceChannel
    account: Account
    recorder: Recorder
    memory: Remembered
    secrets: list[str] = field(default_factory=lambda: [TOKEN])

    @property
    def channel(self) -> VoiceChannel:
        return self.hasty if Fault.SILENT in self.recorder.faults else self.patient

    def message(self, key: str, text: str = "Lathe 1 is down.") -> ChannelMessage:
        return ChannelMessage(key, PERSON, script(say=text))

    def delivered(self) -> list[str]:
        return [str(call["sid"]) for call in self.account.calls]

    def fail(self, *faults: Fault) -> None:
        self.recorder.faults.extend(faults)

    def unreachable(self) -> VoiceChannel:
        return VoiceChannel(config("http://127.0.0.1:1"), self.memory)

    def press(self) -> CallbackRequest:
        return pressed("1")

    def elsewhere(self) -> list[CallbackRequest]:
        return [pressed("1", AccountSid="AC" + "f" * 32), pressed("1", From="+420999999999")]


def script(**changes: Json) -> dict[str, Json]:
    """What the voice template renders."""
    said = {"say": "Lathe 1 is down.", "language": "en", "keys": {"1": "accept", "2": "decline"}, "task": "tsk_1:1"}
    return {**said, "received": "Received.", "unclear": "No such key.", "bye": "Good bye.", **changes}


def calling(**changes: str) -> dict[str, str]:
    """The parameters of a callback of a call that we made."""
    fields = {"CallSid": CALL, "AccountSid": ACCOUNT, "From": OURS, "To": PERSON, "Direction": "outbound-api"}
    return {**fields, "CallStatus": "in-progress", "ApiVersion": "2010-04-01", **changes}


ANSWER = "/twilio/voice/answer?key=msg_1&round=1&task=tsk_1%3A1&keys=1.accept%2C2.decline"


def pressed(digits: str, path: str = ANSWER, **changes: str) -> CallbackRequest:
    return signed(calling(Digits=digits, **changes), path)


@asynccontextmanager
async def voice_lab(**more: Json) -> AsyncIterator[VoiceLab]:
    account = Account()
    recorder = Recorder(account.answer, lambda call: call.method == "POST", refuse)
    memory = Remembered(account)
    async with served(recorder):
        patient, hasty = (
            VoiceChannel(config(recorder.url, **(more | patience)), memory) for patience in ({}, {"timeout": HASTY_S})
        )
        yield VoiceLab(patient, hasty, account, recorder, memory)
        await patient.close()
        await hasty.close()
