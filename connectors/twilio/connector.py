"""SMS by Twilio as a channel."""

from datetime import datetime, timedelta

from connectors.roles import CallbackRequest, ChannelMessage, InboundMessage, SentMessage
from connectors.twilio import mapping
from connectors.twilio.client import TwilioClient, signed, twiml
from connectors.twilio.config import TwilioConfig
from connectors.twilio.mapping import DeliveryStatus, Form
from domain.errors import AuthError, InvalidPayloadError, InvariantError
from domain.people import ChannelName

_SKEW = timedelta(minutes=2)  # Twilio stamps with its own clock, in whole seconds


class TwilioChannel:
    """Speaks to people by SMS. An address is a phone number in E.164."""

    name = ChannelName.SMS
    can_edit = False
    can_find = True

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config
        self._client = TwilioClient(config)

    async def close(self) -> None:
        await self._client.close()

    async def send(self, message: ChannelMessage) -> SentMessage:
        config = self._config
        service = config.messaging_service_sid
        sender = {"messaging_service_sid": service} if service else {"from_": config.numbers[0]}
        callback = mapping.status_url(config.public_url, config.status_path, message.key)
        sid = await self._client.create(
            to=message.address, body=mapping.body(message), status_callback=callback, **sender
        )
        return SentMessage(vendor_id=sid)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """By the number and the exact text, which carries the task's code: Twilio keeps no key of ours."""
        text, oldest = mapping.body(message), since - _SKEW
        for sid, body, created in await self._client.sent_to(message.address):
            if mapping.same_text(body, text) and (created is None or created >= oldest):
                return SentMessage(vendor_id=sid)
        return None

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        raise InvariantError("An SMS cannot be changed after it was sent.")

    def verify(self, request: CallbackRequest) -> None:
        """The signature over the public URL and all parameters, then the account and our number. The signature has no
        time: a replay holds, and is found by `dedupe_key`."""
        fields = self._fields(request)
        if not signed(request, fields, self._config.auth_token.get_secret_value(), self._config.signature):
            raise AuthError("The Twilio callback is not signed for this URL.", code="twilio.signature")
        if fields is not None and not self._ours(request, fields):
            raise AuthError("The Twilio callback is of another account or number.", code="twilio.origin")

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """A person's SMS; nothing for a delivery state (see `status`)."""
        fields = self._fields(request)
        if fields is None:
            raise InvalidPayloadError("Twilio's messages come as a form, not as JSON.", code="twilio.callback")
        return [] if mapping.status(request, fields) else mapping.inbound(fields)

    def status(self, request: CallbackRequest) -> DeliveryStatus | None:
        """The delivery state that a verified callback reports, or None."""
        fields = self._fields(request)
        return mapping.status(request, fields) if fields is not None else None

    def answer(self, text: str = "") -> tuple[str, str]:
        """Content type and body of our HTTP answer: anything but XML would be logged as an error or sent as an SMS."""
        return "text/xml", twiml(text)

    def _fields(self, request: CallbackRequest) -> Form | None:
        """The form's fields; None for a body that is not a form. Raises AuthError when a form cannot even be parsed."""
        if "form-urlencoded" not in request.headers.get("content-type", "") and request.body:
            return None
        try:
            return mapping.form(request)
        except InvalidPayloadError as error:
            raise AuthError("The Twilio callback cannot be checked.", detail=error.detail) from error

    def _ours(self, request: CallbackRequest, fields: Form) -> bool:
        try:
            account = mapping.single(fields, "AccountSid")
            number = mapping.single(fields, "From" if mapping.status(request, fields) else "To")
            service = mapping.single(fields, "MessagingServiceSid")
        except InvalidPayloadError:
            return False
        by_service = bool(service) and service == self._config.messaging_service_sid
        return account == self._config.account_sid and (number in self._config.numbers or by_service)


def build(config: TwilioConfig) -> TwilioChannel:
    return TwilioChannel(config)
