"""Where machines call us: signed events, Slack, Twilio. The raw bytes go to intake, which verifies and commits them."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.bodies import DOOR_LIMIT, TooLargeError, read_body
from api.deps import ApiDeps, Deps
from intake.doors import DoorAnswer

router = APIRouter()
SLACK = ("/slack/interactivity", "/slack/commands", "/slack/events")
TWILIO = ("/twilio/inbound", "/twilio/status", "/twilio/voice", "/twilio/voice/answer")


def public_url(request: Request, deps: ApiDeps) -> str:
    """The URL that the vendor called and signed: as configured, never as the Host header says."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{deps.public_url}{request.url.path}{'?' + query if query else ''}"


async def _body(request: Request, deps: ApiDeps) -> bytes:
    try:
        return await read_body(request, DOOR_LIMIT)
    except TooLargeError as error:
        await deps.doors.refuse(request.url.path.split("/")[1], error.message, error.start, deps.now())
        raise


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _respond(answer: DoorAnswer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.content_type)


@router.post("/webhooks/events")
async def webhook(request: Request, deps: Deps) -> Response:
    """A CloudEvent: 202 new, 200 known, 4xx refused, 503 come again."""
    body = await _body(request, deps)
    return _respond(await deps.doors.webhook(public_url(request, deps), _headers(request), body, deps.now()))


async def slack(request: Request, deps: Deps) -> Response:
    """A press, a form, a command or an event of Slack."""
    body, path = await _body(request, deps), request.url.path
    return _respond(await deps.doors.slack(path, public_url(request, deps), _headers(request), body, deps.now()))


async def twilio(request: Request, deps: Deps) -> Response:
    """A text, what became of one, or a call under way."""
    body, path = await _body(request, deps), request.url.path
    return _respond(await deps.doors.twilio(path, public_url(request, deps), _headers(request), body, deps.now()))


for _path in SLACK:
    router.add_api_route(_path, slack, methods=["POST"])
for _path in TWILIO:
    router.add_api_route(_path, twilio, methods=["POST"])
