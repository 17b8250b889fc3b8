"""QR codes of authenticators, as pictures of our own: nothing of the secret goes to anybody else."""

import io
from urllib.parse import parse_qs, urlsplit

from fastapi.responses import Response

from domain.errors import NotFoundError


def key(uri: str) -> str:
    """The secret in groups of four, to be typed by who can't take a picture of the screen."""
    secret = parse_qs(urlsplit(uri).query).get("secret", [""])[0]
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def answer(uri: str) -> Response:
    """An SVG, dark on white in light and dark pages alike. Raises NotFoundError when there is nothing to show."""
    import segno  # here: only an enrolment draws one, and every start of the console would pay for it

    if not uri:
        raise NotFoundError("No authenticator waits for its first code.")
    drawn = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(drawn, kind="svg", scale=5, border=4, light="#fff", dark="#000")
    return Response(drawn.getvalue(), media_type="image/svg+xml")
