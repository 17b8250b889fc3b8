"""Settings of the mail server that takes our e-mail."""

import re
from ipaddress import ip_address
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

_PORTS = {"tls": 465, "starttls": 587, "none": 25}


class EmailConfig(BaseModel):
    """`security`: tls (from the first byte), starttls (required, never given up), or none, which only a server on this
    machine may have. `sender` is our address; a username needs a password. `timeout` in seconds, for each step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    sender: str
    sender_name: str = ""
    ca_file: str | None = None
    timeout: float = Field(default=10, gt=0, le=120)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not is_address(self.sender):
            raise ValueError("sender is an address such as mos@example.com")
        if any(ord(char) < 32 for char in self.sender_name):
            raise ValueError("sender_name is one line")
        if bool(self.username) != bool(self.password and self.password.get_secret_value()):
            raise ValueError("give username and password, or neither")
        if self.security == "none" and not _is_here(self.host):
            raise ValueError("security none is for a mail server on this machine only: use starttls or tls")
        return self

    @property
    def server_port(self) -> int:
        return self.port or _PORTS[self.security]


_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


def is_address(text: str) -> bool:
    """A plain ASCII address: no name, no quotes, no line break, nothing that could begin another header or command."""
    return _ADDRESS.fullmatch(text) is not None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
