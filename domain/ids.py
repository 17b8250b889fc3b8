"""Prefixed, sortable ids: `exc_`, `sig_`, `tsk_`, `dec_`, `txn_`, `msg_` followed by a UUIDv7 (RFC 9562) in hex."""

import hashlib
from datetime import datetime

_BASE32 = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no I, O, 0, 1: read aloud on a shop floor


def make_id(prefix: str, now: datetime, randomness: bytes) -> str:
    """An id that sorts by `now` (aware); `randomness` are at least 10 bytes that the caller draws, so this stays
    pure."""
    millis = int(now.timestamp() * 1000)
    value = bytearray(millis.to_bytes(6, "big") + randomness[:10])
    value[6] = (value[6] & 0x0F) | 0x70
    value[8] = (value[8] & 0x3F) | 0x80
    return f"{prefix}_{value.hex()}"


def derived_id(prefix: str, *parts: object) -> str:
    """The same id for the same parts, for things that must be made once however often they are tried."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()
    return f"{prefix}_{digest[:32]}"


def task_code(randomness: bytes) -> str:
    """A code of 4 base-32 characters (20 bits) that binds an SMS answer to one task; needs 4 random bytes."""
    return "".join(_BASE32[byte % 32] for byte in randomness[:4])
