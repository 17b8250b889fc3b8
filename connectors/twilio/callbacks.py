"""Which of Twilio's callbacks are believed: signed for our public URL, of our account, to or from our sender."""

from collections.abc import Callable, Collection

from connectors.roles import CallbackRequest
from connectors.twilio import mapping
from connectors.twilio.client import signed
from connectors.twilio.config import TwilioConfig
from connectors.twilio.mapping import Form
from domain.errors import AuthError, InvalidPayloadError


class Callbacks:
    """`ours`: our senders as this channel writes them; `ours_is`: the parameter that names the one concerned."""

    def __init__(
        self,
        config: TwilioConfig,
        ours: Collection[str],
        ours_is: Callable[[CallbackRequest, Form], str],
        service: str = "",
    ) -> None:
        self._config, self._ours, self._ours_is, self._service = config, ours, ours_is, service

    def verify(self, request: CallbackRequest) -> None:
        """The signature over the public URL and all parameters, then the account and our sender. The signature has no
        time: a replay holds, and is found by its dedupe key."""
        fields = self.fields(request)
        if not any(signed(request, fields, token, self._config.signature) for token in self._config.tokens):
            raise AuthError("The Twilio callback is not signed for this URL.", code="twilio.signature")
        if fields is not None and not self._is_ours(request, fields):
            raise AuthError("The Twilio callback is of another account or number.", code="twilio.origin")

    def fields(self, request: CallbackRequest) -> Form | None:
        """The form's fields; None for a body that is not a form. Raises AuthError when a form cannot even be parsed."""
        if "form-urlencoded" not in request.headers.get("content-type", "") and request.body:
            return None
        try:
            return mapping.form(request)
        except InvalidPayloadError as error:
            raise AuthError("The Twilio callback cannot be checked.", detail=error.detail) from error

    def form(self, request: CallbackRequest) -> Form:
        """As `fields`. Raises InvalidPayloadError for JSON, which says nothing to us."""
        fields = self.fields(request)
        if fields is None:
            raise InvalidPayloadError("Twilio's messages come as a form, not as JSON.", code="twilio.callback")
        return fields

    def _is_ours(self, request: CallbackRequest, fields: Form) -> bool:
        try:
            account = mapping.single(fields, "AccountSid")
            sender = mapping.single(fields, self._ours_is(request, fields))
            service = mapping.single(fields, "MessagingServiceSid")
        except InvalidPayloadError:
            return False
        by_service = bool(service) and service == self._service
        return account == self._config.account_sid and (sender in self._ours or by_service)


def of_message(request: CallbackRequest, fields: Form) -> str:
    """A delivery state is of a message from us, any other of one to us."""
    return "From" if mapping.status(request, fields) else "To"


def of_call(request: CallbackRequest, fields: Form) -> str:
    """A call that we made is from us."""
    return "To" if mapping.single(fields, "Direction") == "inbound" else "From"
