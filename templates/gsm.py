"""GSM 03.38: what fits into an SMS, and how many segments a text costs.

A text of only GSM 7-bit characters has 160 in one segment, 153 in each of several; one other character makes it UCS-2
with 70 and 67 (3GPP TS 23.038, 23.040). So a curly quote more than doubles the price: it is replaced by a plain one.
"""

import re
import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
_GSM = re.compile(f"[{re.escape(''.join(sorted(_BASIC | _EXTENDED)))}]*")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000\t", " "),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u00ad\u2060", ""),
        "…": "...",
        "•": "-",
        "·": "-",
        "×": "x",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "°": " deg ",
    }
)
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "đ": "d", "Đ": "D"})  # letters that Unicode does not decompose


def plain(text: str) -> str:
    """The same words without ornament: plain quotes, dashes and spaces. Every letter stays."""
    return text.translate(_PLAIN)


def normalise(text: str) -> str:
    """The same words in GSM characters: letters outside them lose their diacritics; other scripts stay as they are."""
    text = plain(text).translate(_LETTERS)
    return text if _GSM.fullmatch(text) else "".join(_gsm(char) for char in text)


def _gsm(char: str) -> str:
    if char in _BASIC or char in _EXTENDED:
        return char
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return bare if bare and all(part in _BASIC for part in bare) else char


def segments(text: str) -> int:
    """How many SMS segments this text takes (an empty one takes one)."""
    if _GSM.fullmatch(text):
        return _count(len(text) + sum(text.count(char) for char in _EXTENDED), 160, 153)
    return _count(len(text.encode("utf-16-be")) // 2, 70, 67)


def clip(text: str, count: int) -> str:
    """The beginning of the text that takes at most `count` segments."""
    if segments(text) <= count:
        return text
    gsm = all(char in _BASIC or char in _EXTENDED for char in text)
    room = count * (153 if gsm else 67) if count > 1 else (160 if gsm else 70)
    for index, char in enumerate(text):
        room -= (2 if char in _EXTENDED else 1) if gsm else len(char.encode("utf-16-be")) // 2
        if room < 0:
            return text[:index]
    return text


def _count(units: int, single: int, each: int) -> int:
    return 1 if units <= single else -(-units // each)
