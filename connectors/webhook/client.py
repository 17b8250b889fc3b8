"""The only place that knows standardwebhooks and cloudevents."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import BaseCloudEventException
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from domain.errors import AuthError, ConfigError, InvalidPayloadError
from domain.values import Json


def verify_signature(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """HMAC-SHA256 over id, timestamp and the raw body, at most 5 minutes old, under any of our secrets.

    The library lets ValueError escape for headers that are no base64 and for a body that is no UTF-8: also a refusal.
    """
    hooks = [_hook(secret) for secret in secrets]
    if not hooks:
        raise ConfigError("The webhook entrance has no signing secret: give it one.")
    reasons = []
    for hook in hooks:
        try:
            hook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            reasons.append(f"{type(error).__name__}: {error}")
        else:
            return
    raise AuthError("The webhook's signature does not hold: check the sender's secret and clock.", detail=reasons[-1])


def _hook(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError) as error:
        raise ConfigError("A webhook signing secret is no base64 text that starts with whsec_.") from error


def read_event(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Json], datetime | None]:
    """A CloudEvent as its sender wrote it, from structured or binary mode, and its time. Raises InvalidPayloadError.

    The library checks it; it also invents a missing `id` and `time`, which would make every repeat a new event: so only
    what the sender gave is taken.
    """
    try:
        event: Any = from_http_event(HTTPMessage(headers=dict(headers), body=body))
        attributes = event.get_attributes()
        given = _given(body, headers)
    except BaseCloudEventException as error:
        raise InvalidPayloadError("The webhook is no CloudEvents 1.0 event.", detail=str(error)) from error
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise InvalidPayloadError("The webhook's body cannot be read as a CloudEvent.", detail=repr(error)) from error
    moment = attributes.get("time") if "time" in given else None
    return {**given, "data": _data(event.get_data())}, moment if isinstance(moment, datetime) else None


def _given(body: bytes, headers: Mapping[str, str]) -> dict[str, Json]:
    if "ce-specversion" in headers:
        return {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
    return {name: value for name, value in json.loads(body).items() if name not in ("data", "data_base64")}


def _data(data: Json) -> Json:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
