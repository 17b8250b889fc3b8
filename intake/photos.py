"""Makes a picture fit to keep: upright, no larger than a screen needs, and nothing but its pixels. Pure.

What a camera writes beside a picture (place, serial number, time) is gone; which way it was held is used first.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from connectors.pictures import Picture
from domain.errors import RejectedError
from domain.values import Json

EDGE, SMALL_EDGE, PAPER_EDGE = 2048, 320, 1000  # pixels
MAX_KEPT = 1_500_000  # bytes
_QUALITIES = (85, 70, 50)
_ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4
_BROKEN = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError),
    *(ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, EOFError, struct.error, zlib.error),
)
"""What Pillow raises for a file that is cut or made up: not only what it documents."""


@dataclass(frozen=True)
class Developed:
    """JPEGs: the picture and a thumbnail. `came`: SHA-256 of what was fetched."""

    width: int
    height: int
    data: bytes
    small: bytes
    came: str

    def row(self) -> dict[str, Json]:
        """The columns of a picture."""
        sha256 = hashlib.sha256(self.data).hexdigest()
        about = {"sha256": sha256, "kind": "image/jpeg", "width": self.width, "height": self.height}
        return about | {"size": len(self.data), "data": self.data, "small": self.small}


def develop(picture: Picture) -> Developed:
    """Decodes it wholly: what can't be decoded is no picture. Raises RejectedError."""
    try:
        image = _upright(picture)
        data = next(
            (one for one in (_jpeg(image, quality) for quality in _QUALITIES) if len(one) <= MAX_KEPT), None
        ) or _jpeg(_within(image, EDGE // 2), _QUALITIES[-1])
        small = _jpeg(_within(image, SMALL_EDGE), _QUALITIES[0])
    except _BROKEN as error:
        why = "The picture is not taken: it is damaged."
        raise RejectedError(why, detail=repr(error), code="media.picture") from error
    return Developed(image.width, image.height, data, small, hashlib.sha256(picture.came).hexdigest())


def for_paper(kept: bytes) -> bytes:
    """A picture that we keep, as large as paper shows it: a JPEG."""
    with Image.open(BytesIO(kept), formats=["JPEG"]) as image:
        image.draft("RGB", (PAPER_EDGE, PAPER_EDGE))
        return _jpeg(_within(image, PAPER_EDGE), _QUALITIES[0])


def _upright(picture: Picture) -> Image.Image:
    with Image.open(BytesIO(picture.data), formats=["PNG", "JPEG"]) as image:
        image.draft("RGB", (EDGE, EDGE))  # a JPEG is decoded at a fraction of its size
        image.load()
        turned = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    if turned.mode == "RGBA":
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned).convert("RGB")
    turned.getexif()[_ORIENTATION] = _orientation(picture.came)
    return _within(ImageOps.exif_transpose(turned), EDGE)


def _orientation(came: bytes) -> int:
    """How the camera was held, 1 to 8; 1 when it does not say so legibly."""
    try:
        with Image.open(BytesIO(came), formats=["PNG", "JPEG"]) as image:
            found = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return found if found in range(1, 9) else 1


def _within(image: Image.Image, edge: int) -> Image.Image:
    """A copy that fits into a square of this edge."""
    copy = image.copy()
    copy.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return copy


def _jpeg(image: Image.Image, quality: int) -> bytes:
    """Without metadata: what is not given is not written."""
    out = BytesIO()
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    clean.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()
