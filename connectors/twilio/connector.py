"""SMS by Twilio as a channel."""

from datetime import datetime, timedelta

from connectors.pictures import Picture
from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, Media, SentMessage
from connectors.twilio import mapping
from connectors.twilio.callbacks import Callbacks, of_message
from connectors.twilio.client import TwilioClient, twiml
from connectors.twilio.config import TwilioConfig
from connectors.twilio.mapping import DeliveryStatus
from connectors.twilio.media import MediaFetcher
from connectors.twilio.memory import Memory, Nothing
from domain.errors import InvariantError
from domain.rosters.people import ChannelName

SKEW = timedelta(minutes=2)  # Twilio stamps with its own clock, in whole seconds


class TwilioChannel:
    """Speaks to people by SMS. An address is a phone number in E.164."""

    name = ChannelName.SMS
    can_edit = False
    can_find = True

    def __init__(self, config: TwilioConfig, memory: Memory | None = None) -> None:
        self._config, self._memory = config, memory or Nothing()
        self._client = TwilioClient(config)
        self._callbacks = Callbacks(config, config.numbers, of_message, config.messaging_service_sid)

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        config, text = self._config, mapping.body(message)
        service = config.messaging_service_sid
        sender = {"messaging_service_sid": service} if service else {"from_": config.numbers[0]}
        callback = mapping.status_url(config.public_url, config.status_path, message.key)
        sid = await self._client.create(to=message.address, body=text, status_callback=callback, **sender)
        return SentMessage(vendor_id=sid)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """By the number and the exact text, which carries the task's code: Twilio keeps no key of ours."""
        text, oldest = mapping.body(message), since - SKEW
        sids = [
            sid
            for sid, body, created in await self._client.sent_to(message.address)
            if mapping.same_text(body, text) and (created is None or created >= oldest)
        ]
        return await unclaimed(self._memory, sids, message.key)

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        raise InvariantError("An SMS cannot be changed after it was sent.")

    async def picture(self, media: Media) -> Picture:
        """See MediaFetcher.fetch."""
        return await MediaFetcher(self._config).fetch(media)

    def verify(self, request: CallbackRequest) -> None:
        """See Callbacks.verify."""
        self._callbacks.verify(request)

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """A person's SMS; nothing for a delivery state (see `status`)."""
        fields = self._callbacks.form(request)
        return [] if mapping.status(request, fields) else [mapping.inbound(fields)]

    def status(self, request: CallbackRequest) -> DeliveryStatus | None:
        """The delivery state that a verified callback reports, or None."""
        fields = self._callbacks.fields(request)
        return mapping.status(request, fields) if fields is not None else None

    def answer(self, text: str = "") -> tuple[str, str]:
        """Content type and body of our HTTP answer: anything but XML would be logged as an error or sent as an SMS."""
        return "text/xml", twiml(text)


async def unclaimed(memory: Memory, sids: list[str], key: str) -> SentMessage | None:
    """The newest of these that is not known to be another message's."""
    others = await memory.claimed(sids, key) if sids else ()
    return next((SentMessage(vendor_id=sid) for sid in sids if sid not in others), None)


def build(config: TwilioConfig, memory: Memory | None = None) -> TwilioChannel:
    return TwilioChannel(config, memory)
