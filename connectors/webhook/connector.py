"""Signed webhooks: is it theirs, and what does it say. Two steps, so that nothing unsigned is ever parsed."""

from collections.abc import Mapping, Sequence

from connectors.roles import CallbackRequest
from connectors.webhook.client import read_event, verify_signature
from connectors.webhook.config import WebhookConfig
from connectors.webhook.mapping import CLOUDEVENT
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal

MAX_BODY = 256 * 1024
"""Bytes. The web server should refuse more before it has read it (413)."""
_NAME_LIMIT = 200


def verify(request: CallbackRequest, secrets: Sequence[str]) -> None:
    """Raises AuthError unless one of `secrets` (whsec_...) signed exactly these bytes within 5 minutes.

    Raises InvalidPayloadError for a body over MAX_BODY."""
    if len(request.body) > MAX_BODY:
        raise InvalidPayloadError(f"The webhook is larger than {MAX_BODY} bytes: send less.")
    verify_signature(request.body, request.headers, secrets)


def read(request: CallbackRequest) -> RawSignal:
    """The event of a verified request. Raises InvalidPayloadError with what is wrong."""
    event, moment = read_event(request.body, request.headers)
    for name in ("id", "source"):
        if not isinstance(event.get(name), str) or not 0 < len(event[name]) <= _NAME_LIMIT:
            raise InvalidPayloadError(f"The event's '{name}' must be a text of 1 to {_NAME_LIMIT} characters.")
    if request.headers.get("webhook-id") != event["id"]:
        raise InvalidPayloadError("The header webhook-id differs from the event's id: send the same in both.")
    return RawSignal(source=event["source"], event_id=event["id"], kind=CLOUDEVENT, body=event, occurred_at=moment)


class Webhook:
    """The entrance with its settings: `verify` then `read`."""

    def __init__(self, config: WebhookConfig, secrets: Sequence[str]) -> None:
        self._config = config
        self._secrets = tuple(secrets)

    def verify(self, request: CallbackRequest) -> None:
        """See the module's `verify`."""
        verify(request, self._secrets)

    def read(self, request: CallbackRequest) -> RawSignal:
        """See the module's `read`; refuses a source that is not in the settings."""
        raw = read(request)
        if self._config.sources and raw.source not in self._config.sources:
            raise InvalidPayloadError(f"Source {raw.source!r} may not use this entrance: add it to its settings.")
        return raw


def build(config: WebhookConfig, secrets: Mapping[str, str]) -> Webhook:
    """`secrets["signing"]`: one secret, or several separated by white space while they are rotated."""
    return Webhook(config, secrets["signing"].split())
