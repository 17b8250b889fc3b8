"""Reading what callers send, with a limit that holds before the bytes are in memory."""

from urllib.parse import parse_qsl

from fastapi import Request

from domain.errors import InvalidPayloadError

DOOR_LIMIT = 256 * 1024
FORM_LIMIT = 64 * 1024
DOCUMENT_LIMIT = 1024 * 1024  # a form with a whole definition in it: 256,000 characters, urlencoded
_FIELDS = 100


class TooLargeError(InvalidPayloadError):
    """More bytes than the limit; `start` is what had come by then."""

    code = "mos.too_large"

    def __init__(self, limit: int, start: bytes) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")
        self.start = start


async def read_body(request: Request, limit: int) -> bytes:
    """The raw bytes. Raises TooLargeError as soon as they are, or announce to be, more than `limit`."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooLargeError(limit, b"")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(limit, bytes(body[:limit]))
    return bytes(body)


async def read_form(request: Request, limit: int = FORM_LIMIT) -> dict[str, str]:
    """The fields of an urlencoded form; of a repeated one the last. Raises InvalidPayloadError."""
    body = await read_body(request, limit)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise InvalidPayloadError("Send this as a form of the console.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"))
    except ValueError as error:
        raise InvalidPayloadError("The form can't be read.") from error
