"""Clients that speak to this machine only."""

import ssl
from typing import Final

LOOPBACK: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""`verify` of such a client: reading the machine's certificates takes 30 ms and more a client. It trusts nobody."""
