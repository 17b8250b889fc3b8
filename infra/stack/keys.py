"""Secrets of one installation: made once, kept in <data>/secrets/<name>, mode 0600, never printed."""

import base64
import secrets
import uuid
from collections.abc import Callable

from domain.errors import ConfigError
from infra.stack.folder import DataFolder, explained, write_private


def random_token() -> str:
    """43 URL-safe characters, 256 bits."""
    return secrets.token_urlsafe(32)


def webhook_secret() -> str:
    """Standard Webhooks form: `whsec_` and base64 of 32 bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def hex_token() -> str:
    """32 hexadecimal digits: the shape of a Twilio auth token and of a Slack signing secret."""
    return secrets.token_hex(16)


def account_sid() -> str:
    """The shape of a Twilio account sid."""
    return "AC" + uuid.uuid4().hex


class Keys:
    """Reads or makes the secrets of a data folder."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder.secrets

    def get(self, name: str, make: Callable[[], str] = random_token) -> str:
        """The secret `name`; made by `make` at first use. Raises ConfigError when its file is empty or unreadable."""
        path = self._folder / name
        with explained(path):
            if not path.exists():
                write_private(path, make())
            value = path.read_text(encoding="utf-8").strip()
        if not value:
            raise ConfigError(f"{path} is empty: restore it, or remove it to have a new one made")
        return value

    def known(self, name: str) -> bool:
        return (self._folder / name).exists()
