"""The keys of the audit: one signs heads, its public half and earlier ones are trusted."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.audit.chain import Head
from domain.errors import ConfigError

_SHORTEST = 32


class Signer:
    """Signs with Ed25519 (RFC 8032); the key is made from MOS_AUDIT_KEY. Raises ConfigError when that is too short."""

    def __init__(self, secret: str) -> None:
        if len(secret) < _SHORTEST:
            raise ConfigError(f"MOS_AUDIT_KEY: at least {_SHORTEST} random characters")
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mos:audit head 1").derive(secret.encode())
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.b64encode(raw).decode()
        self.id = key_id(raw)

    def sign(self, head: Head) -> Head:
        signature = base64.b64encode(self._key.sign(head.signed())).decode()
        return replace(head, key=self.id, signature=signature)


class Trusted:
    """Public keys (base64 of 32 bytes), whose signatures count. Raises ConfigError when one is none."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        for key in keys:
            try:
                raw = base64.b64decode(key.strip(), validate=True)
                self._keys[key_id(raw)] = Ed25519PublicKey.from_public_bytes(raw)
            except ValueError:
                raise ConfigError(f"'{key.strip()}' is no public key of the audit: see 'mos audit head'") from None

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def public(self) -> list[str]:
        """As base64."""
        raw = (key.public_bytes(Encoding.Raw, PublicFormat.Raw) for key in self._keys.values())
        return [base64.b64encode(one).decode() for one in raw]

    def valid(self, head: Head) -> bool:
        """Did one of these keys sign exactly this?"""
        key = self._keys.get(head.key)
        try:
            if key is None:
                return False
            key.verify(base64.b64decode(head.signature, validate=True), head.signed())
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id(raw: bytes) -> str:
    """How heads name a key."""
    return hashlib.sha256(raw).hexdigest()[:16]
