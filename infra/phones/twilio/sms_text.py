"""How an SMS body is counted: GSM-7 or UCS-2, and how many segments."""

import math

_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = set("^{}\\[~]|€\f")


def is_gsm7(body: str) -> bool:
    """Whether every character is in the GSM 03.38 alphabet or its extension."""
    return all(c in _BASIC or c in _EXTENDED for c in body)


def segments(body: str) -> int:
    """Segments as the carriers bill them: 160 then 153 septets, or 70 then 67 UTF-16 units."""
    if is_gsm7(body):
        units, single, joined = sum(2 if c in _EXTENDED else 1 for c in body), 160, 153
    else:
        units, single, joined = len(body.encode("utf-16-be")) // 2, 70, 67
    return 1 if units <= single else math.ceil(units / joined)
