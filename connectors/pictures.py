"""Pictures from strangers: only what is a PNG or a JPEG from its first byte to its last, without anything beside the
picture (PNG: W3C third edition; JPEG: ITU-T T.81). Pure; nothing is decoded.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.errors import RejectedError

MAX_PIXELS = 40_000_000
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"pHYs", b"IDAT", b"IEND"})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; the others are not in use for photographs
_KEPT = _FRAMES | {0xC4, 0xDB, 0xDD, 0xE0, 0xEE}  # tables, restart interval, JFIF, Adobe colour transform
_DROPPED = frozenset(range(0xE1, 0xF0)) - {0xEE} | {0xFE}  # EXIF, XMP, colour profiles, comments


@dataclass(frozen=True)
class Picture:
    """`kind`: image/png or image/jpeg, by its bytes. `data` is without EXIF, comments and text; `came` is what was
    fetched, which is only for telling how the camera was held and for its hash."""

    kind: str
    width: int
    height: int
    data: bytes
    came: bytes = b""


def picture(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Raises RejectedError for anything else, for something before, between or after, and for too many pixels."""
    try:
        if data.startswith(_PNG):
            found = _png(data)
        elif data.startswith(_JPEG):
            found = _jpeg(data)
        else:
            raise _no("it is neither PNG nor JPEG")
    except (IndexError, ValueError) as error:
        raise _no(f"it is cut or damaged: {error}") from error
    if not 0 < found.width * found.height <= max_pixels:
        raise _no(f"{found.width} x {found.height} pixels")
    return replace(found, came=data)


def _no(why: str) -> RejectedError:
    return RejectedError("The picture is not taken: send a PNG or JPEG photo.", detail=why, code="media.picture")


def _png(data: bytes) -> Picture:
    kept, names, header = [_PNG], list[bytes](), b""
    for name, body, whole in _chunks(data):
        names.append(name)
        header = header or body
        if name in _CHUNKS:
            kept.append(whole)
    if names[0] != b"IHDR" or names.count(b"IHDR") != 1 or b"IDAT" not in names or len(header) != 13:
        raise _no("a PNG begins with its header and holds a picture")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    return Picture("image/png", width, height, b"".join(kept))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, body and whole of each chunk, to the end mark, which must be the end of the file."""
    at = len(_PNG)
    while True:
        size, name = int.from_bytes(_part(data, at, 4), "big"), _part(data, at + 4, 4)
        whole = _part(data, at, size + 12)
        body = whole[8:-4]
        if zlib.crc32(whole[4:-4]).to_bytes(4, "big") != whole[-4:]:
            raise _no("a chunk's checksum is wrong")
        if name not in _CHUNKS and not name[0] & 0x20:
            raise _no("an unknown critical chunk")
        yield name, body, whole
        at += len(whole)
        if name == b"IEND":
            break
    if at != len(data) or size:
        raise _no("something follows the picture")


def _jpeg(data: bytes) -> Picture:
    kept, at, size = [data[:2]], 2, (0, 0)
    while True:
        marker = _marker(data, at)
        if marker == 0xD9:
            break
        length = int.from_bytes(_part(data, at + 2, 2), "big")
        whole = _part(data, at, 2 + max(length, 2))
        at += len(whole)
        if marker == 0xDA:
            end = _scan_end(data, at)
            kept.append(whole + data[at:end])
            at = end
        elif marker in _KEPT:
            kept.append(whole)
            size = _frame(whole, size) if marker in _FRAMES else size
        elif marker not in _DROPPED:
            raise _no(f"marker {marker:#x}")
    if at + 2 != len(data):
        raise _no("something follows the picture")
    return Picture("image/jpeg", *size, b"".join(kept) + data[at:])


def _frame(segment: bytes, before: tuple[int, int]) -> tuple[int, int]:
    if before != (0, 0):
        raise _no("two frames")
    height, width = int.from_bytes(_part(segment, 5, 2), "big"), int.from_bytes(_part(segment, 7, 2), "big")
    return width, height


def _marker(data: bytes, at: int) -> int:
    if data[at] != 0xFF:
        raise _no("no marker where one must be")
    return data[at + 1]


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded picture ends: at the first marker that is neither a stuffed byte nor a restart."""
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def _part(data: bytes, at: int, size: int) -> bytes:
    found = data[at : at + size]
    if len(found) != size:
        raise ValueError("it ends too early")
    return found
